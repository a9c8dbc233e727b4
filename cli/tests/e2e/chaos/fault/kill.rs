//! Workers that are killed at any moment.

use std::fmt;

use super::Scene;
use crate::harness::Dice;

pub struct Kill {
    workers: Vec<u64>,
    after: u64,
}

impl Kill {
    pub fn draw(dice: &mut Dice) -> Self {
        let workers = (0..dice.between(1, 4)).map(|_| dice.between(0, 60)).collect();
        Self { workers, after: dice.between(10, 120) }
    }

    pub async fn strike(&self, scene: &mut Scene) {
        scene
            .while_producing(async |stage| {
                for worker in &self.workers {
                    stage.produced(self.after).await;
                    stage.crew.replace(&stage.bed, *worker, &[]);
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
