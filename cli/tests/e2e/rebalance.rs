//! Partitions that go to another worker and come back, while theirs does not read them.

use serde_json::json;
use stockstream_model::{documents::PartitionId, event::EventKind};
use stockstream_relay::Answer;
use stockstream_store::StateStore;

use crate::harness::{
    Process, TestEnv, database_host, events::sale, eventually, holds, http, kafka::Event, process::is_of, relay::Relay,
};

const PARTITIONS: i32 = 4;

async fn env(settings: serde_json::Value) -> Option<TestEnv> {
    let env = TestEnv::without_topics(settings).await?;
    for (stream, partitions) in [(EventKind::Sales, PARTITIONS), (EventKind::Inventory, 1), (EventKind::Clients, 1)] {
        env.kafka.create(stream, partitions, &[]).await;
    }
    Some(env)
}

/// Sells one unit in each of these partitions.
async fn sell(env: &TestEnv, partitions: impl IntoIterator<Item = i32>) {
    let payload = sale("1", "2026-01-01", "a", 1, "1.00").to_string();
    for partition in partitions {
        let event = Event { payload: Some(payload.as_bytes()), partition: Some(partition), timestamp: None };
        env.kafka.send(EventKind::Sales, &event).await;
    }
}

/// How many partitions of the sales a worker says that it reads.
async fn read_by(env: &TestEnv, worker: &Process) -> usize {
    let workers = env.store.progress().await.unwrap().workers;
    let of_it = workers.iter().filter(|heartbeat| is_of(worker.id(), &heartbeat.worker));
    of_it.flat_map(|heartbeat| &heartbeat.partitions).filter(|of| of.id.stream == EventKind::Sales).count()
}

/// Waits until a worker reads so many partitions of the sales.
async fn reads(env: &TestEnv, worker: &Process, partitions: usize) {
    eventually("the worker reads its partitions", async || {
        let read = read_by(env, worker).await;
        holds(read == partitions, || format!("{read} of {partitions}"))
    })
    .await;
}

async fn holds_back(address: &str, wanted: bool) {
    eventually("the worker holds back, or no longer", async || {
        let (_, metrics) = http::get(address, "/metrics").await?;
        let line = metrics.lines().find(|line| line.starts_with("stockstream_paused_partitions "));
        holds(line.is_some_and(|line| line.ends_with(" 0") != wanted), || format!("{line:?}"))
    })
    .await;
}

/// A second worker takes over some partitions while sales go on in them.
async fn another(env: &TestEnv, partitions: std::ops::Range<i32>) -> Process {
    let other = env.worker();
    eventually("another worker has some of the partitions", async || {
        sell(env, partitions.clone()).await;
        let count = read_by(env, &other).await;
        holds(count > 0, || "it reads nothing yet".into())
    })
    .await;
    other
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_held_back_when_it_went_is_read_when_it_comes_back() {
    let Some(env) = env(json!({ "limits": { "batchKeys": 1 } })).await else { return };
    let relay = Relay::to(&database_host(&env), true).await;
    let uri = env.setting("/mongodb/uri").replace(&database_host(&env), &relay.address);
    let mut worker = env.start("worker", json!({ "mongodb": { "uri": uri } }));
    let address = worker.ready().await;
    sell(&env, 0..PARTITIONS).await;
    env.applied().await;
    relay.set_open(false);
    for _ in 0..3 {
        sell(&env, 0..PARTITIONS).await;
    }
    holds_back(&address, true).await;
    let mut other = another(&env, 0..PARTITIONS).await;
    relay.set_open(true);
    holds_back(&address, false).await;

    other.signal("TERM");
    assert_eq!(other.ended().await.code(), Some(0));
    sell(&env, 0..PARTITIONS).await;
    env.applied().await;
    reads(&env, &worker, PARTITIONS as usize).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_stands_still_keeps_no_other_from_coming_back() {
    let Some(env) = env(json!({ "kafka": { "onLostOffsets": "Fail" } })).await else { return };
    sell(&env, [0, 0]).await;
    let mut worker = env.worker();
    env.applied().await;
    worker.kill();
    sell(&env, [0, 0]).await;
    let lost = PartitionId { stream: EventKind::Sales, partition: 0 };
    env.kafka.delete_before(lost, 3).await;

    let mut worker = env.worker();
    worker.says("Kafka has deleted the events [2, 3) of sales/0").await;
    worker.signal("STOP");
    let mut other = another(&env, 1..PARTITIONS).await;
    worker.signal("CONT");
    worker.says("partitions lost").await;
    other.kill();
    sell(&env, 1..PARTITIONS).await;
    let ends = env.kafka.ends();
    eventually("all but the partition that stands still go on", async || {
        let checkpoints = env.store.checkpoints().await.unwrap();
        let left: Vec<_> = checkpoints.iter().filter(|of| of.next != ends[&of.id]).map(|of| of.id).collect();
        holds(left == [lost], || format!("{left:?} are not at their ends"))
    })
    .await;
    reads(&env, &worker, PARTITIONS as usize - 1).await;
}

/// Waits for so many more heartbeats of a worker.
async fn lives_on(env: &TestEnv, worker: &Process, heartbeats: usize) {
    let mut seen = std::collections::BTreeSet::new();
    eventually("the worker writes its heartbeat", async || {
        let workers = env.store.progress().await.unwrap().workers;
        seen.extend(workers.iter().filter(|of| is_of(worker.id(), &of.worker)).map(|of| of.at));
        holds(seen.len() > heartbeats, || format!("{} of {heartbeats}", seen.len()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_given_back_once_what_was_read_of_them_is_flushed() {
    let Some(env) = env(json!({ "limits": { "heartbeatEvery": "500ms" } })).await else { return };
    let relay = stockstream_relay::Relay::to(&database_host(&env)).await.unwrap();
    let mut worker = env.start("worker", json!({ "mongodb": { "uri": relay.uri(env.setting("/mongodb/uri")) } }));
    let address = worker.ready().await;
    reads(&env, &worker, PARTITIONS as usize).await;
    let refused = relay.fail(u64::MAX, |request| request.is("update", "products"), Answer::code(365));
    sell(&env, 0..PARTITIONS).await;
    refused.at_least(1).await;
    sell(&env, 0..PARTITIONS).await; // for the batch after

    let mut other = env.worker();
    worker.says("the group asks for partitions").await;
    lives_on(&env, &worker, 32).await;
    assert_eq!(read_by(&env, &other).await, 0, "its events are not flushed yet");
    relay.heal();
    worker.says("partitions given back").await;
    let other_address = other.ready().await;
    let positions = env.applied().await;
    let sold: i64 = positions.iter().filter(|of| of.id.stream == EventKind::Sales).map(|of| of.events).sum();
    assert_eq!(sold, 2 * i64::from(PARTITIONS));
    for address in [address, other_address] {
        let (_, metrics) = http::get(&address, "/metrics").await.unwrap();
        let lost = metrics.lines().find(|line| line.starts_with("stockstream_lost_claims")).map(str::to_owned);
        assert!(lost.as_ref().is_some_and(|line| line.ends_with(" 0")), "{lost:?}: two workers wrote the same batch");
    }
}

/// Sells in all partitions until a worker reads some of them, or none. How many units.
async fn sell_until(env: &TestEnv, worker: &Process, reads: bool) -> i64 {
    let mut sold = 0;
    eventually("the worker has partitions, or none any more", async || {
        // Partitions that stay where they are, are at the end of their logs when the next event comes.
        sell(env, 0..PARTITIONS).await;
        sold += i64::from(PARTITIONS);
        let heartbeats = env.store.progress().await.unwrap().workers;
        let of_it = heartbeats.iter().filter(|heartbeat| is_of(worker.id(), &heartbeat.worker));
        let read = of_it.map(|heartbeat| heartbeat.partitions.len()).sum::<usize>();
        holds((read > 0) == reads, || format!("it reads {read}"))
    })
    .await;
    sold
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_workers_join_and_leave_counts() {
    let Some(env) = env(json!({})).await else { return };
    let worker = env.worker();
    reads(&env, &worker, PARTITIONS as usize).await;
    let mut sold = 0;
    for _ in 0..3 {
        let mut other = env.worker();
        sold += sell_until(&env, &other, true).await;
        other.signal("TERM");
        sold += sell_until(&env, &other, false).await;
        assert_eq!(other.ended().await.code(), Some(0));
    }
    let positions = env.applied().await;
    let counted: i64 = positions.iter().filter(|of| of.id.stream == EventKind::Sales).map(|of| of.events).sum();
    assert_eq!(counted, sold);
}
