use std::time::Duration;

/// Measured times, in order.
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Milliseconds that so great a share of the times, between 0 and 1, does not exceed.
    pub(super) fn at(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let place = ((self.0.len() as f64 * share) as usize).min(last);
        self.0.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
    }

    pub(super) fn worst(&self) -> f64 {
        self.at(1.0)
    }
}
