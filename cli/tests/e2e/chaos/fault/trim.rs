//! Events that Kafka deletes before they were read: exactly those do not count, and a worker names them.

use std::fmt;

use stockstream_model::{documents::PartitionId, event::EventKind};

use super::Scenario;
use crate::harness::{SeededRng, eventually, holds};

pub struct Trim {
    partition: u64,
    /// How much of what is unread goes, in percent.
    percent: i64,
    /// Whether a worker dies first that has claimed what is unread, and applied nothing of it.
    claimed: bool,
    events: u64,
}

impl Trim {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let (partition, percent) = (rng.between(0, 60), rng.between(1, 101) as i64);
        Self { partition, percent, claimed: rng.between(0, 2) == 0, events: rng.between(100, 400) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario.rest().await;
        let workers = scenario.stage.workers.len();
        for _ in 0..workers {
            let mut leaving = scenario.stage.workers.take_out(0);
            leaving.process.signal("TERM");
            leaving.has_left().await;
        }
        scenario.load.produce(self.events).await;
        if self.claimed {
            self.claim(scenario).await;
            scenario.load.produce(self.events).await;
        }
        let lost = self.delete(scenario).await;
        let is_lost = |id, offset| lost.iter().any(|(of, range)| *of == id && range.contains(&offset));
        scenario.load.fresh.retain(|event| !is_lost(event.id, event.offset));
        for _ in 0..workers {
            scenario.stage.workers.add(&scenario.stage.env);
        }
        scenario.rest().await;
        for (id, range) in lost {
            let named = format!("[{}, {}) of {id}", range.start, range.end);
            assert!(scenario.stage.workers.says(&named), "nobody says that these are lost: {named}");
        }
    }

    /// Lets a worker claim, and die.
    async fn claim(&self, scenario: &mut Scenario) {
        let stage = &mut scenario.stage;
        stage.workers.add_armed(&stage.env, "after-claim");
        eventually("a worker claims and dies", async || holds(!stage.workers.worker(0).runs(), || "it lives".into()))
            .await;
        let dead = stage.workers.take_out(0);
        stage.workers.reap(&dead.process);
    }

    /// Deletes the oldest of what is unread in a partition. Which events those were: what was claimed of them, and what was not.
    async fn delete(&self, scenario: &mut Scenario) -> Vec<(PartitionId, std::ops::Range<i64>)> {
        let checkpoints = scenario.stage.checkpoints().await;
        let ends = &scenario.load.ends;
        let sales: Vec<_> = ends.iter().filter(|(id, _)| id.stream == EventKind::Sales).collect();
        let (id, end) = sales[(self.partition % sales.len() as u64) as usize];
        let checkpoint = checkpoints.iter().find(|checkpoint| checkpoint.id == *id);
        let next = checkpoint.map_or(0, |checkpoint| checkpoint.next);
        let first = next + (end - next) * self.percent / 100;
        if first > next {
            scenario.stage.env.kafka.delete_before(*id, first).await;
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
