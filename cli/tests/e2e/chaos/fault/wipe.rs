//! A broker that comes back with an empty disk: no topics, no groups, another cluster's id.

use std::fmt;

use stockstream_model::event::Stream;

use super::Scene;
use crate::harness::Dice;

pub struct Wipe {
    kill: bool,
    at_once: u64,
}

impl Wipe {
    pub fn draw(dice: &mut Dice) -> Self {
        Self { kill: dice.between(0, 2) == 0, at_once: dice.between(1, 600) }
    }

    pub async fn strike(&self, scene: &mut Scene) {
        scene.rest().await;
        let services = scene.stage.services();
        let partitions = Stream::ALL.map(|stream| (stream, scene.stage.bed.kafka.partitions(stream)));
        if self.kill {
            services.kill_broker();
        } else {
            services.stop_broker();
        }
        services.wipe_broker();
        services.start_broker();
        for (stream, partitions) in partitions {
            scene.stage.bed.kafka.create(stream, partitions, &[]).await;
            scene.made_anew(stream);
        }
        scene.mill.produce(self.at_once).await;
    }
}

impl fmt::Display for Wipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the broker's disk, {} events at once", self.at_once)
    }
}
