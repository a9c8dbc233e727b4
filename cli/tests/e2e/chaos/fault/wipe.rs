//! A broker that comes back with an empty disk: no topics, no groups, another cluster's id.

use std::fmt;

use stockstream_model::event::EventKind;

use super::Scenario;
use crate::harness::SeededRng;

pub struct Wipe {
    kill: bool,
    at_once: u64,
}

impl Wipe {
    pub fn draw(rng: &mut SeededRng) -> Self {
        Self { kill: rng.between(0, 2) == 0, at_once: rng.between(1, 600) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario.rest().await;
        let services = scenario.stage.services();
        let partitions = EventKind::ALL.map(|stream| (stream, scenario.stage.env.kafka.partitions(stream)));
        if self.kill {
            services.kill_broker();
        } else {
            services.stop_broker();
        }
        services.wipe_broker();
        services.start_broker();
        for (stream, partitions) in partitions {
            scenario.stage.env.kafka.create(stream, partitions, &[]).await;
            scenario.made_anew(stream);
        }
        scenario.load.produce(self.at_once).await;
    }
}

impl fmt::Display for Wipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the broker's disk, {} events at once", self.at_once)
    }
}
