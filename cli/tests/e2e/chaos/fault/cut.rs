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

    pub async fn inject(&self, scene: &mut Scenario) {
        scene.rest().await;
        let workers = scene.stage.workers.len();
        if self.how == How::Claimed {
            scene.stage.workers.stop_all().await;
        }
        scene.load.produce(self.before).await;
        let (id, end) = self.place(scene);
        let log = format!("{}-{}", scene.stage.env.setting("/kafka/topics/sales/name"), id.partition);
        while_down(scene, |services| services.copy_log(&log, "older"));
        scene.load.produce(self.lost).await;
        match self.how {
            How::Counted => drop(scene.rest().await),
            How::Claimed => claim(scene).await,
            How::Found => {
                scene.stage.workers.change(&scene.stage.env, json!({ "kafka": { "onLostOffsets": "Fail" } })).await;
                scene.rest().await;
            }
        }
        let passed = position(scene, id).await;
        while_down(scene, |services| {
            services.copy_log(&log, "newer");
            services.restore_log(&log, "older");
        });
        if self.how == How::Found {
            self.find(scene, id, &log, end..passed).await;
            return;
        }
        scene.load.cut(id, end);
        if self.how == How::Claimed {
            (0..workers).for_each(|_| scene.stage.workers.add(&scene.stage.env));
        }
        // Until the log has passed what was counted or claimed.
        while scene.load.ends[&id] < passed.max(end + 1) {
            scene.load.produce(50).await;
        }
        scene.load.fresh.retain(|event| event.id != id || event.offset < end || event.offset >= passed);
        scene.rest().await;
        if passed > end {
            let words = if self.how == How::Claimed {
                "while they were being applied"
            } else {
                "were counted here and are lost there"
            };
            says(scene, &format!("[{end}, {passed}) of {id} {words}")).await;
        }
    }

    /// A partition of sales that holds something, and where its log ends.
    fn place(&self, scene: &Scenario) -> (PartitionId, i64) {
        let sales: Vec<_> = scene.load.ends.iter().filter(|(id, _)| id.stream == EventKind::Sales).collect();
        let (id, end) = sales[(self.partition % sales.len() as u64) as usize];
        (*id, *end)
    }

    /// Workers stop at the lost range, and go on by themselves when it is there again.
    async fn find(&self, scene: &mut Scenario, id: PartitionId, log: &str, lost: std::ops::Range<i64>) {
        if !lost.is_empty() {
            says(scene, &format!("[{}, {}) of {id} were counted here and are lost there", lost.start, lost.end)).await;
        }
        scene.nothing_counted().await;
        while_down(scene, |services| services.restore_log(log, "newer"));
        scene.load.renew();
        scene.load.produce(self.before).await;
        scene.rest().await;
        scene.stage.workers.change(&scene.stage.env, json!({ "kafka": { "onLostOffsets": "Resume" } })).await;
    }
}

fn while_down(scene: &Scenario, change: impl FnOnce(&crate::chaos::services::Services)) {
    let services = scene.stage.services();
    services.stop_broker();
    change(services);
    services.start_broker();
}

/// Behind what was counted or claimed of a partition.
async fn position(scene: &Scenario, id: PartitionId) -> i64 {
    let checkpoints = scene.stage.checkpoints().await;
    let checkpoint = checkpoints.iter().find(|checkpoint| checkpoint.id == id);
    checkpoint.map_or(0, |checkpoint| checkpoint.pending.unwrap_or(checkpoint.next))
}

/// Lets a worker claim, and die.
async fn claim(scene: &mut Scenario) {
    let stage = &mut scene.stage;
    stage.workers.add_armed(&stage.env, "after-claim");
    eventually("a worker claims and dies", async || holds(!stage.workers.worker(0).runs(), || "it lives".into())).await;
    let dead = stage.workers.take_out(0);
    stage.workers.reap(&dead.process);
}

async fn says(scene: &Scenario, words: &str) {
    eventually("a worker names what was lost", async || {
        holds(scene.stage.workers.says(words), || format!("nobody says: {words}"))
    })
    .await;
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the last of {} events in a partition of sales, {:?}", self.lost, self.how)
    }
}
