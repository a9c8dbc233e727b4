//! A worker whose clock is set forth and back while it works. The machine's own clock is left alone.

use std::fmt;

use super::Scenario;
use crate::harness::SeededRng;

pub struct Clock {
    worker: u64,
    /// In seconds, one after the other.
    steps: Vec<i64>,
    between: u64,
}

impl Clock {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let steps = (0..rng.between(1, 4)).map(|_| rng.between(0, 14_400) as i64 - 7_200).collect();
        Self { worker: rng.between(0, 60), steps, between: rng.between(40, 160) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        let library = std::env::var("CHAOS_FAKETIME").expect("hack/chaos.sh finds libfaketime");
        scenario
            .while_producing(async |stage| {
                let clock = stage.env.file("clock", "+0");
                let variables = [
                    ("LD_PRELOAD", library.as_str()),
                    ("FAKETIME_TIMESTAMP_FILE", &clock),
                    ("FAKETIME_CACHE_DURATION", "1"),
                    // A clock that is set does not touch the one that only counts.
                    ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
                ];
                stage.workers.replace(&stage.env, self.worker, &variables);
                stage.workers.worker(self.worker).ready().await;
                for step in &self.steps {
                    stage.produced(self.between).await;
                    stage.env.file("clock", &format!("{step:+}"));
                }
                stage.produced(self.between).await;
                stage.workers.replace(&stage.env, self.worker, &[]);
            })
            .await;
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of worker {} set by {:?} s", self.worker % 3, self.steps)
    }
}
