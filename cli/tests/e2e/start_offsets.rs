//! Where a new pipeline starts, and what becomes of partitions and topics that are made later, and of events that are lost.

use serde_json::{Value, json};
use stockstream_kafka::check_epochs;
use stockstream_model::{
    documents::{Checkpoint, EpochCheck, KafkaIds, LeaderEpoch, PartitionId},
    event::EventKind,
};
use stockstream_protocol::{positions::Position, update::Update};
use stockstream_store::{PositionStore, StateStore};

use crate::harness::{Process, TestEnv, events::sale, eventually, holds, http, kafka::Event};

/// A millisecond of the year 2026, for records that state when they were produced.
const TIME: i64 = 1_767_225_600_000;

fn sold(quantity: i64) -> Value {
    sale("1", "2026-01-01", "a", quantity, "1.00")
}

async fn env(start_from: &str) -> Option<TestEnv> {
    TestEnv::new(json!({ "kafka": { "startFrom": start_from } })).await
}

async fn units(env: &TestEnv) -> i64 {
    env.applied().await;
    env.snapshot().await.products.iter().map(|product| product.units).sum()
}

async fn sell(env: &TestEnv, partition: i32, quantity: i64, timestamp: Option<i64>) {
    let payload = sold(quantity).to_string();
    let event = Event { payload: Some(payload.as_bytes()), partition: Some(partition), timestamp };
    env.kafka.send(EventKind::Sales, &event).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_counts_what_is_produced_after_ready_and_nothing_before() {
    let Some(env) = env("latest").await else { return };
    sell(&env, 0, 1, None).await;
    sell(&env, 1, 10, None).await;
    let mut worker = env.worker();
    worker.ready().await;
    sell(&env, 0, 100, None).await;
    sell(&env, 1, 1_000, None).await;
    assert_eq!(units(&env).await, 1_100);
    // Where it began is settled: what comes while no worker is there counts too, whatever the setting says.
    worker.kill();
    sell(&env, 0, 10_000, None).await;
    let _worker = env.start("worker", json!({ "kafka": { "startFrom": "earliest" } }));
    assert_eq!(units(&env).await, 11_100);
}

#[tokio::test(flavor = "multi_thread")]
async fn earliest_counts_everything_there_is() {
    let Some(env) = env("earliest").await else { return };
    sell(&env, 0, 1, None).await;
    sell(&env, 1, 10, None).await;
    let _worker = env.worker();
    assert_eq!(units(&env).await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_counts_what_was_produced_then_and_later() {
    let Some(env) = env("2026-01-01T00:00:10Z").await else { return };
    for (second, quantity) in [(9, 1), (10, 10), (11, 100)] {
        sell(&env, 0, quantity, Some(TIME + second * 1_000)).await;
    }
    sell(&env, 1, 1_000, Some(TIME)).await;
    let mut worker = env.worker();
    worker.ready().await;
    assert_eq!(units(&env).await, 110);
    sell(&env, 1, 10_000, Some(TIME)).await; // behind the log's end at the start: new, whatever its timestamp
    assert_eq!(units(&env).await, 10_110);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_added_later_counts_from_its_beginning() {
    let Some(env) = env("latest").await else { return };
    let mut worker = env.worker();
    worker.ready().await;
    env.kafka.grow(EventKind::Sales, 3).await;
    eventually("the partition is there", async || {
        let partitions = env.kafka.partitions(EventKind::Sales);
        holds(partitions == 3, || format!("{partitions} partitions"))
    })
    .await;
    sell(&env, 2, 7, None).await; // the worker cannot know of it yet
    assert_eq!(units(&env).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_topics_are_made_where_that_is_asked_for_and_others_stay_as_they_are() {
    let topics = json!({ "sales": { "partitions": 4, "replicationFactor": 1 }, "clients": { "partitions": 2 } });
    let Some(env) = TestEnv::without_topics(json!({ "kafka": { "topicPolicy": "Create", "topics": topics } })).await
    else {
        return;
    };
    env.kafka.create(EventKind::Clients, 3, &[]).await;
    let mut worker = env.worker();
    worker.ready().await;
    let partitions = EventKind::ALL.map(|stream| env.kafka.partitions(stream));
    assert_eq!(partitions, [4, 6, 3]);
    sell(&env, 3, 7, None).await;
    assert_eq!(units(&env).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_were_lost_stop_their_partition_by_name_until_somebody_lets_it_resume() {
    let Some(env) = TestEnv::new(json!({ "kafka": { "onLostOffsets": "Fail" } })).await else { return };
    for (partition, quantity) in [(0, 1), (0, 10), (1, 100)] {
        sell(&env, partition, quantity, None).await;
    }
    let mut worker = env.worker();
    assert_eq!(units(&env).await, 111);
    worker.signal("TERM");
    assert_eq!(worker.ended().await.code(), Some(0));
    for (partition, quantity) in [(0, 1_000), (0, 10_000), (0, 100_000), (1, 1_000_000)] {
        sell(&env, partition, quantity, None).await;
    }
    env.kafka.delete_before(PartitionId { stream: EventKind::Sales, partition: 0 }, 4).await;

    let mut worker = env.worker();
    let said = "Kafka has deleted the events [2, 4) of sales/0";
    assert!(worker.says(said).await.contains("onLostOffsets"));
    let address = worker.ready().await;
    eventually("the other partition goes on, and the status names what is lost", async || {
        let status = http::json(&address, "/status").await?;
        let sold: i64 = env.snapshot().await.products.iter().map(|product| product.units).sum();
        holds(status["problems"].to_string().contains(said) && sold == 1_000_111, || format!("{sold}: {status}"))
    })
    .await;
    let checkpoints = env.store.checkpoints().await.unwrap();
    let stopped = checkpoints.iter().find(|checkpoint| checkpoint.id.to_string() == "sales/0").unwrap();
    assert_eq!((stopped.next, stopped.pending), (2, None));
    eventually("its lag is measured all the same", async || {
        let metrics = http::get(&address, "/metrics").await?.1;
        let has = |line: &str| metrics.lines().any(|found| found == line);
        let of = r#"{stream="sales",partition="0"}"#;
        holds(has(&format!("stockstream_lag{of} 3")) && has(&format!("stockstream_stopped{of} 1")), || metrics.clone())
    })
    .await;

    worker.kill();
    let mut worker = env.start("worker", json!({ "kafka": { "onLostOffsets": "Resume" } }));
    assert_eq!(units(&env).await, 1_100_111);
    let status = http::json(&worker.ready().await, "/status").await.unwrap();
    let partitions = status["partitions"].as_array().unwrap();
    let first = partitions.iter().find(|partition| partition["id"] == "sales/0").unwrap();
    assert_eq!(first["lost"], json!([{ "incarnation": 0, "from": 2, "to": 4, "cause": "Deleted" }]));
    assert_eq!((&first["lost_offsets"], &first["stopped"]), (&json!(2), &json!(false)));
}

const FIRST: PartitionId = PartitionId { stream: EventKind::Sales, partition: 0 };

async fn counted(env: &TestEnv) -> i64 {
    env.snapshot().await.products.iter().map(|product| product.units).sum()
}

async fn checkpoint(env: &TestEnv, id: PartitionId) -> Checkpoint {
    env.store.checkpoints().await.unwrap().into_iter().find(|checkpoint| checkpoint.id == id).unwrap()
}

/// Moves the position as a worker would have that read another log before.
async fn move_to(env: &TestEnv, ids: KafkaIds, change: impl FnOnce(&mut Position)) {
    let standing = env.store.load_positions().await.unwrap().unwrap().partitions.remove(&FIRST).unwrap();
    let mut moved = standing.clone();
    change(&mut moved);
    let (expected, position) = (Box::new(standing), Box::new(moved));
    assert!(env.store.update_positions(&Update::Move { id: FIRST, expected, position, ids }).await.unwrap());
}

/// Moves the position as a worker would have that read a log which lost its end since.
async fn move_on(env: &TestEnv, next: i64, value: i32) {
    let epoch = Some(LeaderEpoch { at: next, value });
    move_to(env, KafkaIds::default(), |position| (position.next, position.epoch) = (next, epoch)).await;
}

async fn seen(env: &TestEnv) -> KafkaIds {
    env.store.load_positions().await.unwrap().unwrap().seen
}

async fn has_problem(worker: &mut Process, words: &[&str]) {
    let address = worker.ready().await;
    eventually("the status names the problem", async || {
        let problems = http::json(&address, "/status").await?["problems"].to_string();
        holds(words.iter().all(|word| problems.contains(word)), || problems)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_holds_the_leaders_epoch_that_the_broker_confirms() {
    let Some(env) = env("earliest").await else { return };
    for quantity in 1..=5 {
        sell(&env, 0, quantity, None).await;
    }
    let _worker = env.worker();
    env.applied().await;
    let standing = checkpoint(&env, FIRST).await;
    let epoch = standing.known_epoch().unwrap();
    assert_eq!((epoch.at, standing.cluster_id.is_some()), (5, true));
    let ask = |at, value| {
        let asked = [(FIRST, LeaderEpoch { at, value })];
        tokio::task::block_in_place(|| check_epochs(env.kafka.settings(), env.name(), &asked)).unwrap()[&FIRST]
    };
    assert_eq!(ask(5, epoch.value), EpochCheck::Fits);
    assert_eq!(ask(3, epoch.value), EpochCheck::Fits);
    assert_eq!(ask(9, epoch.value), EpochCheck::Cut(5));
    assert_eq!(ask(5, epoch.value + 1), EpochCheck::Cut(0), "the leader knows of no such epoch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_shorter_than_what_was_counted_is_never_counted_again() {
    let Some(env) = env("earliest").await else { return };
    for quantity in [1, 10, 100] {
        sell(&env, 0, quantity, None).await;
    }
    sell(&env, 1, 1_000, None).await;
    let mut worker = env.worker();
    env.applied().await;
    worker.kill();
    move_on(&env, 5, checkpoint(&env, FIRST).await.epoch.unwrap().value).await;

    let mut worker = env.worker();
    has_problem(&mut worker, &["[3, 5) of sales/0 were counted here and are lost there", "onLostOffsets"]).await;
    sell(&env, 1, 10_000, None).await;
    eventually("the other partition goes on", async || {
        let units = counted(&env).await;
        holds(units == 11_111, || format!("{units} units"))
    })
    .await;
    assert_eq!((checkpoint(&env, FIRST).await.next, checkpoint(&env, FIRST).await.incarnation), (5, 0));
    worker.kill();

    // What takes the place of what was lost does not count; what comes behind it does.
    let mut worker = env.start("worker", json!({ "kafka": { "onLostOffsets": "Resume" } }));
    has_problem(&mut worker, &["[3, 5)", "has passed 5"]).await;
    for quantity in [100_000, 1_000_000, 10_000_000] {
        sell(&env, 0, quantity, None).await;
    }
    assert_eq!(units(&env).await, 10_011_111);
    assert_eq!(checkpoint(&env, FIRST).await.incarnation, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_recreated_counts_only_where_that_is_asked_for() {
    let Some(env) = env("earliest").await else { return };
    sell(&env, 0, 1, None).await;
    let mut worker = env.worker();
    env.applied().await;
    let old = checkpoint(&env, FIRST).await;
    env.kafka.delete(EventKind::Sales).await;
    env.kafka.create(EventKind::Sales, 3, &[]).await;
    for (partition, quantity) in [(0, 10), (1, 100), (2, 1_000)] {
        sell(&env, partition, quantity, None).await;
    }
    has_problem(
        &mut worker,
        &["sales/0 is counted from the topic with the id", "deleted and recreated", "sales/2", "onRecreatedTopic"],
    )
    .await;
    assert_eq!(counted(&env).await, 1);
    assert_eq!(checkpoint(&env, FIRST).await, old);
    worker.kill();

    let _worker = env.start("worker", json!({ "kafka": { "onRecreatedTopic": "Restart" } }));
    assert_eq!(units(&env).await, 1_111);
    let new = checkpoint(&env, FIRST).await;
    assert_eq!((new.incarnation, new.topic_id != old.topic_id), (1, true));
    let ids = seen(&env).await;
    assert!(old.topic_id.is_some_and(|id| ids.replaced_topics.contains(&id)), "{ids:?}");
    assert_eq!(ids.cluster, new.cluster_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_or_cluster_that_comes_back_stops_until_a_person_resets_the_position() {
    let Some(env) = env("earliest").await else { return };
    for quantity in [1, 10] {
        sell(&env, 0, quantity, None).await;
    }
    let mut worker = env.start("worker", json!({ "kafka": { "onRecreatedTopic": "Restart" } }));
    env.applied().await;
    worker.kill();
    // As if another cluster had been counted since, in the place of this one.
    let ours = checkpoint(&env, FIRST).await;
    let others = Checkpoint { cluster_id: Some("another".into()), ..ours.clone() };
    let replaced_clusters = ours.cluster_id.clone().into_iter().collect();
    let ids = KafkaIds { cluster: others.cluster_id.clone(), replaced_clusters, ..KafkaIds::default() };
    move_to(&env, ids, |position| position.cluster_id = Some("another".into())).await;

    let mut worker = env.start("worker", json!({ "kafka": { "onRecreatedTopic": "Restart" } }));
    has_problem(&mut worker, &["another Kafka cluster answers", "counted before", "pipeline reset sales/0"]).await;
    assert_eq!((counted(&env).await, checkpoint(&env, FIRST).await), (11, others));

    let settings = env.settings(json!({}));
    let reset = |more: &[&str]| {
        let args = ["pipeline", "reset", "sales/0", "--to", "1", "--config", settings.to_str().unwrap()];
        Process::start(args.iter().chain(more))
    };
    let gone = env.settings(json!({ "kafka": { "topics": { "sales": { "name": "no-such-topic" } } } }));
    let of_gone = ["pipeline", "reset", "sales/0", "--to", "1", "--config", gone.to_str().unwrap()];
    Process::start(of_gone).refused(&["topic no-such-topic (sales) does not exist", "kafka-topics.sh"]).await;
    let (code, said) = reset(&[]).outcome().await;
    assert!(code == 2 && said.contains("--confirm local"), "{code}: {said}");
    assert!(said.contains("[1, 2) of the new log holds") && said.contains("[0, 1) of the new log is never"), "{said}");
    let (code, said) = reset(&["--confirm", "shop"]).outcome().await;
    assert!(code == 2 && said.contains("the pipeline is local"), "{code}: {said}");
    assert_eq!(counted(&env).await, 11);
    let (code, said) = reset(&["--confirm", "local"]).outcome().await;
    assert!(code == 0 && said.contains("done"), "{code}: {said}");
    // The worker that runs goes on by itself.
    assert_eq!(units(&env).await, 21);
    let address = worker.ready().await;
    eventually("nothing is a problem any more", async || {
        let problems = http::json(&address, "/status").await?["problems"].to_string();
        holds(problems == "[]", || problems)
    })
    .await;
    assert!(seen(&env).await.replaced_clusters.contains("another"));
}
