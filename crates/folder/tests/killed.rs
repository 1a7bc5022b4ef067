//! What a process leaves that is killed, or stopped, between any two commands or in the middle of one. It starts itself: with arguments it
//! is such a process.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

fn main() {
    #[cfg(unix)]
    unix::main();
    // Elsewhere there is no folder to be used.
    #[cfg(not(unix))]
    println!(
        "\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"
    );
}

#[cfg(unix)]
mod unix {
    use evergrant_core::fleet::{Claim, Claimant, Fail, Name, Operation, Print, Put, Reply, Sealed, Stamp};
    use evergrant_drive::BlockingStore;
    use evergrant_folder::FolderStore;
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::{BufRead, BufReader, Write};
    use std::path::{Path, PathBuf};
    use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
    use std::time::Duration;
    use std::{env, fs, process, thread};

    const NAME: Name = Name::new([1; 16]);
    /// No test fails because a machine is slow.
    const LONG: Duration = Duration::from_secs(120);

    /// What a test is called, and what it does in a folder of its own.
    type Test = (&'static str, fn(&Path));

    const TESTS: [Test; 6] = [
        ("a_process_that_is_killed_after_its_claim_is_followed_at_once", killed_after_its_claim),
        ("a_process_that_is_killed_after_its_put_leaves_the_token", killed_after_its_put),
        ("a_process_that_is_killed_after_its_failure_leaves_the_rest", killed_after_its_failure),
        ("a_process_that_is_stopped_holds_its_claim_for_its_lease_and_its_late_put_changes_nothing", stopped),
        ("a_process_that_is_killed_in_the_middle_of_a_command_leaves_a_whole_entry", killed_at_any_moment),
        ("of_many_processes_that_start_at_once_one_asks", many_at_once),
    ];

    pub(crate) fn main() {
        let arguments: Vec<String> = env::args().skip(1).collect();
        if let [role, folder, me] = &*arguments
            && role == "process"
        {
            return obey(Path::new(folder), me.parse().unwrap());
        }
        println!("\nrunning {} tests", TESTS.len());
        for (number, (name, test)) in TESTS.into_iter().enumerate() {
            let folder = env::temp_dir().join(format!("evergrant-killed-{}-{number}", process::id()));
            test(&folder);
            fs::remove_dir_all(&folder).unwrap();
            println!("test {name} ... ok");
        }
        println!(
            "\ntest result: ok. {} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
            TESTS.len()
        );
    }

    /// A process that does what its input says, a word a line, and prints what came of it.
    fn obey(folder: &Path, me: u8) {
        let store = FolderStore::open(folder).unwrap();
        let run = |operation| store.run(&NAME, &operation, LONG);
        let mut stamp = None;
        for line in std::io::stdin().lines() {
            let line = line.unwrap();
            let reply = match (line.split_once(' ').unwrap_or((&line, "")), stamp) {
                (("claim", millis), _) => {
                    let reply = run(claim(me, Duration::from_millis(millis.parse().unwrap())));
                    if let Ok(Reply::Claimed { stamp: given, .. }) = &reply {
                        stamp = Some(*given);
                    }
                    reply
                }
                (("put", _), Some(stamp)) => run(put(me, stamp)),
                (("fail", _), Some(stamp)) => run(fail(me, stamp)),
                // Until it is killed.
                (("go", _), _) => loop {
                    if let Ok(Reply::Claimed { stamp, .. }) = run(claim(me, LONG)) {
                        let _kept = run(if me.is_multiple_of(2) { put(me, stamp) } else { fail(me, stamp) });
                    }
                },
                other => panic!("{other:?}"),
            };
            println!("{}", word(&reply));
        }
    }

    fn word(reply: &Result<Reply, evergrant_core::fleet::StoreError>) -> String {
        match reply {
            Ok(Reply::Have(_)) => "have".into(),
            Ok(Reply::Rest { .. }) => "rest".into(),
            Ok(Reply::Busy { .. }) => "busy".into(),
            Ok(Reply::Free) => "free".into(),
            Ok(Reply::Claimed { .. }) => "claimed".into(),
            Ok(Reply::Kept) => "kept".into(),
            Ok(Reply::Late) => "late".into(),
            Ok(Reply::Noted) => "noted".into(),
            Err(error) => error.to_string(),
        }
    }

    fn claim(me: u8, lease: Duration) -> Operation {
        let (claimant, young) = (Claimant::new([me; 16]), Duration::ZERO);
        // Whatever token there is, is to be replaced: each `go` asks.
        let dropped = Some(Print::new([0; 8]));
        Operation::Claim(Claim { claimant, dropped, held: None, lease: Some(lease), young })
    }

    fn put(me: u8, stamp: Stamp) -> Operation {
        let hour = Duration::from_secs(3600);
        Operation::Put(Put {
            claimant: Claimant::new([me; 16]),
            stamp,
            print: Print::new([0; 8]),
            sealed: Sealed::new(&[me; 1024]),
            ends_in: hour,
            due_in: hour,
            life: hour,
        })
    }

    fn fail(me: u8, stamp: Stamp) -> Operation {
        Operation::Fail(Fail {
            claimant: Claimant::new([me; 16]),
            stamp,
            counts: false,
            base: Duration::ZERO,
            cap: Duration::ZERO,
            told: Duration::ZERO,
            spread: 0,
            said: None,
        })
    }

    struct Process {
        child: Child,
        input: ChildStdin,
        output: BufReader<ChildStdout>,
    }

    impl Process {
        fn start(folder: &Path, me: u8) -> Self {
            let mut child = Command::new(env::current_exe().unwrap())
                .args(["process", folder.to_str().unwrap(), &me.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
            Self { child, input, output }
        }

        fn send(&mut self, command: &str) {
            writeln!(self.input, "{command}").unwrap();
        }

        fn reply(&mut self) -> String {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        }

        fn told(&mut self, command: &str) -> String {
            self.send(command);
            self.reply()
        }

        fn signal(&self, signal: Signal) {
            kill_process(Pid::from_child(&self.child), signal).unwrap();
        }

        fn kill(mut self) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }

    impl Drop for Process {
        fn drop(&mut self) {
            let _ended = self.child.kill();
            let _status = self.child.wait();
        }
    }

    /// Whoever comes after, and holds nothing.
    fn next(folder: &Path) -> String {
        let store = FolderStore::open(folder).unwrap();
        let (claimant, lease) = (Claimant::new([99; 16]), Some(LONG));
        let claim = Claim { claimant, dropped: None, held: None, lease, young: Duration::ZERO };
        word(&store.run(&NAME, &Operation::Claim(claim), LONG))
    }

    fn killed_after_its_claim(folder: &Path) {
        let mut holder = Process::start(folder, 2);
        assert_eq!(holder.told("claim 100000"), "claimed");
        assert_eq!(next(folder), "busy");
        holder.kill();
        assert_eq!(next(folder), "claimed");
    }

    fn killed_after_its_put(folder: &Path) {
        let mut holder = Process::start(folder, 2);
        assert_eq!([holder.told("claim 100000"), holder.told("put")], ["claimed", "kept"]);
        holder.kill();
        assert_eq!(next(folder), "have");
    }

    fn killed_after_its_failure(folder: &Path) {
        let mut holder = Process::start(folder, 2);
        assert_eq!([holder.told("claim 100000"), holder.told("fail")], ["claimed", "noted"]);
        holder.kill();
        assert_eq!(next(folder), "claimed", "it has ended its claim");
    }

    fn stopped(folder: &Path) {
        let mut holder = Process::start(folder, 2);
        assert_eq!(holder.told("claim 100000"), "claimed");
        holder.signal(Signal::STOP);
        assert_eq!(next(folder), "busy", "it lives");
        holder.signal(Signal::CONT);
        assert_eq!(holder.told("claim 1"), "claimed");
        holder.signal(Signal::STOP);
        // Past its lease. The one who asks now stays, so that its claim does.
        let mut other = Process::start(folder, 3);
        while other.told("claim 100000") != "claimed" {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(other.told("put"), "kept");
        holder.signal(Signal::CONT);
        assert_eq!(holder.told("put"), "late");
        assert_eq!(next(folder), "have");
    }

    /// Fifty processes, in four places each at a time.
    fn killed_at_any_moment(folder: &Path) {
        let store = FolderStore::open(folder).unwrap();
        for round in 0..50_u8 {
            let mut processes: Vec<Process> = (0..4).map(|me| Process::start(folder, me)).collect();
            processes.iter_mut().for_each(|process| process.send("go"));
            // They are under way once one of them has written; how far, is chance.
            while store.entry(&NAME).is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_micros(u64::from(round) * 400));
            for process in processes {
                process.kill();
            }
            // There is a whole entry, with nobody's claim in the way.
            assert!(store.entry(&NAME).is_some(), "round {round}");
            let after = next(folder);
            assert!(after == "have" || after == "claimed", "round {round}: {after}");
        }
        store.sweep();
        let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        let claims =
            files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "claim")).count();
        assert_eq!(claims, 0, "{files:?}");
    }

    fn many_at_once(folder: &Path) {
        let mut processes: Vec<Process> = (0..40).map(|me| Process::start(folder, me)).collect();
        processes.iter_mut().for_each(|process| process.send("claim 100000"));
        let replies: Vec<String> = processes.iter_mut().map(Process::reply).collect();
        let count = |word: &str| replies.iter().filter(|reply| *reply == word).count();
        assert_eq!((count("claimed"), count("busy")), (1, 39), "{replies:?}");
    }
}
