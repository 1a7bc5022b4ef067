use super::*;

#[test]
fn what_is_reached_is_reached_to_the_nanosecond() {
    let end = Duration::new(5, 10);
    for (seconds, nanos, reached) in
        [(4, 999_999_999, false), (5, 0, false), (5, 9, false), (5, 10, true), (5, 11, true), (6, 0, true)]
    {
        assert_eq!(is_from(seconds, nanos, end), reached, "{seconds} s and {nanos} ns");
    }
}

/// Where nothing shifts them, the same clocks are read either way.
#[test]
fn the_clocks_of_the_kernel_and_of_the_c_library_are_the_same() {
    for read in [now, coarse] {
        let (before, between, after) = (read(false), read(true), read(false));
        assert!(before.mono <= between.mono && between.mono <= after.mono);
        assert!(after.wall.since(between.wall) < Duration::from_secs(60));
        assert!(between.wall.since(after.wall) < Duration::from_secs(60));
    }
    for is_interposed in [false, true] {
        let ahead = coarse(is_interposed).after(Duration::from_secs(3600));
        for (mono, wall, reached) in
            [(Mono::ZERO, ahead.wall, true), (ahead.mono, Wall::EPOCH, true), (ahead.mono, ahead.wall, false)]
        {
            assert_eq!(coarse_has_reached(is_interposed, Now::new(mono, wall)), reached, "{mono:?} {wall:?}");
        }
    }
}

#[test]
fn what_stands_before_the_c_library_may_shift_its_clocks_unless_it_is_valgrinds() {
    for (loaded, shifts) in [
        ("", false),
        (":", false),
        ("libfaketime.so.1", true),
        ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", true),
        ("/usr/libexec/valgrind/vgpreload_core-amd64-linux.so", false),
        ("/usr/libexec/valgrind/vgpreload_core-amd64-linux.so:/usr/lib/libfaketime.so.1", true),
        ("libjemalloc.so libfaketime.so.1", true),
    ] {
        assert_eq!(may_shift(loaded), shifts, "{loaded:?}");
    }
}
