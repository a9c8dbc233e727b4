//! A topic that gets more partitions.

use std::fmt;

use stockstream_model::event::EventKind;

use super::Scenario;
use crate::harness::SeededRng;

/// A topic does not grow beyond that: each partition slows down all that follows.
const MOST: i32 = 10;

pub struct Grow {
    stream: EventKind,
    by: i32,
}

impl Grow {
    pub fn draw(rng: &mut SeededRng) -> Self {
        Self { stream: *rng.one(&EventKind::ALL), by: rng.between(1, 3) as i32 }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario
            .while_producing(async |stage| {
                stage.produced(20).await;
                let partitions = stage.env.kafka.partitions(self.stream) + self.by;
                if partitions <= MOST {
                    stage.env.kafka.grow(self.stream, partitions as usize).await;
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
