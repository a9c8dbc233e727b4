//! The scale beside a chart: round numbers that all values lie between.

/// So many steps at most.
const STEPS: f64 = 4.0;

/// A scale from one round number to another, zero always among its marks.
#[derive(Debug, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    step: f64,
    steps: u32,
}

impl Scale {
    /// One that all these values lie on; values that are no numbers are left out.
    pub(crate) fn over(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let step = round_up((high - low) / STEPS);
        let (below, above) = ((low / step).floor(), (high / step).ceil().max(1.0));
        Self { low: below * step, step, steps: (above - below) as u32 }
    }

    /// Its marks, lowest first.
    pub(crate) fn marks(&self) -> impl DoubleEndedIterator<Item = f64> {
        (0..=self.steps).map(|index| self.low + f64::from(index) * self.step)
    }

    /// How far below the top a value lies: 0 at the top, 1 at the bottom.
    pub(crate) fn height(&self, value: f64) -> f64 {
        let value = if value.is_finite() { value } else { 0.0 };
        1.0 - (value - self.low) / (self.step * f64::from(self.steps))
    }
}

/// The next number up of 1, 2, 5, 10, 20, …
fn round_up(number: f64) -> f64 {
    if number <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(number.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|first| first * power).find(|round| *round >= number).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(values: &[f64]) -> Vec<f64> {
        Scale::over(values.iter().copied()).marks().collect()
    }

    #[test]
    fn marks_are_round_and_hold_every_value_and_zero() {
        assert_eq!(marks(&[163_469.13]), [0.0, 50_000.0, 100_000.0, 150_000.0, 200_000.0]);
        assert_eq!(marks(&[3.0, 7.0]), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(marks(&[-10.0, 10.0]), [-10.0, -5.0, 0.0, 5.0, 10.0]);
        assert_eq!(marks(&[-3.0]), [-3.0, -2.0, -1.0, 0.0, 1.0]);
        assert_eq!(marks(&[]), [0.0, 1.0]);
        assert_eq!(marks(&[0.0, f64::NAN, f64::INFINITY]), [0.0, 1.0]);
    }

    #[test]
    fn heights_are_counted_from_the_top() {
        let scale = Scale::over([-10.0, 10.0].into_iter());
        assert_eq!([10.0, 0.0, -10.0, f64::NAN].map(|value| scale.height(value)), [0.0, 0.5, 1.0, 0.5]);
    }
}
