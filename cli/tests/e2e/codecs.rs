//! What producers may send: every codec, and transactions.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord, Producer},
};
use serde_json::json;
use stockstream_model::{documents::PartitionId, event::EventKind};

use crate::harness::{Process, TestEnv, events::sale, eventually, holds, http};

const PATIENCE: Duration = Duration::from_secs(60);

fn producer(env: &TestEnv, settings: &[(&str, &str)]) -> FutureProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", env.setting("/kafka/bootstrapServers/0"));
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config.create().unwrap()
}

/// Sends a sale of one unit to partition 0 of the sales. What was taken to be worth compressing is.
async fn sell(env: &TestEnv, producer: &FutureProducer, invoice: &str) {
    let payload = sale(invoice, "2026-01-01", "a", 1, "1.00").to_string() + &" ".repeat(400);
    let topic = env.setting("/kafka/topics/sales/name");
    let record = FutureRecord::<str, str>::to(topic).partition(0).payload(&payload);
    producer.send(record, PATIENCE).await.unwrap();
}

async fn units(env: &TestEnv) -> i64 {
    env.snapshot().await.products.iter().map(|product| product.units).sum()
}

async fn has_no_problem(worker: &mut Process) {
    let address = worker.ready().await;
    assert_eq!(http::json(&address, "/status").await.unwrap()["problems"], json!([]));
    assert_eq!(http::get(&address, "/readyz?progress").await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_every_codec_count() {
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let mut worker = env.worker();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd", "none"] {
        let producer = producer(&env, &[("compression.type", codec)]);
        sell(&env, &producer, codec).await;
    }
    let checkpoints = env.applied().await;
    let sales = checkpoints.iter().find(|checkpoint| checkpoint.id.to_string() == "sales/0").unwrap();
    assert_eq!((sales.next, sales.events, sales.rejected), (6, 6, 0));
    assert_eq!(units(&env).await, 6);
    has_no_problem(&mut worker).await;
}

fn transactional(env: &TestEnv, id: &str) -> FutureProducer {
    let producer = producer(env, &[("transactional.id", &format!("{}-{id}", env.name()))]);
    tokio::task::block_in_place(|| producer.init_transactions(PATIENCE)).unwrap();
    producer
}

/// Begins a transaction of some sales, and leaves it open.
async fn begin(env: &TestEnv, producer: &FutureProducer, invoices: &[&str]) {
    producer.begin_transaction().unwrap();
    for invoice in invoices {
        sell(env, producer, invoice).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_transactions_count_aborted_ones_do_not_and_positions_pass_their_markers() {
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let mut worker = env.worker();
    let producer = transactional(&env, "one");
    begin(&env, &producer, &["1", "2", "3"]).await;
    tokio::task::block_in_place(|| producer.commit_transaction(PATIENCE)).unwrap();
    begin(&env, &producer, &["4", "5"]).await;
    tokio::task::block_in_place(|| producer.abort_transaction(PATIENCE)).unwrap();
    eventually("the committed sales count", async || {
        let units = units(&env).await;
        holds(units == 3, || format!("{units} units"))
    })
    .await;
    // Positions pass markers and what was aborted: no lag is left of them, and nothing is missed once Kafka deletes them.
    env.applied().await;
    worker.kill();
    let id = PartitionId { stream: EventKind::Sales, partition: 0 };
    env.kafka.delete_before(id, env.kafka.ends()[&id]).await;
    let mut worker = env.worker();
    begin(&env, &producer, &["6"]).await;
    tokio::task::block_in_place(|| producer.commit_transaction(PATIENCE)).unwrap();
    env.kafka.produce(EventKind::Sales, &sale("7", "2026-01-01", "a", 1, "1.00")).await;
    eventually("what comes behind counts", async || {
        let units = units(&env).await;
        holds(units == 5, || format!("{units} units"))
    })
    .await;
    assert_eq!(env.store_events().await, 5);
    has_no_problem(&mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_stays_open_is_named_until_it_ends() {
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let mut worker = env.worker();
    let plain = producer(&env, &[]);
    sell(&env, &plain, "1").await;
    env.applied().await;
    let open = transactional(&env, "open");
    begin(&env, &open, &["2"]).await;
    sell(&env, &plain, "3").await;
    let topic = env.setting("/kafka/topics/sales/name");
    worker.is_stalled(&["sales/0 does not move", "open since offset 1", "kafka-transactions.sh", topic]).await;
    assert_eq!(units(&env).await, 1);
    tokio::task::block_in_place(|| open.commit_transaction(PATIENCE)).unwrap();
    worker.moves_again().await;
    eventually("all of them count", async || {
        let units = units(&env).await;
        holds(units == 3, || format!("{units} units"))
    })
    .await;
}
