//! Workers that are killed at any moment.

use std::fmt;

use super::Scenario;
use crate::harness::SeededRng;

pub struct Kill {
    workers: Vec<u64>,
    after: u64,
}

impl Kill {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let workers = (0..rng.between(1, 4)).map(|_| rng.between(0, 60)).collect();
        Self { workers, after: rng.between(10, 120) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario
            .while_producing(async |stage| {
                for worker in &self.workers {
                    stage.produced(self.after).await;
                    stage.workers.replace(&stage.env, *worker, &[]);
                }
            })
            .await;
    }
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "workers {:?}, one every {} events", self.workers, self.after)
    }
}
