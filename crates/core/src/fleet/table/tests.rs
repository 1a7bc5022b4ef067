//! Each row of the three operations.

use crate::fleet::{
    Claim, Claimant, Fail, Name, Operation, Print, Put, Reply, Said, Sealed, Stamp, StoreTime, Table,
};
use crate::{Class, Problem, Refusal};
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const LEASE: Duration = ms(11_000);
const YOUNG: Duration = ms(10_000);

/// A store, and its clock.
struct Store {
    table: Table,
    now: StoreTime,
}

fn me(n: u8) -> Claimant {
    Claimant::new([n; 16])
}

fn print(n: u8) -> Print {
    Print::new([n; 8])
}

impl Store {
    const NAME: Name = Name::new([1; 16]);

    fn new() -> Self {
        Self { table: Table::new(), now: StoreTime::from_millis(1_795_000_000_000) }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    fn run(&mut self, operation: Operation) -> Reply {
        self.table.run(self.now, &Self::NAME, &operation)
    }

    fn claims(&mut self, claim: Claim) -> Reply {
        self.run(Operation::Claim(claim))
    }

    fn claim(&mut self, by: Claimant) -> Reply {
        self.claims(claim(by))
    }

    fn claimed(&mut self, by: Claimant) -> Stamp {
        match self.claim(by) {
            Reply::Claimed { stamp, .. } => stamp,
            reply => panic!("{reply:?}"),
        }
    }

    /// A token that ends in 100 s, and is due in 60.
    fn put(&mut self, by: Claimant, stamp: Stamp, token: u8) -> Reply {
        self.run(Operation::Put(put(by, stamp, token)))
    }

    fn fail(&mut self, by: Claimant, stamp: Stamp) -> Reply {
        self.run(Operation::Fail(fail(by, stamp)))
    }
}

fn claim(claimant: Claimant) -> Claim {
    Claim { claimant, dropped: None, held: None, lease: Some(LEASE), young: YOUNG }
}

fn put(claimant: Claimant, stamp: Stamp, token: u8) -> Put {
    let sealed = Sealed::new(&[token]);
    Put {
        claimant,
        stamp,
        print: print(token),
        sealed,
        ends_in: ms(100_000),
        due_in: ms(60_000),
        life: ms(100_000),
    }
}

fn fail(claimant: Claimant, stamp: Stamp) -> Fail {
    let (base, cap, told) = (ms(1000), ms(60_000), Duration::ZERO);
    let said = Some(Said::of(&Refusal::new(Class::Transient, Some(503), Problem::Status)));
    Fail { claimant, stamp, counts: true, base, cap, told, spread: 1000, said }
}

/// How long nobody asks.
fn rest(reply: &Reply) -> u128 {
    match reply {
        Reply::Rest { left, .. } => left.as_millis(),
        reply => panic!("{reply:?}"),
    }
}

fn token(reply: &Reply) -> &[u8] {
    match reply {
        Reply::Have(have) => have.token.as_bytes(),
        reply => panic!("{reply:?}"),
    }
}

#[test]
fn a_token_that_is_put_is_given_with_what_is_left_on_the_clock_of_the_store() {
    let mut store = Store::new();
    let stamp = store.claimed(me(1));
    store.pass(ms(500));
    assert_eq!(store.put(me(1), stamp, 7), Reply::Kept);
    store.pass(ms(20_000));
    let Reply::Have(have) = store.claim(me(2)) else { panic!("there is one") };
    assert_eq!((have.left, have.due_in, have.life), (ms(79_500), ms(39_500), ms(100_000)));
    assert_eq!((have.fence, have.end, have.print), (stamp.fence(), stamp.now().after(ms(100_000)), print(7)));
    // Of a put that hung in a socket nothing is longer: its times count from the stamp.
    store.pass(ms(79_500));
    assert!(matches!(store.claim(me(2)), Reply::Claimed { .. }), "at its very end it is over");
}

#[test]
fn whoever_holds_the_token_gets_it_again_until_it_is_due_and_the_others_always() {
    let mut store = Store::new();
    let stamp = store.claimed(me(1));
    store.put(me(1), stamp, 7);
    let holder = |claimant| Claim { held: Some(print(7)), ..claim(claimant) };
    store.pass(ms(59_999));
    assert_eq!(token(&store.claims(holder(me(1)))), [7]);
    store.pass(ms(1));
    assert_eq!(token(&store.claims(Claim { held: Some(print(8)), ..claim(me(2)) })), [7]);
    assert!(matches!(store.claims(holder(me(1))), Reply::Claimed { .. }));
    assert_eq!(token(&store.claim(me(2))), [7], "a claim takes nothing from the others");
    assert!(matches!(store.claims(holder(me(3))), Reply::Busy { .. }));
}

#[test]
fn one_claims_and_the_others_are_told_how_long_and_how_many_they_are() {
    let mut store = Store::new();
    let first = store.claimed(me(1));
    store.pass(ms(1000));
    let fence = first.fence();
    assert_eq!(store.claim(me(2)), Reply::Busy { left: ms(10_000), told: 1, fence });
    // Whoever looks is told as well.
    let look = Claim { lease: None, ..claim(me(3)) };
    assert_eq!(store.claims(look), Reply::Busy { left: ms(10_000), told: 2, fence });
    // A claim whose reply was lost is taken again by its owner.
    let again = store.claimed(me(1));
    assert!(again.fence() > first.fence());
    // Or by its offer; what is late of the flight does not end that.
    let offer = store.claimed(me(1).offering());
    assert_eq!(store.fail(me(1), again), Reply::Late);
    let fence = offer.fence();
    assert_eq!(store.claim(me(2)), Reply::Busy { left: LEASE, told: 1, fence });
    store.pass(LEASE);
    assert_eq!(store.claims(Claim { lease: None, ..claim(me(2)) }), Reply::Free);
    assert_eq!(store.claims(Claim { lease: None, ..claim(me(3)) }), Reply::Free, "a look claims nothing");
    assert!(matches!(store.claim(me(2)), Reply::Claimed { .. }));
}

#[test]
fn f4_fences_rise_even_when_the_entry_was_lost_and_a_late_put_changes_nothing() {
    let mut store = Store::new();
    let old = store.claimed(me(1));
    store.table.lose(&Store::NAME);
    store.pass(ms(1));
    let new = store.claimed(me(2));
    assert!(new.fence() > old.fence());
    assert_eq!(store.put(me(2), new, 2), Reply::Kept);
    assert_eq!(store.put(me(1), old, 1), Reply::Late);
    assert_eq!(token(&store.claim(me(3))), [2]);
    // Said twice it does nothing, either.
    assert_eq!(store.put(me(2), new, 2), Reply::Late);
}

#[test]
fn a_put_after_the_lease_is_welcome_unless_another_token_came() {
    let mut store = Store::new();
    let first = store.claimed(me(1));
    store.pass(LEASE);
    let second = store.claimed(me(2));
    assert_eq!(store.put(me(1), first, 1), Reply::Kept);
    // It ended no claim but its own.
    assert_eq!(store.fail(me(2), second), Reply::Noted);
    assert_eq!(store.put(me(1), first, 1), Reply::Late);
}

#[test]
fn a_token_that_has_ended_is_not_kept() {
    let mut store = Store::new();
    let stamp = store.claimed(me(1));
    store.pass(ms(99_999));
    let mut kept = Store { table: store.table.clone(), now: store.now };
    assert_eq!(kept.put(me(1), stamp, 1), Reply::Kept);
    store.pass(ms(1));
    assert_eq!(store.put(me(1), stamp, 1), Reply::Late);
}

#[test]
fn f3_a_dropped_token_is_thrown_away_once_unless_it_is_young_or_another_one() {
    let mut store = Store::new();
    let stamp = store.claimed(me(1));
    store.put(me(1), stamp, 7);
    let dropping = |claimant, dropped| Claim { dropped: Some(print(dropped)), ..claim(claimant) };
    store.pass(ms(9_999));
    assert_eq!(token(&store.claims(dropping(me(2), 7))), [7], "young");
    store.pass(ms(1));
    assert_eq!(token(&store.claims(dropping(me(2), 8))), [7], "another one");
    let Reply::Claimed { stamp: next, .. } = store.claims(dropping(me(2), 7)) else { panic!("dropped") };
    // A put of before the rejection comes too late: its fence is that of what was thrown away, or lower.
    assert_eq!(store.put(me(1), stamp, 7), Reply::Late);
    assert_eq!(store.put(me(2), next, 9), Reply::Kept);
    store.pass(YOUNG);
    assert_eq!(token(&store.claims(dropping(me(3), 7))), [9], "a late rejection finds another token");
}

#[test]
fn a_dropped_token_is_thrown_away_by_a_look_too_and_beside_another_ones_claim() {
    let mut store = Store::new();
    let stamp = store.claimed(me(1));
    store.put(me(1), stamp, 7);
    store.pass(ms(60_000));
    let holder = Claim { held: Some(print(7)), ..claim(me(1)) };
    assert!(matches!(store.claims(holder), Reply::Claimed { .. }));
    let look = Claim { dropped: Some(print(7)), lease: None, ..claim(me(2)) };
    assert!(matches!(store.claims(look), Reply::Busy { .. }));
    assert!(matches!(store.claim(me(3)), Reply::Busy { .. }));
}

#[test]
fn failures_are_counted_by_the_fleet_and_its_rests_grow() {
    let mut store = Store::new();
    let mut rests = Vec::new();
    for by in 1..9 {
        let stamp = store.claimed(me(by));
        assert_eq!(store.fail(me(by), stamp), Reply::Noted);
        let reply = store.claim(me(by + 1));
        assert!(matches!(reply, Reply::Rest { failures, .. } if failures == u32::from(by)));
        rests.push(rest(&reply));
        store.pass(ms(u64::try_from(rest(&reply)).unwrap()));
    }
    assert_eq!(rests, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    let Reply::Claimed { stamp, failures: 8 } = store.claim(me(1)) else { panic!("the eighth") };
    assert_eq!(store.put(me(1), stamp, 1), Reply::Kept);
    store.pass(ms(100_000));
    assert!(matches!(store.claim(me(1)), Reply::Claimed { failures: 0, .. }));
}

#[test]
fn a_rest_is_spread_from_half_to_all_of_it_and_never_shorter_than_told() {
    for (spread, told, expected) in
        [(0, 0, 500), (500, 0, 750), (1000, 0, 1000), (u16::MAX, 0, 1000), (0, 7000, 7000)]
    {
        let mut store = Store::new();
        let stamp = store.claimed(me(1));
        let fail = Fail { spread, told: ms(told), ..fail(me(1), stamp) };
        assert_eq!(store.run(Operation::Fail(fail)), Reply::Noted);
        assert_eq!(rest(&store.claim(me(2))), expected);
    }
}

#[test]
fn a_failure_that_does_not_count_rests_its_base_and_leaves_the_count() {
    let mut store = Store::new();
    let stamp = store.claimed(me(1));
    store.fail(me(1), stamp);
    store.pass(ms(1000));
    for (base, expected) in [(10_000, 10_000), (0, 0)] {
        let stamp = store.claimed(me(1));
        let fail = Fail { counts: false, base: ms(base), said: None, ..fail(me(1), stamp) };
        assert_eq!(store.run(Operation::Fail(fail)), Reply::Noted);
        let reply = store.claim(me(2));
        match expected {
            0 => assert!(matches!(reply, Reply::Claimed { failures: 1, .. }), "{reply:?}"),
            _ => assert_eq!(rest(&reply), expected),
        }
        store.pass(ms(base));
    }
}

#[test]
fn a_failure_of_a_claim_that_has_passed_on_is_late() {
    let mut store = Store::new();
    let stamp = store.claimed(me(1));
    let again = store.claimed(me(1));
    assert_eq!(store.fail(me(1), stamp), Reply::Late);
    assert_eq!(store.fail(me(2), again), Reply::Late);
    assert_eq!(store.fail(me(1).offering(), again), Reply::Late);
    assert_eq!(store.fail(me(1), again), Reply::Noted);
    assert_eq!(store.fail(me(1), again), Reply::Late);
}

#[test]
fn an_entry_is_forgotten_an_hour_after_the_last_of_its_times() {
    let mut store = Store::new();
    let stamp = store.claimed(me(1));
    let until = |store: &Store| store.table.entry(&Store::NAME).unwrap().expires_at().since(store.now);
    assert_eq!(until(&store), ms(3_611_000));
    store.put(me(1), stamp, 1);
    assert_eq!(until(&store), ms(3_700_000));
    store.pass(ms(3_699_999));
    assert_eq!(store.put(me(1), stamp, 1), Reply::Late);
    store.pass(ms(1));
    assert_eq!(store.claims(Claim { lease: None, ..claim(me(1)) }), Reply::Free);
    assert_eq!(store.table, Table::new());
}

#[test]
fn no_numbers_make_it_panic() {
    let mut store = Store::new();
    store.now = StoreTime::from_millis(u64::MAX - 1);
    let long = Duration::MAX;
    let Reply::Claimed { stamp, .. } =
        store.claims(Claim { lease: Some(long), young: long, dropped: Some(print(1)), ..claim(me(1)) })
    else {
        panic!("nobody else")
    };
    for counts in [true, false] {
        let fail = Fail { counts, base: long, cap: long, told: long, ..fail(me(1), stamp) };
        store.run(Operation::Fail(fail));
    }
    store.run(Operation::Put(Put { ends_in: long, due_in: long, life: long, ..put(me(1), stamp, 1) }));
    assert_eq!(token(&store.claim(me(2))), [1]);
}

#[test]
fn what_was_said_is_told_without_the_servers_own_words() {
    let response = |code: &str| {
        let words = |text| crate::Excerpt::new(text, &[]).unwrap();
        let response = crate::ErrorResponse::new(words(code)).with_description(words("SENTINEL"));
        Refusal::new(Class::Permanent, Some(401), Problem::ErrorResponse(response))
    };
    for (code, expected) in [("invalid_client", "permanent 401 invalid_client"), ("mine", "permanent 401 -")]
    {
        let said = Said::of(&response(code));
        assert_eq!(said.to_string(), expected);
        assert_eq!(Said::parse(expected), Some(said));
        let refusal = said.refusal(Some(ms(7000)));
        assert_eq!((refusal.class(), refusal.status()), (Class::Permanent, Some(401)));
        assert_eq!((refusal.retry_after(), refusal.is_told()), (Some(ms(7000)), true));
        let shown = refusal.to_string();
        assert!(shown.contains("an earlier request") && !shown.contains("SENTINEL"), "{shown}");
    }
    for text in ["", "permanent", "permanent 401", "permanent 401 mine", "permanent 401 - -", "other - -"] {
        assert_eq!(Said::parse(text), None, "{text}");
    }
    let unreachable = Said::parse("transient - -").unwrap().refusal(None).to_string();
    let words = "the token request brought no token; what failed is in the log of the process that sent it; that was an earlier request";
    assert!(unreachable.starts_with(words), "{unreachable}");
}

#[test]
fn names_are_read_as_they_are_written_and_in_no_other_way() {
    let (name, print) = (Name::new([0xa0; 16]), print(9));
    assert_eq!((Name::parse(&name.to_string()), Print::parse(&print.to_string())), (Some(name), Some(print)));
    let shown = alloc::format!("{name:?} {print:?} {:?}", me(1).offering());
    let expected = "Name(a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0) Print(0909090909090909) Claimant(01010101010101010101010101010101o)";
    assert_eq!(shown, expected);
    assert_eq!(alloc::format!("{:?}", Sealed::new(b"sealed")), "Sealed(6 bytes)");
    assert_eq!(Claimant::parse(&me(0xf0).to_string()), Some(me(0xf0)));
    assert_eq!(Claimant::parse(&me(3).offering().to_string()), Some(me(3).offering()));
    for text in ["", "o", "0", "0303030303030303030303030303030303", "0303030303030303030303030303030g"] {
        assert_eq!(
            (Name::parse(text), Print::parse(text), Claimant::parse(text)),
            (None, None, None),
            "{text}"
        );
    }
}

#[test]
fn an_entry_tells_who_asks_and_when_its_times_come() {
    let mut store = Store::new();
    let begun = store.now;
    let entry = |store: &Store| store.table.entry(&Store::NAME).unwrap().clone();
    let stamp = store.claimed(me(1));
    let claimed = entry(&store);
    assert_eq!(claimed.claimed_by(begun), Some((me(1), stamp.fence())));
    let end = begun.after(LEASE);
    assert_eq!(claimed.claimed_by(StoreTime::from_millis(end.as_millis() - 1)), Some((me(1), stamp.fence())));
    assert_eq!(claimed.claimed_by(end), None, "its lease is over");
    let mut ended = claimed.clone();
    ended.end_claim();
    assert_eq!(ended.claimed_by(begun), None);
    assert!(matches!(ended.claim(begun, &claim(me(2))), Reply::Claimed { .. }));
    assert_eq!(
        (claimed.token_ends_at(), claimed.token_is_due_at(), claimed.rests_until()),
        (None, None, None)
    );

    store.fail(me(1), stamp);
    let resting = entry(&store);
    assert_eq!((resting.claimed_by(begun), resting.rests_until()), (None, Some(begun.after(ms(1000)))));

    store.pass(ms(1000));
    let stamp = store.claimed(me(1));
    store.put(me(1), stamp, 7);
    let kept = entry(&store);
    let times = [kept.token_ends_at(), kept.token_is_due_at(), kept.rests_until()];
    assert_eq!(times, [Some(begun.after(ms(101_000))), Some(begun.after(ms(61_000))), None]);
}

#[test]
fn what_a_clock_wrote_that_was_set_back_since_is_forgotten_but_for_the_fences() {
    const AHEAD: Duration = ms(86_400_000);
    let right = Store::new().now;
    for slack in [ms(1000), ms(1001)] {
        let is_believed = slack == ms(1000);
        let ahead = || Store { now: right.after(slack), ..Store::new() };
        // A token: it would be handed out for a day after its end.
        let mut store = ahead();
        let stamp = store.claimed(me(1));
        store.put(me(1), stamp, 7);
        store.now = right;
        assert_eq!(matches!(store.claim(me(2)), Reply::Have(_)), is_believed);
        // A rest: nobody would ask for so long.
        let mut store = ahead();
        let stamp = store.claimed(me(1));
        store.fail(me(1), stamp);
        store.now = right;
        assert_eq!(matches!(store.claim(me(2)), Reply::Rest { .. }), is_believed);
        // A claim.
        let mut store = ahead();
        let stamp = store.claimed(me(1));
        store.now = right;
        assert_eq!(matches!(store.claim(me(2)), Reply::Busy { .. }), is_believed);
        assert_eq!(store.put(me(1), stamp, 7), if is_believed { Reply::Kept } else { Reply::Late });
    }
    let mut store = Store { now: right.after(AHEAD), ..Store::new() };
    let stamp = store.claimed(me(1));
    store.put(me(1), stamp, 7);
    store.now = right;
    let next = store.claimed(me(2));
    assert!(next.fence() > stamp.fence(), "F4");
    assert_eq!(store.put(me(2), next, 8), Reply::Kept);
    assert_eq!(token(&store.claim(me(3))), [8]);
    // What was claimed before and is put after is as late, and so is what it failed with.
    let mut store = Store { now: right.after(AHEAD), ..Store::new() };
    let stamp = store.claimed(me(1));
    store.now = right;
    assert_eq!(store.fail(me(1), stamp), Reply::Late);
    assert_eq!(store.put(me(1), stamp, 7), Reply::Late);
    assert!(matches!(store.claim(me(2)), Reply::Claimed { failures: 0, .. }));
}
