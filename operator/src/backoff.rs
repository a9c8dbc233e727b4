//! How long to wait before a pipeline is tried again.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;

use crate::key::PipelineKey;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// How often each pipeline failed in a row.
#[derive(Default)]
pub(crate) struct Backoff(Mutex<HashMap<PipelineKey, u32>>);

impl Backoff {
    /// Notes that it failed; returns how long to wait.
    pub fn failed(&self, key: &PipelineKey) -> Duration {
        let mut failures = self.0.lock();
        let failed = failures.entry(key.clone()).or_default();
        let wait = delay(*failed, key.spread());
        *failed = failed.saturating_add(1);
        wait
    }

    /// Notes that all is well with it, or that it is gone.
    pub fn forget(&self, key: &PipelineKey) {
        self.0.lock().remove(key);
    }
}

/// Twice as long each time, up to a longest, and up to a fifth less so that many do not come back at once.
fn delay(failed_before: u32, spread: f64) -> Duration {
    let whole = FIRST.saturating_mul(2_u32.saturating_pow(failed_before.min(16))).min(LONGEST);
    whole.mul_f64(1.0 - spread / 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_begin_anew_after_a_success() {
        let (backoff, key) = (Backoff::default(), PipelineKey::new("shop", "stock"));
        let waits: Vec<Duration> = (0..12).map(|_| backoff.failed(&key)).collect();
        assert!(waits[0] <= FIRST && waits[0] >= FIRST.mul_f64(0.8), "{waits:?}");
        assert!(waits.windows(2).all(|pair| pair[1] == (pair[0] * 2).min(waits[11])), "{waits:?}");
        assert!(waits[11] <= LONGEST && waits[11] >= LONGEST.mul_f64(0.8), "{waits:?}");
        backoff.forget(&key);
        assert_eq!(backoff.failed(&key), waits[0]);
    }

    #[test]
    fn one_pipelines_failures_do_not_slow_another() {
        let backoff = Backoff::default();
        let (one, other) = (PipelineKey::new("shop", "stock"), PipelineKey::new("shop", "other"));
        for _ in 0..5 {
            backoff.failed(&one);
        }
        assert!(backoff.failed(&other) <= FIRST);
    }
}
