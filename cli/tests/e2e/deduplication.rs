//! Producers that send every sale twice, and workers that are killed while they take it in: each sale counts once.

use futures_util::future::join_all;
use serde_json::{Value, json};
use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, PartitionId},
    event::EventKind,
};

use crate::{
    chaos::{expected_state::ExpectedState, feed::Item, load_generator::Produced, worker_pool::WorkerPool},
    harness::{SeededRng, TestEnv, compare, eventually, holds, http, kafka::Event},
};

const PARTITIONS: u64 = 4;
const WORKERS: usize = 3;
const SEED: u64 = 1_971;
/// How many sales are waiting for workers that begin.
const BACKLOG: usize = 600;
/// Copies come up to so many invoices later.
const BEHIND: usize = 150;
/// Two workers are killed at once, at these points.
const POINTS: [[&str; 2]; 4] = [
    ["amid-invoices:2", "after-claim"],
    ["after-invoices", "amid-apply:3"],
    ["after-apply", "amid-invoices"],
    ["after-complete", "after-invoices:2"],
];

fn settings(within: &str) -> Value {
    json!({
        "analytics": { "asOf": "LatestEvent" },
        "sales": { "deduplicate": { "within": within } },
        // Small batches in small commands: many flushes, and several commands in each, even of one burst of sales.
        "limits": { "batchKeys": 500, "updatesPerCommand": 4 },
    })
}

async fn env(within: &str) -> Option<TestEnv> {
    let env = TestEnv::without_topics(settings(within)).await?;
    for (stream, partitions) in
        [(EventKind::Sales, PARTITIONS as i32), (EventKind::Inventory, 1), (EventKind::Clients, 1)]
    {
        env.kafka.create(stream, partitions, &[]).await;
    }
    Some(env)
}

/// A sale that follows from the number of its invoice.
fn payload(invoice: u64) -> Vec<u8> {
    let mut rng = SeededRng::new(invoice);
    let (quantity, cents) = (rng.between(1, 9), rng.between(1, 5_000));
    let line = |product: u64| json!({ "product_id": format!("p{product}"), "quantity": quantity, "unit_price": format!("0.{cents:04}") });
    let items = [line(rng.between(0, 20)), line(20 + rng.between(0, 20))];
    let day = format!("2026-03-{:02}T10:00:00Z", rng.between(1, 28));
    let client = format!("c{}", rng.between(0, 50));
    json!({ "invoice_id": invoice, "client_id": client, "timestamp": day, "items": items }).to_string().into_bytes()
}

/// A shop that sends everything twice, to the same partition or another.
struct Shop<'a> {
    env: &'a TestEnv,
    rng: SeededRng,
    invoices: u64,
    /// Invoices whose copy is still to be sent.
    owed: Vec<u64>,
    expected: ExpectedState,
}

impl<'a> Shop<'a> {
    fn new(env: &'a TestEnv) -> Self {
        Self { env, rng: SeededRng::new(SEED), invoices: 0, owed: Vec::new(), expected: ExpectedState::new() }
    }

    /// To some partition.
    async fn send(&self, invoice: u64, partition: i32) -> Produced {
        let (item, at) = (payload(invoice), Timestamp::now().millis());
        let event = Event { payload: Some(&item), partition: Some(partition), timestamp: Some(at) };
        let (partition, offset) = self.env.kafka.send(EventKind::Sales, &event).await;
        let id = PartitionId { stream: EventKind::Sales, partition };
        Produced { id, offset, at, item: Item { stream: EventKind::Sales, payload: item, refused: false } }
    }

    /// Sends at once: what comes one by one is flushed one by one, and no flush has a second command to fall at.
    async fn burst(&mut self, invoices: Vec<u64>) -> Vec<Produced> {
        let to: Vec<_> =
            invoices.into_iter().map(|invoice| (invoice, self.rng.between(0, PARTITIONS) as i32)).collect();
        join_all(to.into_iter().map(|(invoice, partition)| self.send(invoice, partition))).await
    }

    async fn sell(&mut self, events: usize) {
        let (mut copies, mut firsts) = (Vec::new(), Vec::new());
        for _ in 0..events {
            if self.owed.len() > BEHIND || (!self.owed.is_empty() && self.rng.between(0, 2) == 0) {
                let place = self.rng.between(0, self.owed.len() as u64) as usize;
                copies.push(self.owed.swap_remove(place));
            } else {
                self.invoices += 1;
                firsts.push(self.invoices);
            }
        }
        self.owed.extend(&firsts);
        self.burst(copies).await;
        let firsts = self.burst(firsts).await;
        self.expected.tell(firsts, 0);
    }

    async fn close(&mut self) {
        let copies = std::mem::take(&mut self.owed);
        self.burst(copies).await;
    }
}

fn sum(checkpoints: &[Checkpoint], of: fn(&Checkpoint) -> i64) -> u64 {
    checkpoints.iter().map(of).sum::<i64>() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_counts_once_whoever_is_killed() {
    let Some(env) = env("1h").await else { return };
    let mut shop = Shop::new(&env);
    shop.sell(BACKLOG).await;
    let mut workers = WorkerPool::new(&env, WORKERS, json!({}));
    for (round, points) in (0..).zip(POINTS) {
        for (number, point) in (round..).zip(points) {
            workers.replace(&env, number, &[("STOCKSTREAM_FAIL_AT", point)]);
        }
        let mut fallen = 0;
        eventually("both workers are killed at their points", async || {
            shop.sell(40).await;
            fallen += workers.restart_exited(&env).await;
            holds(fallen == points.len(), || format!("{fallen} of {points:?}"))
        })
        .await;
    }
    // One stands still until others own what it had, and then goes on.
    workers.worker(0).signal("STOP");
    let stopped = workers.worker(0).id();
    eventually("others go on with all partitions", async || {
        shop.sell(40).await;
        env.sales_are_of_others(stopped).await
    })
    .await;
    workers.worker(0).signal("CONT");
    shop.close().await;

    let checkpoints = env.applied().await;
    let expected = shop.expected.answer();
    assert_eq!(expected["accepted"], shop.invoices);
    compare::totals(&expected, &env.snapshot().await).unwrap();
    assert_eq!(sum(&checkpoints, |of| of.events), 2 * shop.invoices);
    assert_eq!(sum(&checkpoints, |of| of.duplicates), shop.invoices);
    assert_eq!(sum(&checkpoints, |of| of.rejected), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_beyond_the_window_is_a_sale() {
    let Some(env) = env("1h").await else { return };
    let mut worker = env.worker();
    let address = worker.ready().await;
    let (now, payload) = (Timestamp::now(), payload(7));
    // Minutes ago, partition; the second and third are copies of the first, the last is one of the fourth.
    for (ago, partition) in [(150, 0), (91, 0), (120, 1), (80, 0), (20, 1)] {
        let timestamp = Some(now.plus_millis(-60_000 * ago).millis());
        let event = Event { payload: Some(&payload), partition: Some(partition), timestamp };
        env.kafka.send(EventKind::Sales, &event).await;
        env.applied().await; // so that their order is this one
    }
    let checkpoints = env.applied().await;
    assert_eq!((sum(&checkpoints, |of| of.events), sum(&checkpoints, |of| of.duplicates)), (5, 3));
    let snapshot = env.snapshot().await;
    assert_eq!(snapshot.clients.iter().map(|client| client.invoices).collect::<Vec<_>>(), [2]);
    let (_, metrics) = http::get(&address, "/metrics").await.unwrap();
    assert!(metrics.contains("\nstockstream_duplicate_sales_total 3\n"), "{metrics}");
}
