//! A log that lost its end, as by an unclean election or a disk that forgot what it acknowledged: under the same topic id, an
//! older copy of it comes back. What was counted stays and is never counted again; what is written in its place does not
//! count; what comes behind it does.

use std::fmt;

use serde_json::json;
use stockstream_model::{documents::PartitionId, event::Stream};

use super::Scene;
use crate::harness::{Dice, eventually, holds};

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
    pub fn draw(dice: &mut Dice) -> Self {
        let how = *dice.one(&[How::Counted, How::Counted, How::Claimed, How::Claimed, How::Found]);
        Self { partition: dice.between(0, 60), how, before: dice.between(30, 200), lost: dice.between(60, 400) }
    }

    pub async fn strike(&self, scene: &mut Scene) {
        scene.rest().await;
        let crew = scene.stage.crew.len();
        if self.how == How::Claimed {
            scene.stage.crew.send_home().await;
        }
        scene.mill.produce(self.before).await;
        let (id, end) = self.place(scene);
        let log = format!("{}-{}", scene.stage.bed.setting("/kafka/topics/sales/name"), id.partition);
        while_down(scene, |services| services.copy_log(&log, "older"));
        scene.mill.produce(self.lost).await;
        match self.how {
            How::Counted => drop(scene.rest().await),
            How::Claimed => claim(scene).await,
            How::Found => {
                scene.stage.crew.change(&scene.stage.bed, json!({ "kafka": { "onLostOffsets": "Fail" } })).await;
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
        scene.mill.cut(id, end);
        if self.how == How::Claimed {
            (0..crew).for_each(|_| scene.stage.crew.add(&scene.stage.bed));
        }
        // Until the log has passed what was counted or claimed.
        while scene.mill.ends[&id] < passed.max(end + 1) {
            scene.mill.produce(50).await;
        }
        scene.mill.fresh.retain(|event| event.id != id || event.offset < end || event.offset >= passed);
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
    fn place(&self, scene: &Scene) -> (PartitionId, i64) {
        let sales: Vec<_> = scene.mill.ends.iter().filter(|(id, _)| id.stream == Stream::Sales).collect();
        let (id, end) = sales[(self.partition % sales.len() as u64) as usize];
        (*id, *end)
    }

    /// Workers stop at the lost range, and go on by themselves when it is there again.
    async fn find(&self, scene: &mut Scene, id: PartitionId, log: &str, lost: std::ops::Range<i64>) {
        if !lost.is_empty() {
            says(scene, &format!("[{}, {}) of {id} were counted here and are lost there", lost.start, lost.end)).await;
        }
        scene.nothing_counted().await;
        while_down(scene, |services| services.restore_log(log, "newer"));
        scene.mill.renew();
        scene.mill.produce(self.before).await;
        scene.rest().await;
        scene.stage.crew.change(&scene.stage.bed, json!({ "kafka": { "onLostOffsets": "Resume" } })).await;
    }
}

fn while_down(scene: &Scene, change: impl FnOnce(&crate::chaos::services::Services)) {
    let services = scene.stage.services();
    services.stop_broker();
    change(services);
    services.start_broker();
}

/// Behind what was counted or claimed of a partition.
async fn position(scene: &Scene, id: PartitionId) -> i64 {
    let checkpoints = scene.stage.checkpoints().await;
    let checkpoint = checkpoints.iter().find(|checkpoint| checkpoint.id == id);
    checkpoint.map_or(0, |checkpoint| checkpoint.pending.unwrap_or(checkpoint.next))
}

/// Lets a worker claim, and die.
async fn claim(scene: &mut Scene) {
    let stage = &mut scene.stage;
    stage.crew.add_armed(&stage.bed, "after-claim");
    eventually("a worker claims and dies", async || holds(!stage.crew.worker(0).runs(), || "it lives".into())).await;
    let dead = stage.crew.take_out(0);
    stage.crew.bury(&dead.process);
}

async fn says(scene: &Scene, words: &str) {
    eventually("a worker names what was lost", async || {
        holds(scene.stage.crew.says(words), || format!("nobody says: {words}"))
    })
    .await;
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the last of {} events in a partition of sales, {:?}", self.lost, self.how)
    }
}
