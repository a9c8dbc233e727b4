//! A worker that stands still until the group has given it up, and then goes on as if nothing had been.

use std::fmt;

use super::Scene;
use crate::harness::{Dice, eventually};

pub struct Stop {
    worker: u64,
    before: u64,
    after: u64,
}

impl Stop {
    pub fn draw(dice: &mut Dice) -> Self {
        Self { worker: dice.between(0, 60), before: dice.between(10, 80), after: dice.between(20, 200) }
    }

    pub async fn strike(&self, scene: &mut Scene) {
        scene
            .while_producing(async |stage| {
                stage.produced(self.before).await;
                let process = stage.crew.worker(self.worker);
                let id = process.id();
                process.signal("STOP");
                eventually("others go on with what a stopped worker had", async || {
                    stage.bed.sales_are_of_others(id).await
                })
                .await;
                stage.crew.worker(self.worker).signal("CONT");
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
