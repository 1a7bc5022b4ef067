// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use super::*;
use evergrant_core::fleet::{Claim, Fail, Print, Put, Said, Sealed, Stamp, Table};
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::thread;

const NOW: StoreTime = StoreTime::from_millis(1_767_225_600_000);
const LIMIT: Duration = Duration::from_secs(10);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A folder of the test's own, which goes with it.
struct Own(PathBuf);

impl Own {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("evergrant-folder-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn store(&self) -> FolderStore {
        FolderStore::open(self.at("store")).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.at("store").join(name)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn name(number: u8) -> Name {
    Name::new([number; 16])
}

fn claim(me: u8) -> Operation {
    let lease = Some(seconds(11));
    Operation::Claim(Claim {
        claimant: Claimant::new([me; 16]),
        dropped: None,
        held: None,
        lease,
        young: seconds(10),
    })
}

fn put(me: u8, stamp: Stamp, ends_in: Duration) -> Operation {
    Operation::Put(Put {
        claimant: Claimant::new([me; 16]),
        stamp,
        print: Print::new([me; 8]),
        sealed: Sealed::new(b"sealed"),
        ends_in,
        due_in: ends_in / 2,
        life: ends_in,
    })
}

/// Claims and puts at this time.
fn kept(store: &FolderStore, name: &Name, now: StoreTime) {
    let run = |operation| store.run_at(|| now, name, &operation, LIMIT).unwrap().unwrap();
    let Reply::Claimed { stamp, .. } = run(claim(1)) else { panic!("nobody else is here") };
    assert_eq!(run(put(1, stamp, seconds(60))), Reply::Kept);
}

/// What a claim at the host's own time is answered.
fn asked(store: &FolderStore) -> Result<Reply, StoreError> {
    store.run(&name(1), &claim(1), LIMIT)
}

fn refused(reply: Result<Reply, StoreError>) -> String {
    match reply {
        Err(error @ StoreError::Refused(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn operation() -> impl Strategy<Value = (i64, u8, Operation)> {
    let times = || prop_oneof![Just(0_u64), 1..20_000_u64, Just(3_600_000)];
    let me = || (0..3_u8, any::<bool>());
    let claimant = |(me, is_offer): (u8, bool)| {
        let claimant = Claimant::new([me; 16]);
        if is_offer { claimant.offering() } else { claimant }
    };
    let print = || proptest::option::of((0..3_u8).prop_map(|print| Print::new([print; 8])));
    let millis = Duration::from_millis;
    let claims = (me(), print(), print(), any::<bool>(), times(), times()).prop_map(
        move |(me, dropped, held, takes, lease, young)| {
            let lease = takes.then(|| millis(lease));
            Operation::Claim(Claim { claimant: claimant(me), dropped, held, lease, young: millis(young) })
        },
    );
    // The stamps that the store gave are put in by the test: these two numbers say which, and how old.
    let puts = (me(), 0..3_u8, times(), times(), times()).prop_map(move |(me, print, ends, due, life)| {
        Operation::Put(Put {
            claimant: claimant(me),
            stamp: Stamp::new(Fence::new(0), StoreTime::default()),
            print: Print::new([print; 8]),
            sealed: Sealed::new(&[print; 40]),
            ends_in: millis(ends),
            due_in: millis(due),
            life: millis(life),
        })
    });
    let fails = (me(), any::<bool>(), times(), times(), times(), 0..=1000_u16).prop_map(
        move |(me, counts, base, cap, told, spread)| {
            let said = counts.then(|| Said::parse("transient 503 -")).flatten();
            Operation::Fail(Fail {
                claimant: claimant(me),
                stamp: Stamp::new(Fence::new(0), StoreTime::default()),
                counts,
                base: millis(base),
                cap: millis(cap),
                told: millis(told),
                spread,
                said,
            })
        },
    );
    (
        // Now and then the clock is set back.
        prop_oneof![20 => Just(0), 30 => 1..9_000_i64, 10 => 1_000_000..9_000_000_i64, 1 => -9_000_000..0_i64],
        0..4_u8,
        prop_oneof![3 => claims, 2 => puts, 1 => fails],
    )
}

/// How many operations each case has.
const OPERATIONS: usize = 400;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(25)))]

    #[test]
    fn it_replies_what_the_pure_table_replies(
        operations in proptest::collection::vec(operation(), OPERATIONS),
    ) {
        let own = Own::new();
        // What another process opened is the same.
        let stores = [own.store(), own.store()];
        let (mut table, mut now, mut stamps) = (Table::new(), NOW, Vec::new());
        for (at, (later, which, mut operation)) in operations.into_iter().enumerate() {
            now = StoreTime::from_millis(now.as_millis().checked_add_signed(later).unwrap());
            let stamp: Option<&Stamp> = stamps.iter().rev().nth(usize::from(which));
            match (&mut operation, stamp) {
                (Operation::Put(put), Some(stamp)) => put.stamp = *stamp,
                (Operation::Fail(fail), Some(stamp)) => fail.stamp = *stamp,
                _ => {}
            }
            let name = name(which % 2);
            let store = &stores[at % 2];
            let reply = store.run_at(|| now, &name, &operation, LIMIT).unwrap().unwrap();
            prop_assert_eq!(&reply, &table.run(now, &name, &operation), "{:?}", operation);
            if let Reply::Claimed { stamp, .. } = reply {
                stamps.push(stamp);
            }
        }
    }
}

/// `PROPTEST_CASES`, if somebody wants more.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

#[test]
fn of_threads_that_claim_at_once_one_has_it() {
    let own = Own::new();
    // A process that ends gives its claim back.
    let stores: Vec<FolderStore> = (0..16).map(|_| own.store()).collect();
    let replies: Vec<Reply> = thread::scope(|scope| {
        let run = |(me, store): (u8, &FolderStore)| store.run(&name(1), &claim(me), LIMIT).unwrap();
        let claims: Vec<_> = (0..16).zip(&stores).map(|each| scope.spawn(move || run(each))).collect();
        claims.into_iter().map(|claim| claim.join().unwrap()).collect()
    });
    let claimed = replies.iter().filter(|reply| matches!(reply, Reply::Claimed { .. })).count();
    let busy = replies.iter().filter(|reply| matches!(reply, Reply::Busy { .. })).count();
    assert_eq!((claimed, busy), (1, 15), "{replies:?}");
    // Each was told how many were told before.
    let mut told: Vec<u32> = replies
        .iter()
        .filter_map(|reply| if let Reply::Busy { told, .. } = reply { Some(*told) } else { None })
        .collect();
    told.sort_unstable();
    assert_eq!(told, (1..=15).collect::<Vec<_>>());
}

#[test]
fn a_lock_that_is_held_is_waited_for_and_then_left() {
    let own = Own::new();
    let store = own.store();
    let lock = store.0.folder.lock(&name(1), LIMIT).unwrap().unwrap();
    assert_eq!(store.run(&name(1), &claim(1), Duration::from_millis(20)), Err(StoreError::TimedOut));
    kept(&store, &name(3), now());
    let held = store.0.folder.lock(&name(3), LIMIT).unwrap().unwrap();
    let given = store.run(&name(3), &claim(2), Duration::ZERO);
    assert!(matches!(given, Ok(Reply::Have(_))), "nobody waits for a token that is there");
    drop(held);
    assert!(matches!(store.run(&name(2), &claim(1), LIMIT), Ok(Reply::Claimed { .. })), "another entry");
    drop(lock);
    assert!(matches!(asked(&store), Ok(Reply::Claimed { .. })));
    assert!(!own.file(&format!("{}.lock", name(1))).exists(), "no lock is left behind");
}

#[test]
fn files_and_folder_are_their_users_alone() {
    let own = Own::new();
    let store = own.store();
    kept(&store, &name(1), now());
    let mode = |path: PathBuf| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(own.at("store")), 0o700);
    let files: Vec<PathBuf> =
        fs::read_dir(own.at("store")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files, [own.file(&format!("{}.entry", name(1)))]);
    assert_eq!(mode(files[0].clone()), 0o600);
}

#[test]
fn a_folder_that_is_open_to_others_or_no_folder_is_refused() {
    let own = Own::new();
    let store = own.store();
    fs::set_permissions(own.at("store"), fs::Permissions::from_mode(0o755)).unwrap();
    let error = FolderStore::open(own.at("store")).unwrap_err();
    assert_eq!(error.path(), own.at("store"));
    assert!(
        error.to_string().ends_with("is open to other users (mode 755); chmod 700 it, or remove it"),
        "{error}"
    );
    drop(store);
    symlink(own.at("store"), own.at("link")).unwrap();
    fs::write(own.at("file"), "").unwrap();
    for path in ["link", "file"] {
        let error = FolderStore::open(own.at(path)).unwrap_err().to_string();
        assert!(error.ends_with("is not a folder, or is a symbolic link"), "{error}");
    }
    assert_eq!(FolderStore::find(own.at("none")).unwrap().map(|store| store.path().to_owned()), None);
    if Path::new("/proc/self").exists() {
        let error = FolderStore::open("/proc/evergrant").unwrap_err().to_string();
        assert!(error.starts_with("the folder /proc/evergrant cannot be made"), "{error}");
    }
}

/// Puts this in the place of a file, and something precious beside the folder.
fn stranger(own: &Own, path: &Path, kind: &str) {
    let victim = own.at("victim");
    fs::write(&victim, "precious").unwrap();
    let _gone = fs::remove_file(path);
    match kind {
        "a link" => symlink(&victim, path).unwrap(),
        "a pipe" => {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }
        _ => {
            fs::write(path, "of others").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
        }
    }
}

#[test]
fn what_is_no_file_of_the_users_alone_is_no_entry_and_the_next_one_takes_its_place() {
    let own = Own::new();
    let store = own.store();
    let path = own.file(&format!("{}.entry", name(1)));
    for kind in ["a link", "a pipe", "a file that others may read"] {
        stranger(&own, &path, kind);
        assert_eq!(store.entries().unwrap(), [], "{kind}");
        assert!(matches!(asked(&store), Ok(Reply::Claimed { .. })), "{kind}");
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert!(metadata.is_file() && metadata.mode() & 0o777 == 0o600, "{kind}");
        assert_eq!(fs::read_to_string(own.at("victim")).unwrap(), "precious", "{kind}");
    }
}

#[test]
fn nobody_holds_a_lock_that_is_no_file_of_the_users_alone() {
    let own = Own::new();
    let store = own.store();
    let path = own.file(&format!("{}.lock", name(1)));
    for (kind, says) in [
        ("a link", "is a symbolic link"),
        ("a pipe", "is not a regular file"),
        ("a file that others may read", "is open to other users (mode 640)"),
    ] {
        stranger(&own, &path, kind);
        let error = refused(asked(&store));
        assert!(error.contains(says), "{error}");
        assert_eq!(fs::read_to_string(own.at("victim")).unwrap(), "precious", "{kind}");
    }
}

#[test]
fn where_nothing_can_be_locked_a_token_that_is_there_can_be_had() {
    let own = Own::new();
    let store = own.store();
    kept(&store, &name(1), now());
    fs::create_dir(own.file(&format!("{}.lock", name(1)))).unwrap();
    assert!(matches!(asked(&store), Ok(Reply::Have(_))));
    fs::create_dir(own.file(&format!("{}.lock", name(2)))).unwrap();
    assert!(refused(store.run(&name(2), &claim(1), LIMIT)).contains("cannot be locked"));
}

#[test]
fn the_claim_of_a_process_that_is_no_more_ends_at_once() {
    let own = Own::new();
    let (dying, store) = (own.store(), own.store());
    assert!(matches!(dying.run(&name(1), &claim(1), LIMIT), Ok(Reply::Claimed { .. })));
    assert!(matches!(store.run(&name(1), &claim(2), LIMIT), Ok(Reply::Busy { .. })), "it lives");
    // What the system does for a process that ends.
    drop(dying);
    assert!(matches!(store.run(&name(1), &claim(2), LIMIT), Ok(Reply::Claimed { .. })));
    let claims = || {
        let files = fs::read_dir(own.at("store")).unwrap().map(|file| file.unwrap().file_name());
        files.filter(|file| file.to_string_lossy().ends_with(".claim")).count()
    };
    assert_eq!(claims(), 1, "that of the one who asks now");
    // One that is not there tells nothing: then the lease counts.
    for file in fs::read_dir(own.at("store")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|ending| ending == "claim") {
            fs::remove_file(file).unwrap();
        }
    }
    assert!(matches!(own.store().run(&name(1), &claim(3), LIMIT), Ok(Reply::Busy { .. })));
    // What nobody has asked after goes with the next sweep.
    drop(store);
    let left = own.store();
    assert!(matches!(left.run(&name(2), &claim(1), LIMIT), Ok(Reply::Claimed { .. })));
    drop(left);
    assert_eq!(claims(), 1);
    own.store().sweep();
    assert_eq!(claims(), 0);
    assert!(
        matches!(own.store().run(&name(2), &claim(2), LIMIT), Ok(Reply::Claimed { .. })),
        "and is nobody's"
    );
}

#[test]
fn a_claim_of_which_nobody_tells_what_became_goes_when_another_one_is_made_after_its_time() {
    let own = Own::new();
    let store = own.store();
    let begun = StoreTime::from_millis(1_800_000_000_000);
    let run = |now: StoreTime, number, me| store.run_at(|| now, &name(number), &claim(me), LIMIT).unwrap();
    let held = || store.0.asking.lock().unwrap().len();
    let claims = || store.0.folder.claims().unwrap().len();
    for number in 1..=5 {
        assert!(matches!(run(begun, number, number), Some(Reply::Claimed { .. })));
    }
    assert_eq!((held(), claims()), (5, 5));
    assert!(matches!(run(begun.after(seconds(10)), 6, 6), Some(Reply::Claimed { .. })));
    assert_eq!((held(), claims()), (6, 6), "they may ask yet");
    assert!(matches!(run(begun.after(seconds(11)), 7, 7), Some(Reply::Claimed { .. })));
    assert_eq!((held(), claims()), (2, 2));
}

#[test]
fn a_claim_whose_end_cannot_be_written_is_that_of_somebody_who_is_no_more() {
    let own = Own::new();
    let (store, next) = (own.store(), own.store());
    let Ok(Reply::Claimed { stamp, .. }) = store.run(&name(1), &claim(1), LIMIT) else { panic!() };
    // A put that comes too late leaves the claim to whoever made it.
    assert_eq!(store.run(&name(1), &put(1, stamp, Duration::ZERO), LIMIT), Ok(Reply::Late));
    assert!(matches!(next.run(&name(1), &claim(2), LIMIT), Ok(Reply::Busy { .. })), "it lives");
    let new = own.file(&format!("{}.new", name(1)));
    fs::create_dir(&new).unwrap();
    let (claimant, zero) = (Claimant::new([1; 16]), Duration::ZERO);
    let fail =
        Fail { claimant, stamp, counts: false, base: zero, cap: zero, told: zero, spread: 0, said: None };
    assert!(refused(store.run(&name(1), &Operation::Fail(fail), LIMIT)).contains("cannot be written"));
    fs::remove_dir(&new).unwrap();
    assert!(matches!(next.run(&name(1), &claim(2), LIMIT), Ok(Reply::Claimed { .. })));
}

#[test]
fn a_link_is_none_with_a_slash_behind_it_either() {
    let own = Own::new();
    drop(own.store());
    symlink(own.at("store"), own.at("link")).unwrap();
    for path in ["link", "link/", "link/."] {
        assert!(FolderStore::open(own.0.join(path)).is_err(), "{path}");
        assert!(FolderStore::find(own.0.join(path)).is_err(), "{path}");
    }
}

#[test]
fn what_a_clock_that_was_ahead_has_left_is_not_there() {
    let own = Own::new();
    let store = own.store();
    kept(&store, &name(1), now().after(seconds(86_400)));
    let held = store.entry(&name(1)).unwrap();
    assert_eq!((held.token_ends_at, held.rests_until, held.is_asked_for), (None, None, false));
    assert!(matches!(asked(&store), Ok(Reply::Claimed { .. })));
}

#[test]
fn what_was_damaged_or_is_of_another_version_is_as_good_as_lost() {
    let own = Own::new();
    let store = own.store();
    kept(&store, &name(1), now());
    let file = own.file(&format!("{}.entry", name(1)));
    let whole = fs::read_to_string(&file).unwrap();
    let other = whole.replace("evergrant-entry 1", "evergrant-entry 2");
    for content in
        [&b""[..], b"\xff\xfe", &whole.as_bytes()[..whole.len() / 2], other.as_bytes(), &[b'a'; 100_000]]
    {
        fs::write(&file, content).unwrap();
        assert!(matches!(asked(&store), Ok(Reply::Claimed { .. })));
        assert_eq!(Entry::parse(&fs::read_to_string(&file).unwrap()).unwrap().token_ends_at(), None);
    }
}

#[test]
fn what_a_killed_process_left_is_no_hindrance() {
    let own = Own::new();
    let store = own.store();
    for ending in ["lock", "new"] {
        let path = own.file(&format!("{}.{ending}", name(1)));
        fs::write(&path, "half").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(matches!(asked(&store), Ok(Reply::Claimed { .. })));
    drop(store);
    let left = || {
        let files = fs::read_dir(own.at("store"))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap());
        files.filter(|file| !file.ends_with(".claim")).collect::<Vec<_>>()
    };
    assert_eq!(left(), [format!("{}.entry", name(1))]);
}

#[test]
fn a_folder_that_was_removed_is_made_again() {
    let own = Own::new();
    let store = own.store();
    kept(&store, &name(1), now());
    fs::remove_dir_all(own.at("store")).unwrap();
    assert!(matches!(asked(&store), Ok(Reply::Claimed { .. })));
    assert!(matches!(own.store().run(&name(1), &claim(2), LIMIT), Ok(Reply::Busy { .. })), "for all");
}

#[test]
fn what_is_over_goes_and_what_is_not_stays() {
    let own = Own::new();
    let store = own.store();
    let (hour, now) = (seconds(3600), now());
    let ago =
        |time: Duration| StoreTime::from_millis(now.as_millis() - u64::try_from(time.as_millis()).unwrap());
    kept(&store, &name(1), ago(3 * hour));
    kept(&store, &name(2), ago(seconds(90)));
    let old = |file: &str| {
        let path = own.file(file);
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - hour).unwrap();
    };
    let (killed, young) = (format!("{}.new", name(3)), format!("{}.new", name(4)));
    // Whoever writes it holds the lock.
    let writing = store.0.folder.lock(&name(4), LIMIT).unwrap();
    let earlier = format!("{}.token", name(5));
    for file in [&killed, &earlier, "file.key.0123456789abcdef", "notes.token", "file.key.old"] {
        old(file);
    }
    fs::write(own.file(&young), "x").unwrap();
    fs::set_permissions(own.file(&young), fs::Permissions::from_mode(0o600)).unwrap();
    // The next put looks after it.
    assert!(matches!(store.run(&name(6), &claim(1), LIMIT), Ok(Reply::Claimed { .. })));
    let Ok(Reply::Claimed { stamp, .. }) = store.run(&name(6), &claim(1), LIMIT) else { panic!() };
    assert_eq!(store.run(&name(6), &put(1, stamp, seconds(60)), LIMIT), Ok(Reply::Kept));
    let mut left: Vec<String> = fs::read_dir(own.at("store"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort_unstable();
    let mut expected = vec![
        format!("{}.entry", name(2)),
        format!("{}.entry", name(6)),
        young,
        "file.key.old".into(),
        "notes.token".into(),
    ];
    expected.push(format!("{}.lock", name(4)));
    expected.push("swept".into());
    expected.sort_unstable();
    assert_eq!(left, expected);
    drop(writing);
    store.sweep();
    assert!(!own.file(&format!("{}.new", name(4))).exists(), "its writer was killed");
    // Another process leaves it alone for an hour.
    old(&earlier);
    let put_by_another = |me: u8| {
        let store = own.store();
        let Ok(Reply::Claimed { stamp, .. }) = store.run(&name(10 + me), &claim(me), LIMIT) else { panic!() };
        assert_eq!(store.run(&name(10 + me), &put(me, stamp, seconds(60)), LIMIT), Ok(Reply::Kept));
    };
    put_by_another(1);
    assert!(own.file(&earlier).exists());
    for (me, swept) in [(2, SystemTime::now() - hour), (3, SystemTime::now() + hour)] {
        old(&earlier);
        fs::File::options().write(true).open(own.file("swept")).unwrap().set_modified(swept).unwrap();
        put_by_another(me);
        assert!(!own.file(&earlier).exists(), "of a clock that was ahead, too");
    }
}

#[test]
fn what_is_in_it_can_be_told_and_removed_without_a_key() {
    let own = Own::new();
    let store = own.store();
    assert_eq!(store.entries().unwrap(), []);
    kept(&store, &name(2), NOW);
    let _ = store.run_at(|| NOW, &name(1), &claim(1), LIMIT).unwrap();
    let entries = store.entries().unwrap();
    let ends: Vec<_> = entries.iter().map(|held| (held.name, held.token_ends_at)).collect();
    assert_eq!(ends, [(name(1), None), (name(2), Some(NOW.after(seconds(60))))]);
    assert_eq!(entries[1].expires_at, NOW.after(seconds(60 + 3600)));
    let file = own.file(&format!("{}.entry", name(2)));
    assert_eq!(entries[1].bytes, fs::metadata(file).unwrap().len());
    assert_eq!(store.entry(&name(2)).as_ref(), entries.get(1));
    assert_eq!(store.remove(&name(2), |held| held.token_ends_at.is_none()).unwrap(), Some(false));
    let lock = store.0.folder.lock(&name(2), LIMIT).unwrap().unwrap();
    assert_eq!(store.remove(&name(2), |_| true).unwrap(), None, "somebody holds it");
    drop(lock);
    assert_eq!(store.remove(&name(2), |_| true).unwrap(), Some(true));
    assert_eq!((store.entry(&name(2)), store.remove(&name(2), |_| true).unwrap()), (None, Some(false)));
    // What was damaged, or is of another version, is nobody's.
    for (text, is_ours) in
        [("evergrant-entry 2\nend\n", true), ("evergrant-entry 1\nfen", true), ("mine", false)]
    {
        kept(&store, &name(3), NOW);
        fs::write(own.file(&format!("{}.entry", name(3))), text).unwrap();
        assert_eq!(store.remove(&name(3), |held| held.expires_at <= NOW).unwrap(), Some(is_ours), "{text}");
    }
}

#[test]
fn the_random_key_is_made_once_for_all() {
    let own = Own::new();
    assert_eq!(own.store().known_key().unwrap(), None);
    let keys: Vec<_> = thread::scope(|scope| {
        let keys: Vec<_> = (0..8).map(|_| scope.spawn(|| own.store().key().unwrap())).collect();
        keys.into_iter().map(|key| key.join().unwrap()).collect()
    });
    assert!(keys.windows(2).all(|two| two[0] == two[1]));
    assert_ne!(*keys[0], [0; 32]);
    assert_eq!(own.store().known_key().unwrap().as_ref(), keys.first());
    assert_eq!(fs::metadata(own.file("file.key")).unwrap().mode() & 0o777, 0o600);
    // One that is no key is replaced.
    fs::write(own.file("file.key"), "short").unwrap();
    assert_eq!(own.store().known_key().unwrap(), None);
    assert!(own.file("file.key").exists(), "whoever only looks removes nothing");
    let other = own.store().key().unwrap();
    assert_ne!(other, keys[0]);
    own.store().forget_key().unwrap();
    own.store().forget_key().unwrap();
    assert_eq!(own.store().known_key().unwrap(), None);
}

#[test]
fn a_disk_that_takes_nothing_is_a_refusal_and_what_there_was_stays_unless_it_was_thrown_away() {
    let own = Own::new();
    let store = own.store();
    kept(&store, &name(1), now());
    let before = fs::read_to_string(own.file(&format!("{}.entry", name(1)))).unwrap();
    // A folder stands where the new entry would be written.
    fs::create_dir(own.file(&format!("{}.new", name(1)))).unwrap();
    let token = Some(Print::new([1; 8]));
    let claim = |now: StoreTime, dropped, held| {
        let (claimant, lease, young) = (Claimant::new([2; 16]), Some(seconds(11)), Duration::ZERO);
        let claim = Operation::Claim(Claim { claimant, dropped, held, lease, young });
        store.run_at(|| now, &name(1), &claim, LIMIT).unwrap_err().to_string()
    };
    let due = now().after(seconds(50));
    assert!(claim(due, None, token).contains("cannot be written"));
    assert_eq!(fs::read_to_string(own.file(&format!("{}.entry", name(1)))).unwrap(), before);
    assert!(claim(due, token, token).contains("cannot be written"));
    assert!(!own.file(&format!("{}.entry", name(1))).exists());
    let files = fs::read_dir(own.at("store")).unwrap().map(|file| file.unwrap().file_name());
    let claims = files.filter(|file| file.to_string_lossy().ends_with(".claim")).count();
    assert_eq!(claims, 0, "a claim that is not there has no file");
}

#[test]
fn what_is_wrong_with_an_entry_is_told_to_whoever_examines_it() {
    let own = Own::new();
    let store = own.store();
    assert_eq!(store.examine(&name(1)), Ok(None));
    kept(&store, &name(1), now());
    assert_eq!(store.examine(&name(1)).unwrap(), store.entry(&name(1)));
    let path = own.file(&format!("{}.entry", name(1)));
    let whole = fs::read_to_string(&path).unwrap();
    let damaged = "was not written by evergrant, or is damaged";
    for content in [&b""[..], b"\xff\xfe", &whole.as_bytes()[..whole.len() / 2], &[b'a'; 100_000]] {
        fs::write(&path, content).unwrap();
        let error = store.examine(&name(1)).unwrap_err();
        assert!(error.path() == path && error.to_string().ends_with(damaged), "{error}");
    }
    for other in ["evergrant-entry 2", "evergrant-entry 10", "evergrant-entry 2\nwhat\n"] {
        fs::write(&path, other).unwrap();
        assert_eq!(store.examine(&name(1)), Ok(None), "of another version");
    }
    for (kind, says) in [
        ("a link", "is a symbolic link"),
        ("a pipe", "is not a regular file"),
        ("a file that others may read", "is open to other users (mode 640)"),
    ] {
        stranger(&own, &path, kind);
        let error = store.examine(&name(1)).unwrap_err().to_string();
        assert!(error.ends_with(says), "{error}");
    }
}

#[test]
fn whether_somebody_asks_and_when_the_next_is_due_can_be_told_without_a_key() {
    let own = Own::new();
    let (dying, store) = (own.store(), own.store());
    kept(&store, &name(1), now());
    let held = store.entry(&name(1)).unwrap();
    assert!(held.token_is_due_at <= held.token_ends_at && held.token_is_due_at.is_some());
    assert_eq!((held.is_asked_for, held.rests_until), (false, None));
    assert!(matches!(dying.run(&name(2), &claim(1), LIMIT), Ok(Reply::Claimed { .. })));
    assert!(store.entry(&name(2)).unwrap().is_asked_for);
    let mut asked = None;
    let looked = |held: &Held| {
        asked = Some(held.is_asked_for);
        false
    };
    assert_eq!(store.remove(&name(2), looked), Ok(Some(false)));
    assert_eq!(asked, Some(true));
    drop(dying);
    assert_eq!(store.remove(&name(2), |held| !held.is_asked_for), Ok(Some(true)), "it is no more");
    let Ok(Reply::Claimed { stamp, .. }) = store.run(&name(2), &claim(1), LIMIT) else { panic!() };
    let fail = Operation::Fail(Fail {
        claimant: Claimant::new([1; 16]),
        stamp,
        counts: true,
        base: seconds(60),
        cap: seconds(60),
        told: Duration::ZERO,
        spread: 1000,
        said: None,
    });
    assert_eq!(store.run(&name(2), &fail, LIMIT), Ok(Reply::Noted));
    let held = store.entry(&name(2)).unwrap();
    assert!(held.rests_until > Some(now()) && !held.is_asked_for && held.token_ends_at.is_none());
}

#[test]
fn an_entry_that_was_lost_can_be_claimed_again_in_the_same_millisecond() {
    let own = Own::new();
    let (store, other) = (own.store(), own.store());
    // Of now, so that the claim lasts for whoever looks later.
    let now = now();
    for claimant in [1, 1, 2] {
        let reply = store.run_at(|| now, &name(1), &claim(claimant), LIMIT).unwrap().unwrap();
        assert!(matches!(reply, Reply::Claimed { .. }), "{reply:?}");
        assert!(matches!(other.run(&name(1), &claim(9), LIMIT), Ok(Reply::Busy { .. })), "it lives");
        fs::remove_file(own.file(&format!("{}.entry", name(1)))).unwrap();
    }
}
