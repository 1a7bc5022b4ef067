//! From a figure to a place in a picture.

/// A line from `from` to `to`, in pixels, for figures from 0 to `highest`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    highest: f64,
}

impl Scale {
    pub(super) fn new(from: f64, to: f64, highest: f64) -> Self {
        // A line on which nothing happens is a line all the same.
        Self { from, to, highest: if highest > 0.0 { highest } else { 1.0 } }
    }

    /// The same, to the next mark above the highest figure.
    pub(super) fn rounded(from: f64, to: f64, highest: f64) -> Self {
        let scale = Self::new(from, to, highest);
        let step = scale.step(3);
        Self { highest: (scale.highest / step).ceil() * step, ..scale }
    }

    pub(super) fn place(self, figure: f64) -> f64 {
        self.from + (self.to - self.from) * (figure / self.highest).clamp(0.0, 1.0)
    }

    /// Figures that are easy to read, at most `most` of them above 0, each with its place.
    pub(super) fn marks(self, most: u32) -> impl Iterator<Item = (f64, f64)> {
        let step = self.step(most);
        let last = (self.highest / step + 1e-9).floor() as u32;
        // Without what binary fractions add: 3 times 0.1 is 0.3.
        let figure = move |mark| (f64::from(mark) * step * 1e6).round() / 1e6;
        (0..=last).map(move |mark| (figure(mark), self.place(figure(mark))))
    }

    /// 1, 2 or 5 times a power of ten: the least of which `most` steps reach the end.
    fn step(self, most: u32) -> f64 {
        let least = self.highest / f64::from(most.max(1));
        let power = 10_f64.powf(least.log10().floor());
        // The last is for what rounding has made a little more than ten times the power.
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= least * (1.0 - 1e-9));
        step.unwrap_or(10.0) * power
    }
}

#[cfg(test)]
mod tests;
