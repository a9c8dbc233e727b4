//! A topic that is deleted and made anew: what was counted stays, what is produced then counts on top.

use std::fmt;

use stockstream_model::event::EventKind;

use super::Scenario;
use crate::harness::SeededRng;

pub struct Recreate {
    stream: EventKind,
    partitions: i32,
    /// Whether a worker is killed while there is no topic.
    kill: Option<u64>,
    at_once: u64,
}

impl Recreate {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let kill = [None, Some(rng.between(0, 60))][rng.between(0, 2) as usize];
        let (stream, partitions) = (*rng.one(&EventKind::ALL), rng.between(1, 6) as i32);
        Self { stream, partitions, kill, at_once: rng.between(1, 600) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario.rest().await; // what is deleted before it was read is lost, and not what this is about
        let stage = &mut scenario.stage;
        stage.env.kafka.delete(self.stream).await;
        if let Some(worker) = self.kill {
            stage.workers.replace(&stage.env, worker, &[]);
        }
        stage.env.kafka.create(self.stream, self.partitions, &[]).await;
        scenario.made_anew(self.stream);
        scenario.load.produce(self.at_once).await;
    }
}

impl fmt::Display for Recreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let killed = if self.kill.is_some() { ", a worker killed meanwhile" } else { "" };
        write!(f, "{} with {} partitions, {} events at once{killed}", self.stream, self.partitions, self.at_once)
    }
}
