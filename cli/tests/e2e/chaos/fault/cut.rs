//! A log that lost its end, as by an unclean election or a disk that forgot what it acknowledged: under the same topic id, an
//! older copy of it comes back. What was counted stays and is never counted again; what is written in its place does not
//! count; what comes behind it does.

use std::fmt;

use serde_json::json;
use stockstream_model::{documents::PartitionId, event::EventKind};

use super::Scenario;
use crate::harness::{SeededRng, eventually, holds};

pub struct Cut {
    partition: u64,
    how: How,
    before: u64,
    lost: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// What was counted is lost, and counting goes on behind it.
    Counted,
    /// A worker claimed what is lost, and died before it applied any of it.
    Claimed,
    /// What was counted is lost and found again, while workers stop (`onLostOffsets: Fail`).
    Found,
}

impl Cut {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let how = *rng.one(&[How::Counted, How::Counted, How::Claimed, How::Claimed, How::Found]);
        Self { partition: rng.between(0, 60), how, before: rng.between(30, 200), lost: rng.between(60, 400) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario.rest().await;
        let workers = scenario.stage.workers.len();
        if self.how == How::Claimed {
            scenario.stage.workers.stop_all().await;
        }
        scenario.load.produce(self.before).await;
        let (id, end) = self.place(scenario);
        let log = format!("{}-{}", scenario.stage.env.setting("/kafka/topics/sales/name"), id.partition);
        while_down(scenario, |services| services.copy_log(&log, "older"));
        scenario.load.produce(self.lost).await;
        match self.how {
            How::Counted => drop(scenario.rest().await),
            How::Claimed => claim(scenario).await,
            How::Found => {
                scenario
                    .stage
                    .workers
                    .change(&scenario.stage.env, json!({ "kafka": { "onLostOffsets": "Fail" } }))
                    .await;
                scenario.rest().await;
            }
        }
        let passed = position(scenario, id).await;
        while_down(scenario, |services| {
            services.copy_log(&log, "newer");
            services.restore_log(&log, "older");
        });
        if self.how == How::Found {
            self.find(scenario, id, &log, end..passed).await;
            return;
        }
        scenario.load.cut(id, end);
        if self.how == How::Claimed {
            (0..workers).for_each(|_| scenario.stage.workers.add(&scenario.stage.env));
        }
        // Until the log has passed what was counted or claimed.
        while scenario.load.ends[&id] < passed.max(end + 1) {
            scenario.load.produce(50).await;
        }
        scenario.load.fresh.retain(|event| event.id != id || event.offset < end || event.offset >= passed);
        scenario.rest().await;
        if passed > end {
            let words = if self.how == How::Claimed {
                "while they were being applied"
            } else {
                "were counted here and are lost there"
            };
            says(scenario, &format!("[{end}, {passed}) of {id} {words}")).await;
        }
    }

    /// A partition of sales that holds something, and where its log ends.
    fn place(&self, scenario: &Scenario) -> (PartitionId, i64) {
        let sales: Vec<_> = scenario.load.ends.iter().filter(|(id, _)| id.stream == EventKind::Sales).collect();
        let (id, end) = sales[(self.partition % sales.len() as u64) as usize];
        (*id, *end)
    }

    /// Workers stop at the lost range, and go on by themselves when it is there again.
    async fn find(&self, scenario: &mut Scenario, id: PartitionId, log: &str, lost: std::ops::Range<i64>) {
        if !lost.is_empty() {
            says(scenario, &format!("[{}, {}) of {id} were counted here and are lost there", lost.start, lost.end))
                .await;
        }
        scenario.nothing_counted().await;
        while_down(scenario, |services| services.restore_log(log, "newer"));
        scenario.load.renew();
        scenario.load.produce(self.before).await;
        scenario.rest().await;
        scenario.stage.workers.change(&scenario.stage.env, json!({ "kafka": { "onLostOffsets": "Resume" } })).await;
    }
}

fn while_down(scenario: &Scenario, change: impl FnOnce(&crate::chaos::services::Services)) {
    let services = scenario.stage.services();
    services.stop_broker();
    change(services);
    services.start_broker();
}

/// Behind what was counted or claimed of a partition.
async fn position(scenario: &Scenario, id: PartitionId) -> i64 {
    let checkpoints = scenario.stage.checkpoints().await;
    let checkpoint = checkpoints.iter().find(|checkpoint| checkpoint.id == id);
    checkpoint.map_or(0, |checkpoint| checkpoint.pending.unwrap_or(checkpoint.next))
}

/// Lets a worker claim, and die.
async fn claim(scenario: &mut Scenario) {
    let stage = &mut scenario.stage;
    stage.workers.add_armed(&stage.env, "after-claim");
    eventually("a worker claims and dies", async || holds(!stage.workers.worker(0).runs(), || "it lives".into())).await;
    let dead = stage.workers.take_out(0);
    stage.workers.reap(&dead.process);
}

async fn says(scenario: &Scenario, words: &str) {
    eventually("a worker names what was lost", async || {
        holds(scenario.stage.workers.says(words), || format!("nobody says: {words}"))
    })
    .await;
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the last of {} events in a partition of sales, {:?}", self.lost, self.how)
    }
}
