//! Another Kafka cluster at the address, with topics of the same names, and then the first one again: nothing of the other
//! counts, and workers go on by themselves.

use std::fmt;

use serde_json::json;
use stockstream_model::event::EventKind;

use super::Scenario;
use crate::harness::{SeededRng, events::sale, eventually, holds};

pub struct Cluster {
    kill: bool,
    /// Whether a worker is replaced while the other cluster answers.
    restart: Option<u64>,
    events: u64,
}

impl Cluster {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let restart = [None, Some(rng.between(0, 60))][rng.between(0, 2) as usize];
        Self { kill: rng.between(0, 2) == 0, restart, events: rng.between(1, 200) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario.rest().await;
        scenario.stage.workers.change(&scenario.stage.env, json!({ "kafka": { "onRecreatedTopic": "Fail" } })).await;
        scenario.load.produce(self.events).await;
        scenario.rest().await; // with them
        let partitions = EventKind::ALL.map(|stream| (stream, scenario.stage.env.kafka.partitions(stream)));
        let before = scenario.stage.checkpoints().await;
        let services = scenario.stage.services();
        if self.kill {
            services.kill_broker();
        } else {
            services.stop_broker();
        }
        services.set_broker_aside();
        services.start_broker();
        let stage = &mut scenario.stage;
        for (stream, partitions) in partitions {
            stage.env.kafka.create(stream, partitions, &[]).await;
        }
        for number in 0..self.events {
            let event = sale("other", "2011-07-02", &format!("other {number}"), 7, "1.00");
            stage.env.kafka.produce(EventKind::Sales, &event).await;
        }
        if let Some(worker) = self.restart {
            stage.workers.replace(&stage.env, worker, &[]);
        }
        eventually("workers say that it is another cluster", async || {
            let said = stage.workers.says("another Kafka cluster answers");
            holds(said, || "nobody does".into())
        })
        .await;
        assert_eq!(positions(&scenario.stage.checkpoints().await), positions(&before));
        scenario.nothing_counted().await;
        let services = scenario.stage.services();
        services.stop_broker();
        services.put_broker_back();
        services.start_broker();
        scenario.load.renew();
        scenario.load.produce(self.events).await;
        scenario.rest().await;
        scenario.stage.workers.change(&scenario.stage.env, json!({ "kafka": { "onRecreatedTopic": "Restart" } })).await;
    }
}

/// What of checkpoints tells what counts.
fn positions(checkpoints: &[stockstream_model::documents::Checkpoint]) -> Vec<(String, i64, i64, Option<i64>, i64)> {
    let position = |of: &stockstream_model::documents::Checkpoint| {
        (of.id.to_string(), of.incarnation, of.next, of.pending, of.events)
    };
    checkpoints.iter().map(position).collect()
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.kill { "killed" } else { "stopped" };
        let restarted = if self.restart.is_some() { ", a worker restarted meanwhile" } else { "" };
        write!(
            f,
            "the broker is {how}, another with {} events takes its place, and it comes back{restarted}",
            self.events
        )
    }
}
