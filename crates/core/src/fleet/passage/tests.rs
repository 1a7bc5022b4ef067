//! Each rule of a passage, with a machine at one end and a store at the other.

use super::*;
use crate::fleet::{Name, Operation, Table};
use crate::time::Wall;
use crate::{Ask, Call, Error, Grant, SourceError, Step, TransportErrorKind, Unready};
use alloc::format;
use alloc::vec::Vec;

mod sim;

use sim::{Sim, claims, granted, ms, outcome, print, refused, secs};

#[test]
fn the_first_asks_and_the_others_have_its_token_without_a_request() {
    let mut sim = Sim::new(3);
    let mut first = sim.send(0);
    assert!(sim.run(&mut first, 0), "it asks");
    sim.pass(secs(1));
    first.answered(granted("a", 3600));
    sim.finish(&mut first, 0);
    assert_eq!(sim.uses(0), "a");
    for process in [1, 2] {
        sim.pass(secs(5));
        let mut passage = sim.send(process);
        assert!(!sim.run(&mut passage, process));
        assert_eq!(sim.uses(process), "a");
        // F2: what it uses it no longer than its asker does.
        assert!(sim.use_until(process) <= sim.use_until(0));
        assert!(sim.use_until(process).after(ms(1)) > sim.use_until(0), "and hardly shorter");
    }
    assert_eq!(sim.commands, [2, 1, 1]);
}

#[test]
fn it_lands_before_it_puts() {
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    assert!(sim.run(&mut passage, 0));
    passage.answered(granted("a", 3600));
    assert!(passage.is_claimed());
    assert!(matches!(passage.poll(sim.now), Next::Land(Outcome::Granted(_))));
    assert_eq!(passage.poll(sim.now), Next::Await);
}

#[test]
fn busy_is_asked_again_at_the_pace_that_the_store_gives_until_there_is_a_token() {
    for (told, full) in [(0, 25), (250, 25), (5000, 500), (10_000, 1000), (u32::MAX, 1000)] {
        let mut drawn = Vec::new();
        for seed in 0..40 {
            let mut sim = Sim::seeded(1, seed);
            let mut passage = sim.send(0);
            assert!(claims(&passage.poll(sim.now)));
            passage.replied(sim.now, Ok(Reply::Busy { left: secs(11), told, fence: Fence::new(1) }));
            let Next::Pause(until) = passage.poll(sim.now) else { panic!("it pauses") };
            let pause = until.since(sim.now.mono);
            assert!(pause >= ms(full) / 2 && pause <= ms(full) * 3 / 2, "{told}: {pause:?}");
            assert_eq!(passage.poll(sim.now), Next::Pause(until), "a spurious poll changes nothing");
            sim.pass(pause);
            assert!(claims(&passage.poll(sim.now)));
            drawn.push(pause);
        }
        drawn.sort();
        drawn.dedup();
        assert!(drawn.len() > 30);
    }
}

#[test]
fn claims_are_taken_in_the_first_half_second_only_and_a_free_store_is_left_for_the_next_flight() {
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    for (at, takes) in [(0, true), (499, true), (500, false)] {
        let mut passage = passage.clone();
        sim.now = passage.sent.after(ms(at));
        let Next::Claim(claim) = passage.poll(sim.now) else { panic!("a claim") };
        assert_eq!(claim.lease, takes.then_some(secs(11)));
    }
    assert!(claims(&passage.poll(sim.now)));
    passage.replied(sim.now, Ok(Reply::Free));
    assert_eq!(outcome(&mut passage, sim.now), Outcome::Elsewhere);
    passage.landed(sim.now, &Landing::Elsewhere, &sim.machines[0]);
    assert_eq!(passage.poll(sim.now), Next::Done);
}

#[test]
fn f11_a_store_that_is_busy_with_one_claim_for_longer_than_it_may_hold_is_broken() {
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    let began = sim.now;
    loop {
        match passage.poll(sim.now) {
            Next::Claim(_) => {
                let reply = Reply::Busy { left: secs(11), told: 1, fence: Fence::new(7) };
                passage.replied(sim.now, Ok(reply));
            }
            Next::Pause(until) => sim.pass(until.since(sim.now.mono)),
            next => {
                assert_eq!(next, Next::Ask);
                break;
            }
        }
    }
    assert_eq!(sim.now.mono.since(began.mono), secs(11));
    assert!(!passage.is_claimed());
}

#[test]
fn f6_a_store_that_is_busy_with_one_claim_after_the_other_is_left_to_the_next_flight() {
    let ended = |follows_elsewhere| {
        let mut sim = Sim::new(1);
        let mut passage = sim.send(0);
        loop {
            match passage.poll(sim.now) {
                Next::Claim(_) => {
                    let age = sim.now.mono.since(passage.sent.mono);
                    let fence = Fence::new(if age < secs(11) { 1 } else { 2 });
                    if follows_elsewhere {
                        passage.follows_elsewhere();
                    }
                    passage.replied(sim.now, Ok(Reply::Busy { left: secs(11), told: 9000, fence }));
                }
                Next::Pause(until) => sim.pass(until.since(sim.now.mono)),
                next => break (next, sim.now.mono.since(passage.sent.mono)),
            }
        }
    };
    assert_eq!(ended(false), (Next::Land(Outcome::Elsewhere), secs(11)));
    assert_eq!(ended(true), (Next::Ask, secs(11)), "nobody is passed over for ever");
}

#[test]
fn a_rest_lands_as_a_refusal_that_was_told_and_is_believed_for_five_minutes_at_a_time() {
    for (left, believed) in [(7, 7), (300, 300), (3600, 300)] {
        let mut sim = Sim::new(1);
        let mut passage = sim.send(0);
        assert!(claims(&passage.poll(sim.now)));
        let said = Said::parse("permanent 401 invalid_client");
        passage.replied(sim.now, Ok(Reply::Rest { left: secs(left), failures: 3, said }));
        let Outcome::Refused(refusal) = outcome(&mut passage, sim.now) else { panic!("a refusal") };
        assert_eq!((refusal.class(), refusal.code()), (Class::Permanent, Some("invalid_client")));
        assert_eq!((refusal.retry_after(), refusal.is_told()), (Some(secs(believed)), true));
    }
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    assert!(claims(&passage.poll(sim.now)));
    passage.replied(sim.now, Ok(Reply::Rest { left: secs(7), failures: 3, said: None }));
    let Outcome::Refused(refusal) = outcome(&mut passage, sim.now) else { panic!("a refusal") };
    assert_eq!((refusal.class(), refusal.is_told()), (Class::Transient, true));
}

#[test]
fn a_failure_is_shared_and_the_others_ask_nobody_until_its_rest_is_over() {
    let mut sim = Sim::new(2);
    let mut first = sim.send(0);
    assert!(sim.run(&mut first, 0));
    first.answered(refused(503, Class::Transient, None));
    sim.finish(&mut first, 0);
    let mut second = sim.send(1);
    assert!(!sim.run(&mut second, 1));
    let mut call = sim.call();
    let now = sim.now;
    assert!(matches!(sim.machines[1].poll(now, &mut call), Step::Wait(_)));
    assert!(
        sim.machines[1].last_error().is_some_and(|cause| format!("{cause}").contains("an earlier request"))
    );
    assert_eq!(sim.requests, 1);
}

fn transport(kind: TransportErrorKind) -> Outcome {
    let problem = crate::Problem::Transport(crate::TransportError::new(kind, "", &[]));
    Outcome::Refused(Refusal::new(Class::Transient, None, problem))
}

#[test]
fn what_is_told_of_a_failure_is_the_rest_of_the_machine() {
    let mut sim = Sim::new(1);
    let live = || Refusal::new(Class::Permanent, Some(401), crate::Problem::Status).of_live();
    for (outcome, counts, base, cap, told) in [
        (refused(503, Class::Transient, None), true, 1, 60, 0),
        (refused(429, Class::Transient, Some(7)), true, 1, 60, 7),
        (refused(429, Class::Transient, Some(7200)), true, 1, 60, 3600),
        (refused(401, Class::Permanent, None), true, 10, 300, 0),
        (transport(TransportErrorKind::Connect), true, 1, 60, 0),
        (transport(TransportErrorKind::Timeout), true, 1, 60, 0),
        // Another instance may read another secret.
        (Outcome::Refused(live()), false, 10, 300, 0),
    ] {
        let Next::Fail(fail) = sim.fails(outcome) else { panic!("it fails") };
        assert_eq!((fail.counts, fail.base, fail.cap), (counts, secs(base), secs(cap)));
        assert_eq!((fail.told, fail.said.is_some()), (secs(told), true));
        assert!(fail.spread <= 1000);
    }
}

#[test]
fn what_is_this_processs_own_affair_ends_the_claim_and_rests_nobody_else() {
    let mut sim = Sim::new(1);
    let unready = Unready::new(Ask::ClientSecret, SourceError::Missing);
    let live = Refusal::new(Class::Permanent, Some(401), crate::Problem::Status).of_live();
    for outcome in [
        Outcome::NotSent(unready),
        Outcome::HeldBack(live),
        // By another proxy, or with other roots, another process may get through.
        transport(TransportErrorKind::Proxy),
        transport(TransportErrorKind::Tls),
        transport(TransportErrorKind::NoFile),
        refused(407, Class::Permanent, None),
    ] {
        let Next::Fail(fail) = sim.fails(outcome) else { panic!("it fails") };
        let zero = Duration::ZERO;
        assert_eq!((fail.counts, fail.base, fail.told, fail.said), (false, zero, zero, None));
    }
}

#[test]
fn a_claimed_answer_that_has_no_effect_here_ends_the_claim() {
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    assert!(sim.run(&mut passage, 0));
    passage.answered(granted("old", 3600));
    let now = sim.now;
    sim.machines[0].rotate(now, crate::Rotation::Drop);
    sim.land(&mut passage, 0);
    let Next::Fail(fail) = passage.poll(sim.now) else { panic!("it puts nothing of the old credentials") };
    assert!(!fail.counts);
}

#[test]
fn a_put_without_a_reply_is_repeated_after_a_tenth_and_four_tenths_of_a_second() {
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    assert!(sim.run(&mut passage, 0));
    passage.answered(granted("a", 3600));
    sim.land(&mut passage, 0);
    let mut puts = Vec::new();
    for pause in [100, 400] {
        let Next::Put(unsealed) = passage.poll(sim.now) else { panic!("a put") };
        puts.push(unsealed);
        passage.replied(sim.now, Err(StoreError::TimedOut));
        assert_eq!(passage.poll(sim.now), Next::Pause(sim.now.mono.after(ms(pause))));
        sim.pass(ms(pause));
    }
    let Next::Put(unsealed) = passage.poll(sim.now) else { panic!("a put") };
    assert!(puts.iter().all(|put| *put == unsealed), "the very same");
    // Where it is not kept, its claim ends: the others would wait for its lease, one after the other.
    for reply in [Ok(Reply::Late), Err(StoreError::TimedOut)] {
        let mut passage = passage.clone();
        passage.replied(sim.now, reply);
        let Next::Fail(fail) = passage.poll(sim.now) else { panic!("the claim ends") };
        assert_eq!((fail.claimant, fail.stamp), (unsealed.claimant, unsealed.stamp));
        assert_eq!(
            (fail.counts, fail.base, fail.told, fail.said),
            (false, Duration::ZERO, Duration::ZERO, None)
        );
        passage.replied(sim.now, Ok(Reply::Noted));
        assert_eq!(passage.poll(sim.now), Next::Done);
    }
    passage.replied(sim.now, Ok(Reply::Kept));
    assert_eq!(passage.poll(sim.now), Next::Done);
}

#[test]
fn f7_with_a_broken_store_it_asks_by_itself_and_offers_its_token_once() {
    let stamp = Stamp::new(Fence::new(9), StoreTime::from_millis(1_000_000));
    let nonsense = [Reply::Free, Reply::Kept, Reply::Late, Reply::Noted].map(Ok);
    for reply in nonsense.into_iter().chain([Err(StoreError::TimedOut)]) {
        let mut sim = Sim::new(1);
        let mut passage = sim.send(0);
        assert!(claims(&passage.poll(sim.now)));
        passage.replied(sim.now, reply);
        assert_eq!(passage.poll(sim.now), Next::Ask);
        sim.pass(secs(2));
        passage.answered(granted("a", 100));
        sim.land(&mut passage, 0);
        let Next::Claim(claim) = passage.poll(sim.now) else { panic!("an offer") };
        assert_eq!((claim.claimant, claim.lease), (sim.claimant(0).offering(), Some(secs(11))));
        sim.pass(ms(40));
        passage.replied(sim.now, Ok(Reply::Claimed { stamp, failures: 0 }));
        let Next::Put(unsealed) = passage.poll(sim.now) else { panic!("a put") };
        // The token was sent for 2.04 s before the claim was answered.
        assert_eq!(unsealed.end(), StoreTime::from_millis(1_000_000).after(ms(97_960)));
        assert_eq!((unsealed.life(), unsealed.claimant), (secs(100), sim.claimant(0).offering()));
    }
}

#[test]
fn an_offer_that_is_not_granted_is_not_made_again() {
    for reply in [Ok(Reply::Busy { left: secs(1), told: 1, fence: Fence::new(1) }), Err(StoreError::TimedOut)]
    {
        let mut sim = Sim::new(1);
        let mut passage = sim.send(0);
        assert!(claims(&passage.poll(sim.now)));
        passage.replied(sim.now, Err(StoreError::TimedOut));
        assert_eq!(passage.poll(sim.now), Next::Ask);
        passage.answered(granted("a", 100));
        sim.land(&mut passage, 0);
        assert!(claims(&passage.poll(sim.now)));
        passage.replied(sim.now, reply);
        assert_eq!(passage.poll(sim.now), Next::Done);
    }
    // Nothing is offered where nothing came.
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    assert!(claims(&passage.poll(sim.now)));
    passage.replied(sim.now, Err(StoreError::TimedOut));
    assert_eq!(passage.poll(sim.now), Next::Ask);
    passage.answered(refused(503, Class::Transient, None));
    sim.land(&mut passage, 0);
    assert_eq!(passage.poll(sim.now), Next::Done);
}

/// A token of so many seconds left, due in so many, of a life of an hour.
fn have(name: Option<&str>, left: u64, due_in: u64) -> Reply<Option<AccessToken>> {
    Reply::Have(Have {
        token: name.map(|name| AccessToken::new(name).unwrap()),
        print: print(name.unwrap_or("?")),
        fence: Fence::new(1),
        end: StoreTime::default(),
        left: secs(left),
        due_in: secs(due_in),
        life: secs(3600),
    })
}

#[test]
fn what_is_left_counts_from_when_the_claim_was_sent() {
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    sim.pass(secs(8));
    assert!(claims(&passage.poll(sim.now)));
    sim.pass(ms(200));
    passage.replied(sim.now, Ok(have(Some("a"), 100, 50)));
    let Outcome::Shared(lent) = outcome(&mut passage, sim.now) else { panic!("shared") };
    assert_eq!((lent.left(), lent.due_in(), lent.life()), (secs(108), secs(58), secs(3600)));
    // Of two clocks that disagree the one counts that says less.
    for step in [secs(2), secs(7)] {
        let mut sim = Sim::new(1);
        let mut passage = sim.send(0);
        sim.now = Now::new(sim.now.mono.after(secs(5)), sim.now.wall.after(step));
        assert!(claims(&passage.poll(sim.now)));
        passage.replied(sim.now, Ok(have(Some("a"), 100, 50)));
        let Outcome::Shared(lent) = outcome(&mut passage, sim.now) else { panic!("shared") };
        assert_eq!(lent.left(), secs(100) + step.min(secs(5)));
    }
}

#[test]
fn f7_what_a_store_says_of_a_life_is_bounded() {
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    assert!(claims(&passage.poll(sim.now)));
    let Reply::Have(honest) = have(Some("a"), 0, 0) else { panic!("one") };
    let lie = Have { left: Duration::MAX, due_in: Duration::MAX, ..honest };
    passage.replied(sim.now, Ok(Reply::Have(lie)));
    let Outcome::Shared(lent) = outcome(&mut passage, sim.now) else { panic!("shared") };
    assert_eq!((lent.left(), lent.due_in()), (secs(3600), secs(3600)));
}

#[test]
fn an_offer_that_is_over_for_us_is_claimed_again_at_once_as_if_it_were_held_and_once_only() {
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    let Next::Claim(first) = passage.poll(sim.now) else { panic!("a claim") };
    assert_eq!(first.held, None);
    // 30 s of leeway.
    passage.replied(sim.now, Ok(have(Some("a"), 30, 0)));
    let Next::Claim(again) = passage.poll(sim.now) else { panic!("a claim") };
    assert_eq!(again.held, Some(print("a")));
    let mut taken = passage.clone();
    taken.replied(sim.now, Ok(have(Some("b"), 31, 0)));
    assert!(matches!(outcome(&mut taken, sim.now), Outcome::Shared(_)));
    passage.replied(sim.now, Ok(have(Some("a"), 30, 0)));
    assert_eq!(passage.poll(sim.now), Next::Ask);
}

#[test]
fn one_that_does_not_open_is_claimed_again_as_if_it_were_refused_and_once_only() {
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    assert!(claims(&passage.poll(sim.now)));
    passage.replied(sim.now, Ok(have(None, 3000, 2000)));
    let Next::Claim(again) = passage.poll(sim.now) else { panic!("a claim") };
    assert_eq!((again.dropped, again.young), (Some(print("?")), Duration::ZERO), "nobody can use it");
    passage.replied(sim.now, Ok(have(None, 3000, 2000)));
    assert_eq!(passage.poll(sim.now), Next::Ask);
}

#[test]
fn the_print_of_what_is_set_aside_goes_with_every_claim() {
    let mut sim = Sim::new(1);
    let mut call = sim.call();
    let Step::Send(flight) = sim.machines[0].poll(sim.now, &mut call) else { panic!("it sends") };
    let dropped = Some(print("refused"));
    let mut passage = Passage::new(&flight, sim.instance(0), None, dropped);
    for _ in 0..3 {
        let Next::Claim(claim) = passage.poll(sim.now) else { panic!("a claim") };
        assert_eq!((claim.dropped, claim.young), (dropped, secs(10)));
        passage.replied(sim.now, Ok(Reply::Busy { left: secs(1), told: 1, fence: Fence::new(1) }));
        sim.pass(ms(200));
    }
    // A younger one that the store keeps is taken again.
    let mut kept = passage.clone();
    assert!(claims(&kept.poll(sim.now)));
    kept.replied(sim.now, Ok(have(Some("refused"), 3000, 2000)));
    assert!(matches!(outcome(&mut kept, sim.now), Outcome::Shared(_)));
    // But not one of credentials that were rotated away.
    let mut rotated = passage.rotated();
    let Next::Claim(claim) = rotated.poll(sim.now) else { panic!("a claim") };
    assert_eq!((claim.dropped, claim.young), (dropped, Duration::ZERO));
    rotated.replied(sim.now, Ok(have(Some("refused"), 3000, 2000)));
    assert_eq!(rotated.poll(sim.now), Next::Ask);
}

#[test]
fn a_server_that_repeats_its_token_is_asked_by_one_and_the_others_learn_when_it_is_due() {
    let mut sim = Sim::new(2);
    for process in [0, 1] {
        let mut passage = sim.send(process);
        if sim.run(&mut passage, process) {
            passage.answered(granted("same", 3600));
        }
        sim.finish(&mut passage, process);
    }
    let due = sim.refresh_at(0).max(sim.refresh_at(1));
    sim.pass(due.since(sim.now.mono));
    let mut first = sim.send(0);
    assert!(sim.run(&mut first, 0));
    let left = sim.use_until(0).since(sim.now.mono).as_secs() + 30;
    first.answered(granted("same", left));
    sim.finish(&mut first, 0);
    let mut second = sim.send(1);
    assert!(!sim.run(&mut second, 1), "it holds the same, which is not due");
    assert_eq!((sim.requests, sim.machines[1].no_progress()), (2, 1));
    let (first, second) = (sim.refresh_at(0), sim.refresh_at(1));
    // Up to a quarter later, so that not all look at once.
    let latest = first.after(first.since(sim.now.mono) / 4);
    assert!(first.since(second) < ms(2) && second <= latest, "{first:?} {second:?}");
}

#[test]
fn f5_a_token_that_every_process_refuses_costs_one_request() {
    let mut sim = Sim::new(5);
    for process in 0..5 {
        let mut passage = sim.send(process);
        if sim.run(&mut passage, process) {
            passage.answered(granted("a", 3600));
        }
        sim.finish(&mut passage, process);
    }
    sim.pass(secs(60));
    for process in 0..5 {
        sim.reject(process);
        let mut passage = sim.send(process);
        if sim.run(&mut passage, process) {
            passage.answered(granted("b", 3600));
        }
        sim.finish(&mut passage, process);
        assert_eq!(sim.uses(process), "b");
        sim.pass(secs(1));
    }
    assert_eq!(sim.requests, 2);
}

#[test]
fn f6_the_death_of_a_holder_costs_one_request_and_one_lease() {
    let mut sim = Sim::new(4);
    let mut dead = sim.send(0);
    assert!(sim.run(&mut dead, 0));
    let began = sim.now;
    let mut passages: Vec<_> = (1..4).map(|process| Some(sim.send(process))).collect();
    let mut asking: Option<(usize, Mono)> = None;
    while sim.now.mono.since(began.mono) < secs(20) {
        for process in 1..4 {
            let mut call = sim.call();
            let now = sim.now;
            let step = sim.machines[process].poll(now, &mut call);
            sim.machines[process].leave(&mut call);
            if let Step::Send(flight) = step {
                passages[process - 1] = Some(sim.passage(process, flight));
            }
            let Some(passage) = &mut passages[process - 1] else { continue };
            if sim.run(passage, process) {
                assert_eq!(asking, None, "two ask");
                asking = Some((process, sim.now.mono));
            }
        }
        sim.pass(ms(10));
        if let Some((process, since)) = asking
            && sim.now.mono.since(since) >= secs(1)
        {
            asking = None;
            let mut passage = passages[process - 1].take().unwrap();
            passage.answered(granted("a", 3600));
            sim.finish(&mut passage, process);
        }
    }
    assert_eq!(sim.requests, 2);
    for process in 1..4 {
        assert_eq!(sim.uses(process), "a");
    }
}

#[test]
fn spurious_inputs_change_nothing() {
    let mut sim = Sim::new(1);
    let mut passage = sim.send(0);
    let before = passage.clone();
    passage.replied(sim.now, Ok(Reply::Free));
    passage.answered(Outcome::Elsewhere);
    passage.landed(sim.now, &Landing::Idle, &sim.machines[0]);
    assert_eq!(passage, before);
    assert!(claims(&passage.poll(sim.now)));
    assert_eq!(passage.poll(sim.now), Next::Await);
    passage.replied(sim.now, Ok(Reply::Free));
    let after = passage.clone();
    passage.replied(sim.now, Ok(Reply::Free));
    assert_eq!(passage, after, "a reply that comes twice");
    // Nobody without a token is answered by a passage, and nobody fails by it.
    let mut call = sim.call();
    assert!(!matches!(sim.machines[0].poll(sim.now, &mut call), Step::Fail(Error::Failed { .. })));
}
