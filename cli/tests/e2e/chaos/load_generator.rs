//! Producing without a pause while faults strike, and knowing exactly what is in the topics.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
};
use stockstream_model::{
    Timestamp,
    documents::PartitionId,
    event::{EventKind, decode_sale},
};

use super::feed::{Feed, Item};
use crate::harness::{SeededRng, TestEnv};

/// How long an event may wait for a broker that is away.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two handfuls of events.
const TICK: Duration = Duration::from_millis(40);
/// The most events of a handful.
const HANDFUL: u64 = 20;

/// An event that is in a topic.
pub struct Produced {
    pub id: PartitionId,
    pub offset: i64,
    pub at: i64,
    pub item: Item,
}

/// What a fault wants produced besides.
pub type Extra = Arc<Mutex<VecDeque<Item>>>;

/// Sales are sent again while at most so many came after them.
const RECENT: usize = 300;

/// The producing side.
pub struct LoadGenerator {
    feed: Feed,
    /// Sales that may be sent a second time, if any are.
    recent: Option<VecDeque<Item>>,
    /// How many were.
    pub copies: i64,
    rng: SeededRng,
    servers: String,
    topics: BTreeMap<EventKind, String>,
    producer: FutureProducer,
    /// Produced and not yet told to the oracle.
    pub fresh: Vec<Produced>,
    /// How many events each partition holds.
    pub ends: BTreeMap<PartitionId, i64>,
    pub extra: Extra,
    /// How many were produced in all: the campaign's clock.
    pub count: Arc<AtomicU64>,
}

impl LoadGenerator {
    /// With copies, where the workers tell them.
    pub fn new(env: &TestEnv, feed: Feed, seed: u64) -> Self {
        let servers = env.setting("/kafka/bootstrapServers/0").to_owned();
        let name = |stream: EventKind| env.setting(&format!("/kafka/topics/{stream}/name")).to_owned();
        Self {
            feed,
            recent: env.has_setting("/sales/deduplicate").then(VecDeque::new),
            copies: 0,
            rng: SeededRng::new(seed),
            producer: producer(&servers),
            servers,
            topics: EventKind::ALL.map(|stream| (stream, name(stream))).into(),
            fresh: Vec::new(),
            ends: BTreeMap::new(),
            extra: Extra::default(),
            count: Arc::default(),
        }
    }

    /// Produces handfuls until told to stop; then everything handed over is in the topics.
    pub async fn run(&mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let some = self.rng.between(1, HANDFUL);
            self.produce(some).await;
            tokio::time::sleep(TICK).await;
        }
        while !self.extra.lock().unwrap().is_empty() {
            self.produce(0).await;
        }
    }

    /// Produces what faults ask for and so many events of the feed.
    pub async fn produce(&mut self, some: u64) {
        let mut items: Vec<Item> = self.extra.lock().unwrap().drain(..).collect();
        items.extend((0..some).map(|_| self.feed.next()));
        let first = items.len();
        items.extend(self.some_again(some / 3));
        let at = Timestamp::now().millis();
        let sent = items.iter().map(|item| {
            let record: FutureRecord<'_, str, [u8]> =
                FutureRecord::to(&self.topics[&item.stream]).payload(item.payload.as_slice()).timestamp(at);
            self.producer.send(record, PATIENCE)
        });
        let sent = join_all(sent).await;
        self.count.fetch_add(items.len() as u64, Ordering::Relaxed);
        for (number, (item, delivered)) in items.into_iter().zip(sent).enumerate() {
            let place = delivered.unwrap_or_else(|(error, _)| panic!("an event was not produced: {error}"));
            let id = PartitionId { stream: item.stream, partition: place.partition };
            let end = self.ends.entry(id).or_default();
            *end = (*end).max(place.offset + 1);
            if number >= first {
                self.copies += 1;
                continue;
            }
            // What is refused is refused twice.
            if let Some(recent) = &mut self.recent
                && id.stream == EventKind::Sales
                && decode_sale(&item.payload).is_ok()
            {
                recent.push_back(item.clone());
                if recent.len() > RECENT {
                    recent.pop_front();
                }
            }
            self.fresh.push(Produced { id, offset: place.offset, at, item });
        }
    }

    /// Up to so many sales that were sent once.
    fn some_again(&mut self, some: u64) -> Vec<Item> {
        let Some(recent) = &mut self.recent else { return Vec::new() };
        let some = some.min(recent.len() as u64);
        (0..some).filter_map(|_| recent.remove(self.rng.between(0, recent.len() as u64) as usize)).collect()
    }

    /// A topic was made anew: its partitions are empty, and what the old producer knows of them is void.
    pub fn forget(&mut self, stream: EventKind) {
        self.ends.retain(|id, _| id.stream != stream);
        self.renew();
    }

    /// A log lost its end: what was not told to the oracle of it is lost, and what the old producer knows of it is void.
    pub fn cut(&mut self, id: PartitionId, end: i64) {
        self.ends.insert(id, end);
        self.fresh.retain(|event| event.id != id || event.offset < end);
        self.renew();
    }

    /// Another producer, which knows nothing of the logs.
    pub fn renew(&mut self) {
        self.producer = producer(&self.servers);
    }
}

/// Whatever becomes of a broker, each event is in the topic once.
fn producer(servers: &str) -> FutureProducer {
    ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("enable.idempotence", "true")
        .set("linger.ms", "1")
        // The broker's bound is on a batch: what is large goes alone.
        .set("batch.size", "200000")
        .set("message.max.bytes", "1100000")
        .set("message.timeout.ms", PATIENCE.as_millis().to_string())
        .set("reconnect.backoff.max.ms", "500")
        .create()
        .unwrap()
}
