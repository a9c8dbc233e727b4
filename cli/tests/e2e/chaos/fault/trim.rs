//! Events that Kafka deletes before they were read: exactly those do not count, and a worker names them.

use std::fmt;

use stockstream_model::{documents::PartitionId, event::Stream};

use super::Scene;
use crate::harness::{Dice, eventually, holds};

pub struct Trim {
    partition: u64,
    /// How much of what is unread goes, in percent.
    percent: i64,
    /// Whether a worker dies first that has claimed what is unread, and applied nothing of it.
    claimed: bool,
    events: u64,
}

impl Trim {
    pub fn draw(dice: &mut Dice) -> Self {
        let (partition, percent) = (dice.between(0, 60), dice.between(1, 101) as i64);
        Self { partition, percent, claimed: dice.between(0, 2) == 0, events: dice.between(100, 400) }
    }

    pub async fn strike(&self, scene: &mut Scene) {
        scene.rest().await;
        let crew = scene.stage.crew.len();
        for _ in 0..crew {
            let mut leaving = scene.stage.crew.take_out(0);
            leaving.process.signal("TERM");
            leaving.has_left().await;
        }
        scene.mill.produce(self.events).await;
        if self.claimed {
            self.claim(scene).await;
            scene.mill.produce(self.events).await;
        }
        let lost = self.delete(scene).await;
        let is_lost = |id, offset| lost.iter().any(|(of, range)| *of == id && range.contains(&offset));
        scene.mill.fresh.retain(|event| !is_lost(event.id, event.offset));
        for _ in 0..crew {
            scene.stage.crew.add(&scene.stage.bed);
        }
        scene.rest().await;
        for (id, range) in lost {
            let named = format!("[{}, {}) of {id}", range.start, range.end);
            assert!(scene.stage.crew.says(&named), "nobody says that these are lost: {named}");
        }
    }

    /// Lets a worker claim, and die.
    async fn claim(&self, scene: &mut Scene) {
        let stage = &mut scene.stage;
        stage.crew.add_armed(&stage.bed, "after-claim");
        eventually("a worker claims and dies", async || holds(!stage.crew.worker(0).runs(), || "it lives".into()))
            .await;
        let dead = stage.crew.take_out(0);
        stage.crew.bury(&dead.process);
    }

    /// Deletes the oldest of what is unread in a partition. Which events those were: what was claimed of them, and what was not.
    async fn delete(&self, scene: &mut Scene) -> Vec<(PartitionId, std::ops::Range<i64>)> {
        let checkpoints = scene.stage.checkpoints().await;
        let ends = &scene.mill.ends;
        let sales: Vec<_> = ends.iter().filter(|(id, _)| id.stream == Stream::Sales).collect();
        let (id, end) = sales[(self.partition % sales.len() as u64) as usize];
        let checkpoint = checkpoints.iter().find(|checkpoint| checkpoint.id == *id);
        let next = checkpoint.map_or(0, |checkpoint| checkpoint.next);
        let first = next + (end - next) * self.percent / 100;
        if first > next {
            scene.stage.bed.kafka.delete_before(*id, first).await;
        }
        let claimed = checkpoint.and_then(|checkpoint| checkpoint.pending).unwrap_or(next).min(first);
        [next..claimed, claimed..first]
            .map(|range| (*id, range))
            .into_iter()
            .filter(|(_, range)| !range.is_empty())
            .collect()
    }
}

impl fmt::Display for Trim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claimed = if self.claimed { ", some of it claimed" } else { "" };
        write!(f, "{} % of what is unread in a partition of sales{claimed}", self.percent)
    }
}
