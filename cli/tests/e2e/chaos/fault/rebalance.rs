//! A worker more, then one less.

use std::fmt;

use super::Scenario;
use crate::harness::SeededRng;

pub struct Rebalance {
    leaves: u64,
    between: u64,
}

impl Rebalance {
    pub fn draw(rng: &mut SeededRng) -> Self {
        Self { leaves: rng.between(0, 60), between: rng.between(20, 200) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario
            .while_producing(async |stage| {
                stage.workers.add(&stage.env);
                let last = stage.workers.len() as u64 - 1;
                stage.workers.worker(last).ready().await;
                stage.produced(self.between).await;
                let mut leaving = stage.workers.take_out(self.leaves);
                leaving.process.signal("TERM");
                leaving.has_left().await;
                stage.workers.reap(&leaving.process);
            })
            .await;
    }
}

impl fmt::Display for Rebalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a worker comes, and worker {} of four leaves", self.leaves % 4)
    }
}
