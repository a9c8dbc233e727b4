use std::time::Duration;

/// Measured times, in order.
pub(crate) struct Percentiles(Vec<Duration>);

impl Percentiles {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// So many were measured.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What so great a share of the times, between 0 and 1, does not exceed; nothing of none.
    pub(crate) fn share(&self, share: f64) -> Option<Duration> {
        let last = self.0.len().saturating_sub(1);
        self.0.get(((self.0.len() as f64 * share) as usize).min(last)).copied()
    }

    /// The same in milliseconds.
    pub(crate) fn at(&self, share: f64) -> f64 {
        self.share(share).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
    }

    pub(crate) fn worst(&self) -> f64 {
        self.at(1.0)
    }
}
