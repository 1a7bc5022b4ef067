//! The lanes of the picture: the tokens, and what the workers noticed, all over the same time.

use super::shapes::{LEFT, RIGHT, place, rect, words};
use crate::commands::demo::markup::Element;
use crate::commands::demo::report::{Report, wait};
use crate::commands::demo::scale::Scale;
use crate::commands::demo::timeline::{Life, STEP, Sample};
use std::fmt::Write as _;
use std::time::Duration;

/// From the top of a lane to what is drawn in it: its head has this place.
const HEAD: f64 = 22.0;

/// More points than this are not seen.
const POINTS: usize = 440;

/// A lane, with what it shows.
pub(super) enum Lane<'a> {
    Tokens { lives: &'a [Life], took: Duration },
    Curve { id: &'static str, head: String, height: f64, step: Duration, figures: Vec<f64> },
}

impl<'a> Lane<'a> {
    pub(super) fn all(report: &'a Report) -> Vec<Self> {
        let samples = report.timeline.samples();
        let each = samples.len().div_ceil(POINTS).max(1);
        let step = STEP * u32::try_from(each).unwrap_or(u32::MAX);
        let curve = |id, head: &str, height, of: &dyn Fn(&[Sample]) -> f64| Self::Curve {
            id,
            head: head.to_owned(),
            height,
            step,
            figures: samples.chunks(each).map(of).collect(),
        };
        let calls = |some: &[Sample]| {
            some.iter().map(|one| one.calls as f64).sum::<f64>() / (STEP.as_secs_f64() * some.len() as f64)
        };
        let queue = |some: &[Sample]| some.iter().map(|one| one.queue).max().unwrap_or_default() as f64;
        // In the unit that has few digits.
        let long = report.longest_wait() >= Duration::from_secs(10);
        let (unit, per_second) = if long { ("s", 1.0) } else { ("ms", 1000.0) };
        let longest = |some: &[Sample]| {
            some.iter().map(|one| one.longest_wait).max().unwrap_or_default().as_secs_f64() * per_second
        };
        let queue_head = format!("calls that wait for a token (at most {})", report.deepest_queue());
        let wait_head =
            format!("longest wait of a call, in {unit} (at most {})", wait(report.longest_wait()));
        vec![
            Self::Tokens { lives: report.timeline.lives(), took: report.took },
            curve("calls", "calls a second", 84.0, &calls),
            curve("queue", &queue_head, 48.0, &queue),
            curve("wait", &wait_head, 48.0, &longest),
        ]
    }

    /// The lane below `top`, and where it ends.
    pub(super) fn draw(self, time: Scale, top: f64) -> (Element, f64) {
        match self {
            Self::Tokens { lives, took } => tokens(lives, took, time, top),
            Self::Curve { id, head, height, step, figures } => {
                let end = top + HEAD + height;
                let highest = figures.iter().copied().fold(0.0, f64::max);
                let scale = Scale::rounded(end, top + HEAD, highest);
                let marks = scale.marks(3).map(|(figure, y)| {
                    Element::new("g").child(line(y)).child(words("left mark", LEFT - 8.0, y + 4.0, figure))
                });
                let lane = lane(id, &head, top).children(marks).child(area(id, &figures, step, time, scale));
                (lane, end)
            }
        }
    }
}

/// One bar a token: filled while calls are sent with it, light while it could be.
fn tokens(lives: &[Life], took: Duration, time: Scale, top: f64) -> (Element, f64) {
    // However many there are, they take as much place as twelve.
    let height = (168.0 / lives.len().max(1) as f64).min(14.0);
    let bars = lives.iter().enumerate().map(|(index, life)| {
        let (top, number) = (top + HEAD + index as f64 * height, index + 1);
        let used_until = life.used_until.unwrap_or(took);
        let valid_until = life.valid_until.min(took);
        let [from, used, valid] = [life.from, used_until, valid_until].map(|at| place(time, at));
        let told = format!(
            "token {number}: used from {:.1} s to {:.1} s",
            life.from.as_secs_f64(),
            used_until.as_secs_f64()
        );
        let bar = |class, from: f64, until: f64| rect(class, [from, top + 2.0, until - from, height - 3.0]);
        let spare = (valid > used + 1.0).then(|| bar("spare", used, valid));
        Element::new("g")
            .with("class", "life")
            .child(Element::new("title").text(told))
            .child(bar("token", from, used.max(from + 1.0)))
            .children(spare)
            .child(words("left mark", from - 4.0, top + height - 2.0, number))
    });
    (lane("tokens", "tokens", top).children(bars), top + HEAD + height * lives.len() as f64)
}

fn lane(id: &'static str, head: &str, top: f64) -> Element {
    Element::new("g").with("id", id).with("class", "lane").child(words("head", LEFT, top + 14.0, head))
}

fn line(y: f64) -> Element {
    Element::new("line").with("class", "grid").at("x1", LEFT).at("y1", y).at("x2", RIGHT).at("y2", y)
}

/// The figures, each as long as its step lasts.
fn area(class: &str, figures: &[f64], step: Duration, time: Scale, scale: Scale) -> Element {
    let floor = scale.place(0.0);
    let mut path = format!("M{LEFT} {floor:.1}");
    let mut until = Duration::ZERO;
    for figure in figures {
        until += step;
        let _infallible = write!(path, "V{:.1}H{:.1}", scale.place(*figure), place(time, until));
    }
    let _infallible = write!(path, "V{floor:.1}Z");
    Element::new("path").with("class", class).with("d", path)
}
