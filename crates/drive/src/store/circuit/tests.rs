use super::*;

fn at(seconds: u64) -> Mono {
    Mono::ZERO.after(Duration::from_secs(seconds))
}

#[test]
fn one_that_answers_is_always_asked() {
    let mut circuit = Circuit::default();
    assert!(circuit.admits(at(0)) && circuit.admits(at(0)));
    assert_eq!(circuit.replied(), None);
    assert_eq!(circuit, Circuit::default());
}

#[test]
fn one_that_failed_is_left_alone_and_then_one_flight_tries_it_out() {
    let mut circuit = Circuit::default();
    assert_eq!(circuit.failed(at(100), &StoreError::TimedOut, 1000), Some(Change::Failing));
    // What was under way as well, and fails a moment later, is the same failure.
    assert_eq!(circuit.failed(at(101), &StoreError::TimedOut, 1000), None);
    assert!(!circuit.admits(at(104)));
    assert!(circuit.admits(at(105)), "the probe");
    assert!(!circuit.admits(at(105)), "the others do without");
    assert_eq!(circuit.replied(), Some(Change::Back));
    assert!(circuit.admits(at(105)));
}

#[test]
fn each_failed_probe_doubles_the_pause_up_to_a_minute() {
    let mut circuit = Circuit::default();
    let mut now = 1000;
    let mut news = circuit.failed(at(now), &StoreError::TimedOut, 1000);
    assert!(news.is_some());
    for pause in [5, 10, 20, 40, 60, 60, 60] {
        assert!(!circuit.admits(at(now + pause - 1)), "{pause}");
        now += pause;
        assert!(circuit.admits(at(now)), "{pause}");
        news = circuit.failed(at(now), &StoreError::TimedOut, 1000);
        assert_eq!(news, None, "it is told once");
    }
    assert_eq!(circuit.replied(), Some(Change::Back));
    assert_eq!(circuit.failed(at(now), &StoreError::TimedOut, 1000), Some(Change::Failing));
    assert!(circuit.admits(at(now + 5)), "and begins again");
}

#[test]
fn the_pause_is_drawn_from_half_of_it_to_all_of_it() {
    for (spread, millis) in [(0, 2500), (500, 3750), (1000, 5000), (u16::MAX, 5000)] {
        let mut circuit = Circuit::default();
        let _ = circuit.failed(at(0), &StoreError::TimedOut, spread);
        let end = at(0).after(Duration::from_millis(millis));
        assert!(!circuit.clone().admits(at(0).after(Duration::from_millis(millis - 1))), "{spread}");
        assert!(circuit.admits(end), "{spread}");
    }
}

#[test]
fn a_probe_of_which_nobody_hears_is_followed_by_another() {
    let mut circuit = Circuit::default();
    let _ = circuit.failed(at(0), &StoreError::TimedOut, 1000);
    assert!(circuit.admits(at(5)) && !circuit.admits(at(9)));
    assert!(circuit.admits(at(10)));
}
