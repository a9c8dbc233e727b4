//! A worker's parts on a real database, with a relay between that fails commands.

use std::{
    io::Write,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bson::{Document, doc};
use futures_util::FutureExt;
use mongodb::{Client, Database};
use stockstream_model::{
    Day, Timestamp,
    documents::{FoldRules, PartitionId, RiskRow, Version, View},
    event::EventKind,
    settings::{AsOf, Deduplicate, HumanDuration, Sales, Secret, Settings, Topics},
};
use stockstream_protocol::positions::{Position, Positions};
use stockstream_relay::Relay;
use stockstream_store::{MemoryStore, MongoStore, Paging, PositionStore, StateStore, ViewStore, inspect::Inspect};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    consumer::intake::{Intake, ReadRecord},
    flush::{Flushed, Flusher, deduplicate::forget_once},
    fold::{FoldPool, Rules},
    heartbeat::heartbeats,
    lane::{OwnLane, acquire},
    publish::{Publisher, publisher},
    simulation::{
        Entry, Logs, plain,
        risk::{Rows, evaluated},
    },
    state::WorkerState,
};

/// After so long something that should come to pass is given up. Never a measure of speed.
const DEADLINE: Duration = Duration::from_secs(240);
/// Invoices of one round are old by the next but one.
const DAYS_A_ROUND: i32 = 4;
const WITHIN: HumanDuration = HumanDuration::from_millis(86_400_000);
/// That of the worker's settings.
const GENERATION: i64 = 2;
/// So many products are sold in every round, and change alike.
const SOLD_ALWAYS: i64 = 10;

/// Where a worker's parts stand.
pub(crate) struct TestEnv {
    pub relay: Relay,
    /// The database as the driver shows it, past the relay.
    pub raw: Database,
    store: Arc<MongoStore>,
    shared: Arc<WorkerState>,
    flusher: Flusher<MongoStore>,
    /// That of a worker with other settings, past the relay.
    other: Flusher<MongoStore>,
    intake: Intake,
    logs: Logs,
    rounds: i32,
    shutdown: CancellationToken,
    beside: Vec<JoinHandle<()>>,
}

fn settings(uri: &str) -> Settings {
    let mut settings = Settings::default();
    settings.mongodb.uri = Some(Secret::new(uri));
    settings.analytics.as_of = AsOf::LatestEvent;
    settings.sales.deduplicate = Some(Deduplicate { within: WITHIN });
    settings.limits.publish_every = HumanDuration::from_millis(100);
    settings
}

/// Runs a test on a new database and drops it, however the test ends.
pub(crate) async fn on_mongodb(test: impl AsyncFnOnce(&mut TestEnv)) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var("MONGODB_URI") else {
        // Not `eprintln!`: what a test that passes prints is not shown.
        let _ = writeln!(std::io::stderr(), "MONGODB_URI is not set: the tests on MongoDB are skipped");
        return;
    };
    let number = (Timestamp::now().millis(), std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let name = format!("stockstream_answers_{:x}_{}_{}", number.0, number.1, number.2);
    let (scheme, rest) = server.split_once("://").unwrap();
    let (hosts, options) =
        rest.split_once('?').map_or((rest, String::new()), |(rest, query)| (rest, format!("?{query}")));
    let hosts = hosts.split('/').next().unwrap();
    let uri = format!("{scheme}://{hosts}/{name}{options}");
    let raw = Client::with_uri_str(&uri).await.unwrap().database(&name);
    let mut env = TestEnv::new(&uri, hosts.rsplit('@').next().unwrap(), raw.clone()).await;
    let end = AssertUnwindSafe(test(&mut env)).catch_unwind().await;
    env.end().await;
    raw.drop().await.unwrap();
    end.unwrap_or_else(|panic| resume_unwind(panic));
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, future).await;
    done.unwrap_or_else(|_| panic!("{what}: still not after {DEADLINE:?}"))
}

impl TestEnv {
    async fn new(uri: &str, server: &str, raw: Database) -> Self {
        let relay = Relay::to(server).await.unwrap();
        let mut others = settings(uri);
        others.analytics.product_winners.weights.profit = "0.9".parse().unwrap();
        others.analytics.clients.promo = others.analytics.clients.gold;
        let other = Arc::new(MongoStore::connect(&others).await.unwrap());
        let settings = settings(&relay.uri(uri));
        let store = Arc::new(MongoStore::connect(&settings).await.unwrap());
        let generations =
            (other.prepare(&others.pipeline).await.unwrap(), store.prepare(&settings.pipeline).await.unwrap());
        assert_eq!(generations, (1, GENERATION), "the settings that hold are those behind the relay");
        let [shared, shared_of_other] = [("worker", GENERATION), ("other", 1)].map(|(name, generation)| {
            let shared = WorkerState::new(name.into());
            shared.generation.store(generation, Ordering::Relaxed);
            shared.publisher.store(true, Ordering::Relaxed);
            shared.runs();
            Arc::new(shared)
        });
        shared.problems.depends_on(Arc::clone(&store));
        let ids = [(EventKind::Sales, 0), (EventKind::Sales, 1), (EventKind::Inventory, 0), (EventKind::Clients, 0)];
        let ids = ids.map(|(stream, partition)| PartitionId { stream, partition });
        let partitions = ids.map(|id| (id, Position::default())).into();
        store.create_positions(&Positions { partitions, ..Positions::default() }).await.unwrap();
        // Both are alive, or one would take the lane of the other.
        other.heartbeat(&crate::simulation::heartbeat(&shared_of_other.worker)).await.unwrap();
        let other = flusher(other, shared_of_other).await;
        store.heartbeat(&crate::simulation::heartbeat(&shared.worker)).await.unwrap();
        let flusher = flusher(Arc::clone(&store), Arc::clone(&shared)).await;
        let sales = Sales { deduplicate: Some(Deduplicate { within: WITHIN }), ..Sales::default() };
        let rules = Rules::of(&sales);
        // What was rejected long ago is deleted.
        let mut intake = Intake::new(FoldPool::new(2, &Topics::default(), rules, Timestamp::now).unwrap(), rules);
        ids.iter().for_each(|id| intake.assign(*id, &Position::default()));
        let shutdown = CancellationToken::new();
        let (pipeline, every) = (settings.pipeline.clone(), Duration::from_millis(100));
        let beating = heartbeats(Arc::clone(&store), Arc::clone(&shared), pipeline, every, shutdown.clone());
        let beside = vec![
            tokio::spawn(publisher(Arc::clone(&store), Arc::clone(&shared), settings, shutdown.clone())),
            tokio::spawn(beating.map(drop)),
        ];
        Self {
            relay,
            raw,
            store,
            shared,
            flusher,
            other,
            intake,
            logs: ids.map(|id| (id, Vec::new())).into(),
            rounds: 0,
            shutdown,
            beside,
        }
    }

    async fn end(&mut self) {
        self.relay.heal();
        self.alone().await;
    }

    /// Ends what goes on beside flushes: from now on every command is of a step of the test.
    pub async fn alone(&mut self) {
        self.shutdown.cancel();
        for task in self.beside.drain(..) {
            let _ = task.await;
        }
    }

    /// A publisher of the worker, to be told each turn.
    pub fn publisher(&self, view: View) -> Publisher<MongoStore> {
        Publisher::new(Arc::clone(&self.store), settings("mongodb://nowhere/db").analytics, view, GENERATION)
    }

    /// A publisher of stock at risk that counts days to that one.
    pub fn publisher_of_risk(&self, as_of: Day) -> Publisher<MongoStore> {
        let mut analytics = settings("mongodb://nowhere/db").analytics;
        analytics.as_of = AsOf::Date(as_of);
        Publisher::new(Arc::clone(&self.store), analytics, View::LossRiskProducts, GENERATION)
    }

    /// Puts so many products with a batch each into the database that expired on a day.
    pub async fn stock(&self, products: usize, expiry: Day) {
        let at = bson::DateTime::from_millis(expiry.start().millis());
        let version = Version { at: expiry.start(), ..Version::default() }.sortable();
        let batch = |n: usize| {
            let id = doc! { "product_id": format!("stock{n:06}"), "batch_number": null };
            doc! { "_id": id, "rec": { "v": &version, "quantity": 1_i64, "expiry_date": at, "movement": at } }
        };
        let batches: Vec<Document> = (0..products).map(batch).collect();
        for some in batches.chunks(1_000) {
            self.raw.collection::<Document>("inventory").insert_many(some).await.unwrap();
        }
    }

    /// The stock at risk as it stands, and as evaluating all of it at once gives it.
    pub async fn risks(&self, as_of: Day) -> (Rows, Rows) {
        let wanted = evaluated(
            &self.store.snapshot().await.unwrap(),
            as_of,
            &settings("mongodb://nowhere/db").analytics.loss_risk,
        );
        let rows = self.store.risks_between(None, None).await.unwrap().into_iter().map(|standing| standing.row);
        let rows = rows.map(|row| RiskRow { analysis_timestamp: Timestamp::default(), ..row });
        (rows.map(|row| (row.key(), row)).collect(), wanted)
    }

    /// What the worker tells as its problems.
    pub fn problems(&self) -> Vec<String> {
        self.shared.problems.all()
    }

    /// Produces and reads the events of another round.
    fn read(&mut self) {
        self.rounds += 1;
        let Self { rounds, logs, intake, .. } = self;
        let day = Day::from_number(20_454 + *rounds * DAYS_A_ROUND);
        for (id, log) in logs.iter_mut() {
            let offset = log.last().map_or(0, |entry| entry.offset + 1);
            for (offset, payload) in (offset..).zip(events(*id, *rounds, day)) {
                let at = day.start().millis();
                intake.gather(*id, &record(offset, at, &payload), || None).unwrap();
                log.push(Entry { offset, at, payload });
            }
        }
    }

    async fn flush_by(&mut self, other: bool) -> usize {
        let batch = self.intake.hand().unwrap().folded().await.unwrap();
        let flusher = if other { &mut self.other } else { &mut self.flusher };
        let flushed = flusher.flush(batch).await;
        let Flushed::Completed(reached) = flushed else { panic!("{flushed:?}") };
        self.intake.completed(&reached);
        self.shared.moved.send_replace(());
        reached.len()
    }

    /// A round of events, flushed by the worker, or by one with other settings.
    pub async fn round(&mut self, what: &str, other: bool) {
        self.read();
        assert_eq!(in_time(what, self.flush_by(other)).await, 4, "{what}");
    }

    /// A round whose flush tells a problem with all these words, and goes on once that was mended.
    pub async fn round_that_waits(&mut self, words: &[&str], mend: impl AsyncFnOnce()) {
        self.read();
        let shared = Arc::clone(&self.shared);
        let mended = async {
            let has = |problem: &String| words.iter().all(|word| problem.contains(word));
            while !shared.problems.all().iter().any(has) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            mend().await;
        };
        let (flushed, ()) =
            in_time("what is wrong is told and mended", async { tokio::join!(self.flush_by(false), mended) }).await;
        assert_eq!(flushed, 4);
    }

    /// Old invoices are forgotten.
    pub async fn forget(&self, what: &str) {
        in_time(what, async {
            // As the publisher does, which comes again every minute.
            while let Err(error) = forget_once(&*self.store, WITHIN).await {
                assert!(!error.is_final(), "{what}: {error}");
            }
        })
        .await;
    }

    /// Days are moved out of products until none is left to move.
    pub async fn move_days(&self, what: &str) {
        in_time(what, async { while self.store.move_days(1_000).await.unwrap() > 0 {} }).await;
    }

    /// Waits for something of the relay.
    pub async fn until<T>(&self, what: &str, future: impl Future<Output = T>) -> T {
        in_time(what, future).await
    }

    /// Whether fields stand that were derived with other settings than the worker's.
    async fn has_stale(&self) -> bool {
        let stale = doc! { "g": { "$ne": GENERATION } };
        for name in ["products", "clients"] {
            if self.raw.collection::<Document>(name).find_one(stale.clone()).await.unwrap().is_some() {
                return true;
            }
        }
        false
    }

    /// What is counted is as one plain pass over the events leaves it. That pass.
    pub async fn check_state(&self, what: &str) -> Arc<MemoryStore> {
        let analytics = settings("mongodb://nowhere/db").analytics;
        let plain = Arc::new(plain(&self.logs, &analytics, |_, _| FoldRules::default()).await);
        assert_eq!(self.store.snapshot().await.unwrap(), plain.snapshot().await.unwrap(), "{what}");
        plain
    }

    /// Everything is as one plain pass over the events leaves it, and nothing is claimed.
    pub async fn check(&self, what: &str) {
        let analytics = settings("mongodb://nowhere/db").analytics;
        let plain = self.check_state(what).await;
        let checkpoints = self.store.checkpoints().await.unwrap();
        let found: Vec<_> = checkpoints.iter().map(|c| (c.id, c.next, c.pending, c.events, c.duplicates)).collect();
        let ends = self.logs.iter().map(|(id, log)| (*id, log.len() as i64, None, log.len() as i64, 0));
        let mut ends: Vec<_> = ends.collect();
        ends.sort_by_key(|end| end.0);
        assert_eq!(found, ends, "{what}");
        for view in View::ALL {
            Publisher::new(Arc::clone(&plain), analytics.clone(), view, 0).evaluate().await.unwrap();
        }
        let everything = Paging { page: 1, per_page: 1_000 };
        in_time(&format!("{what}: the views are published"), async {
            loop {
                let (winners, wanted) =
                    (self.store.product_winners().await.unwrap(), plain.product_winners().await.unwrap());
                let risks = self.store.loss_risk_products(everything).await.unwrap().items;
                let wanted_risks = plain.loss_risk_products(everything).await.unwrap().items;
                let same = winners.len() == wanted.len() && winners.iter().zip(&wanted).all(|(a, b)| a.same_as(b));
                let same_risks =
                    risks.len() == wanted_risks.len() && risks.iter().zip(&wanted_risks).all(|(a, b)| a.same_as(b));
                if same && same_risks && !wanted.is_empty() && !wanted_risks.is_empty() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        in_time(&format!("{what}: what was derived with other settings is derived anew"), async {
            while self.has_stale().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }
}

async fn flusher(store: Arc<MongoStore>, shared: Arc<WorkerState>) -> Flusher<MongoStore> {
    let lane = acquire(&*store, &shared).await.unwrap();
    Flusher::new(store, shared, Arc::new(OwnLane::new(lane)), Topics::default())
}

/// A record of a partition's log, at that many milliseconds.
fn record(offset: i64, at: i64, payload: &str) -> ReadRecord<'_> {
    let produced_at = Some(Timestamp::from_millis(at));
    ReadRecord { offset, produced_at, epoch: Some(offset as i32 / 8), payload: payload.as_bytes() }
}

/// What happens in a partition in a round: products that are sold always and change alike, one that is new, a batch that is
/// at risk, a client, and what is no event.
fn events(PartitionId { stream, partition }: PartitionId, round: i32, day: Day) -> Vec<String> {
    let line = |id: String| {
        format!(r#"{{"product_id":"{id}","quantity":{},"unit_price":"2.05","unit_cost":"1.10"}}"#, round % 7 + 1)
    };
    match (stream, partition) {
        (EventKind::Sales, 0) => {
            let always = (0..SOLD_ALWAYS).map(|n| line(format!("p{n}")));
            let lines: Vec<_> = always.chain([line(format!("new{round}"))]).collect();
            let sale = format!(
                r#"{{"invoice_id":"a{round}","client_id":"c{}","timestamp":"{day}","items":[{}]}}"#,
                round % 3,
                lines.join(",")
            );
            vec![sale]
        }
        (EventKind::Sales, _) => {
            vec![format!(
                r#"{{"invoice_id":"b{round}","client_id":"c9","timestamp":"{day}","items":[{}]}}"#,
                line("q".into())
            )]
        }
        (EventKind::Inventory, _) => vec![format!(
            r#"{{"product_id":"p1","batch_no":"b{}","quantity":{},"buy_price":"3","updated_at":"{day}","expiry_date":"2026-01-02"}}"#,
            round % 4,
            round + 5
        )],
        (EventKind::Clients, _) => {
            vec![
                format!(r#"{{"client_id":"c{}","updated_at":"{day}","name":"n{round}"}}"#, round % 4),
                "not an event".into(),
            ]
        }
    }
}
