//! Where a campaign takes place, and what must hold whenever it is at rest.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde_json::{Value, json};
use stockstream_model::{documents::Checkpoint, event::EventKind};
use stockstream_relay::Relay;
use stockstream_store::StateStore;

use super::{
    expected_state::ExpectedState,
    feed::{Feed, Item},
    load_generator::{Extra, LoadGenerator},
    proxies::Proxies,
    reader::{FULL, Reader},
    services::Services,
    worker_pool::WorkerPool,
};
use crate::harness::{TestEnv, compare, database_host, eventually, holds};

/// How many workers there are when no fault adds or removes one.
pub const WORKERS: usize = 3;

/// What faults act on.
pub struct Stage {
    pub env: TestEnv,
    pub workers: WorkerPool,
    /// Between the workers and the database.
    pub relay: Relay,
    targets: Option<FaultTargets>,
    extra: Extra,
    count: Arc<AtomicU64>,
}

/// What is there only in a campaign of its own.
pub struct FaultTargets {
    pub services: Services,
    pub proxies: Proxies,
}

impl Stage {
    fn targets(&self) -> &FaultTargets {
        self.targets.as_ref().expect("only hack/chaos.sh runs faults of services")
    }

    pub fn services(&self) -> &Services {
        &self.targets().services
    }

    pub fn proxies(&self) -> &Proxies {
        &self.targets().proxies
    }

    /// Waits until so many more events were produced.
    pub async fn produced(&self, more: u64) {
        let until = self.count() + more;
        eventually("more events are produced", async || {
            holds(self.count() >= until, || format!("{} of {until}", self.count()))
        })
        .await;
    }

    /// How many events were produced so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Has these produced besides.
    pub fn also(&self, items: impl IntoIterator<Item = Item>) {
        self.extra.lock().unwrap().extend(items);
    }

    pub async fn checkpoints(&self) -> Vec<Checkpoint> {
        self.env.store.checkpoints().await.unwrap()
    }
}

/// A campaign on its way.
pub struct Scenario {
    pub stage: Stage,
    pub load: LoadGenerator,
    expected: ExpectedState,
    reader: Option<Reader>,
    /// Grows with each topic that is made anew; orders events as the workers' own count of incarnations does.
    incarnation: i64,
}

/// What a campaign's pipeline is told: small batches in small commands, so that most faults strike inside a flush.
pub fn settings() -> Value {
    json!({
        "analytics": { "asOf": "LatestEvent" },
        "kafka": { "onLostOffsets": "Resume", "onRecreatedTopic": "Restart" },
        "limits": { "batchKeys": 500, "updatesPerCommand": 40, "writeConnections": 1, "commitEvery": "200ms" },
    })
}

impl Scenario {
    /// Makes the topics, starts the workers and waits until the first views are whole.
    pub async fn set(env: TestEnv, feed: Feed, seed: u64, targets: Option<FaultTargets>) -> Self {
        for (stream, partitions) in [(EventKind::Sales, 4), (EventKind::Inventory, 2), (EventKind::Clients, 1)] {
            env.kafka.create(stream, partitions, &[]).await;
        }
        let mut through = targets.as_ref().map_or_else(|| json!({}), |targets| targets.proxies.settings());
        let database =
            targets.as_ref().map_or_else(|| database_host(&env), |targets| targets.proxies.database().to_owned());
        let relay = Relay::to(&database).await.unwrap();
        through["mongodb"] = json!({ "uri": relay.uri(env.setting("/mongodb/uri")) });
        let workers = WorkerPool::new(&env, WORKERS, through);
        let load = LoadGenerator::new(&env, feed, seed);
        let stage =
            Stage { env, workers, relay, targets, extra: Arc::clone(&load.extra), count: Arc::clone(&load.count) };
        let mut scenario = Self { stage, load, expected: ExpectedState::new(), reader: None, incarnation: 0 };
        let expected = loop {
            scenario.load.produce(500).await;
            let expected = scenario.rest().await;
            if expected["winners"].as_array().unwrap().len() == FULL {
                break expected;
            }
        };
        assert_eq!(expected["winners"][0]["ranking"], 1);
        scenario.reader = Some(Reader::of(&scenario.stage.env).await);
        scenario
    }

    /// Does something to the stage while events are produced.
    pub async fn while_producing(&mut self, inject: impl AsyncFnOnce(&mut Stage)) {
        let stop = AtomicBool::new(false);
        let Self { stage, load, .. } = self;
        tokio::join!(load.run(&stop), async {
            inject(stage).await;
            stop.store(true, Ordering::Relaxed);
        });
    }

    /// Waits until everything produced is applied, and compares everything with the oracle. What it said.
    pub async fn rest(&mut self) -> Value {
        let Self { stage, load, expected, reader, incarnation } = self;
        expected.tell(load.fresh.drain(..), *incarnation);
        let mut ends = stage.env.kafka.ends();
        ends.retain(|_, end| *end > 0);
        assert_eq!(ends, load.ends, "the topics hold what was produced, once");
        let checkpoints = eventually("everything produced is applied", async || {
            stage.workers.restart_exited(&stage.env).await;
            at_rest(stage, load).await
        })
        .await;
        let expected = tokio::task::block_in_place(|| expected.answer());
        let sum = |of: fn(&Checkpoint) -> i64| checkpoints.iter().map(of).sum::<i64>();
        let (events, rejected) = (sum(|checkpoint| checkpoint.events), sum(|checkpoint| checkpoint.rejected));
        assert_eq!(sum(|checkpoint| checkpoint.duplicates), load.copies, "each copy is told");
        let found = json!({ "accepted": events - rejected - load.copies, "rejected": rejected });
        assert_eq!(found, json!({ "accepted": expected["accepted"], "rejected": expected["rejected"] }));
        let snapshot = stage.env.snapshot().await;
        assert_eq!(snapshot.rejected.len(), rejected as usize, "every rejected event is kept");
        compare::totals(&expected, &snapshot).unwrap();
        eventually("the views are as they must be", async || {
            stage.workers.restart_exited(&stage.env).await;
            compare::views(&expected, &compare::shown(&stage.env).await)
        })
        .await;
        if let Some(reader) = reader {
            reader.check().await;
        }
        expected
    }

    /// A topic was made anew.
    pub fn made_anew(&mut self, stream: EventKind) {
        self.incarnation += 1;
        self.load.forget(stream);
    }

    /// Whether exactly what was told so far is in the database.
    pub async fn nothing_counted(&mut self) {
        let expected = tokio::task::block_in_place(|| self.expected.answer());
        compare::totals(&expected, &self.stage.env.snapshot().await).unwrap();
    }

    /// Ends the campaign. How often the reader read.
    pub async fn end(mut self) -> u64 {
        match self.reader.take() {
            Some(reader) => reader.end().await,
            None => 0,
        }
    }
}

/// Whether each partition's checkpoint is at the end of the log, under the topic that stands, and nothing is claimed.
async fn at_rest(stage: &Stage, load: &LoadGenerator) -> Result<Vec<Checkpoint>, String> {
    let checkpoints = stage.checkpoints().await;
    let ids = stage.env.kafka.topic_ids();
    for (id, end) in load.ends.iter().filter(|(_, end)| **end > 0) {
        let found = checkpoints.iter().find(|checkpoint| checkpoint.id == *id);
        let done = |checkpoint: &&Checkpoint| {
            checkpoint.next == *end
                && checkpoint.pending.is_none()
                && checkpoint.topic_id.as_ref() == ids.get(&id.stream)
        };
        found.filter(done).ok_or_else(|| format!("{id} ends at {end}: {found:?}"))?;
    }
    Ok(checkpoints)
}
