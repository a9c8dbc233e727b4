//! A worker that stands still until the group has given it up, and then goes on as if nothing had been.

use std::fmt;

use super::Scenario;
use crate::harness::{SeededRng, eventually};

pub struct Stop {
    worker: u64,
    before: u64,
    after: u64,
}

impl Stop {
    pub fn draw(rng: &mut SeededRng) -> Self {
        Self { worker: rng.between(0, 60), before: rng.between(10, 80), after: rng.between(20, 200) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario
            .while_producing(async |stage| {
                stage.produced(self.before).await;
                let process = stage.workers.worker(self.worker);
                let id = process.id();
                process.signal("STOP");
                eventually("others go on with what a stopped worker had", async || {
                    stage.env.sales_are_of_others(id).await
                })
                .await;
                stage.workers.worker(self.worker).signal("CONT");
                stage.produced(self.after).await;
            })
            .await;
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} is stopped, given up, and goes on", self.worker % 3)
    }
}
