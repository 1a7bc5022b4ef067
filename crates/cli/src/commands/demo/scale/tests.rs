use super::Scale;

fn marks(highest: f64, most: u32) -> Vec<f64> {
    Scale::new(0.0, 100.0, highest)
        .marks(most)
        .map(|(figure, _)| (figure * 1000.0).round() / 1000.0)
        .collect()
}

#[test]
fn marks_are_easy_to_read_and_not_too_many() {
    assert_eq!(marks(20.0, 10), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0]);
    assert_eq!(marks(5.1, 10), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(marks(1.0, 3), [0.0, 0.5, 1.0]);
    assert_eq!(marks(0.3, 3), [0.0, 0.1, 0.2, 0.3]);
    assert_eq!(marks(0.0, 3), [0.0, 0.5, 1.0], "a line on which nothing happens");
    for highest in 1..5000 {
        let count = marks(f64::from(highest), 3).len();
        assert!((2..=4).contains(&count), "{highest}: {count}");
    }
}

#[test]
fn a_rounded_scale_ends_with_a_mark_that_is_no_lower_than_the_highest_figure() {
    for highest in 1..5000 {
        let scale = Scale::rounded(0.0, 100.0, f64::from(highest));
        let (figure, place) = scale.marks(3).last().unwrap();
        assert!(
            figure >= f64::from(highest) && (place - 100.0).abs() < 1e-6,
            "{highest}: {figure} at {place}"
        );
    }
}

#[test]
fn nothing_is_drawn_beyond_the_ends() {
    let upward = Scale::new(100.0, 0.0, 10.0);
    assert_eq!(
        [-1.0, 0.0, 5.0, 10.0, 11.0].map(|figure| upward.place(figure)),
        [100.0, 100.0, 50.0, 0.0, 0.0]
    );
}
