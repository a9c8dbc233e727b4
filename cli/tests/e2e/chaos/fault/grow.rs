//! A topic that gets more partitions.

use std::fmt;

use stockstream_model::event::Stream;

use super::Scene;
use crate::harness::Dice;

/// A topic does not grow beyond that: each partition slows down all that follows.
const MOST: i32 = 10;

pub struct Grow {
    stream: Stream,
    by: i32,
}

impl Grow {
    pub fn draw(dice: &mut Dice) -> Self {
        Self { stream: *dice.one(&Stream::ALL), by: dice.between(1, 3) as i32 }
    }

    pub async fn strike(&self, scene: &mut Scene) {
        scene
            .while_producing(async |stage| {
                stage.produced(20).await;
                let partitions = stage.bed.kafka.partitions(self.stream) + self.by;
                if partitions <= MOST {
                    stage.bed.kafka.grow(self.stream, partitions as usize).await;
                }
                stage.produced(100).await;
            })
            .await;
    }
}

impl fmt::Display for Grow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {} partitions", self.stream, self.by)
    }
}
