//! A worker more, then one less.

use std::fmt;

use super::Scene;
use crate::harness::Dice;

pub struct Rebalance {
    leaves: u64,
    between: u64,
}

impl Rebalance {
    pub fn draw(dice: &mut Dice) -> Self {
        Self { leaves: dice.between(0, 60), between: dice.between(20, 200) }
    }

    pub async fn strike(&self, scene: &mut Scene) {
        scene
            .while_producing(async |stage| {
                stage.crew.add(&stage.bed);
                let last = stage.crew.len() as u64 - 1;
                stage.crew.worker(last).ready().await;
                stage.produced(self.between).await;
                let mut leaving = stage.crew.take_out(self.leaves);
                leaving.process.signal("TERM");
                leaving.has_left().await;
                stage.crew.bury(&leaving.process);
            })
            .await;
    }
}

impl fmt::Display for Rebalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a worker comes, and worker {} of four leaves", self.leaves % 4)
    }
}
