//! A topic that is deleted and made anew: what was counted stays, what is produced then counts on top.

use std::fmt;

use stockstream_model::event::Stream;

use super::Scene;
use crate::harness::Dice;

pub struct Recreate {
    stream: Stream,
    partitions: i32,
    /// Whether a worker is killed while there is no topic.
    kill: Option<u64>,
    at_once: u64,
}

impl Recreate {
    pub fn draw(dice: &mut Dice) -> Self {
        let kill = [None, Some(dice.between(0, 60))][dice.between(0, 2) as usize];
        let (stream, partitions) = (*dice.one(&Stream::ALL), dice.between(1, 6) as i32);
        Self { stream, partitions, kill, at_once: dice.between(1, 600) }
    }

    pub async fn strike(&self, scene: &mut Scene) {
        scene.rest().await; // what is deleted before it was read is lost, and not what this is about
        let stage = &mut scene.stage;
        stage.bed.kafka.delete(self.stream).await;
        if let Some(worker) = self.kill {
            stage.crew.replace(&stage.bed, worker, &[]);
        }
        stage.bed.kafka.create(self.stream, self.partitions, &[]).await;
        scene.made_anew(self.stream);
        scene.mill.produce(self.at_once).await;
    }
}

impl fmt::Display for Recreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let killed = if self.kill.is_some() { ", a worker killed meanwhile" } else { "" };
        write!(f, "{} with {} partitions, {} events at once{killed}", self.stream, self.partitions, self.at_once)
    }
}
