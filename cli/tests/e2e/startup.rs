//! What is wrong is said before work begins: by exit code where only a person can mend it, at `/readyz` where waiting may.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};
use serde_json::{Value, json};
use stockstream_model::{event::EventKind, settings::Pipeline};
use stockstream_store::{PositionStore, StateStore};

use crate::harness::{
    Process, TestEnv, database_host,
    events::{sale, stock},
    eventually, holds, http,
    relay::Relay,
};

async fn env() -> Option<TestEnv> {
    TestEnv::new(json!({})).await
}

async fn refused(env: &TestEnv, changed: Value, words: &[&str]) {
    env.start("worker", changed).refused(words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_used_are_named() {
    let Some(env) = env().await else { return };
    refused(&env, json!({ "analytics": { "lossRisk": { "idleDays": 0 } } }), &["analytics.lossRisk.idleDays"]).await;
    refused(&env, json!({ "kafka": { "tpoics": {} } }), &["kafka", "tpoics"]).await;
    let host = database_host(&env);
    refused(&env, json!({ "mongodb": { "uri": format!("mongodb://{host}") } }), &["names no database"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_pipeline_is_refused_by_its_name() {
    let Some(env) = env().await else { return };
    let mut worker = env.start("worker", json!({ "pipeline": { "name": "shop/first" } }));
    worker.ready().await;
    let second = json!({ "pipeline": { "name": "shop/second" } });
    refused(&env, second, &["shop/first", "shop/second", "mongodb.uri"]).await;
    assert!(worker.runs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_mongodbs_own_is_refused_by_worker_and_dashboard() {
    let Some(env) = env().await else { return };
    let host = database_host(&env);
    for name in ["admin", "local", "Config"] {
        let changed = json!({ "mongodb": { "uri": format!("mongodb://{host}/{name}") } });
        refused(&env, changed.clone(), &[name, "MongoDB keeps for itself", "mongodb.uri"]).await;
        env.start("dashboard", changed).refused(&[name, "MongoDB keeps for itself"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_used_is_refused_before_topics_are_waited_for() {
    let Some(env) = TestEnv::without_topics(json!({})).await else { return };
    let host = database_host(&env);
    for (uri, words) in [
        (format!("mongodb://{host}"), "names no database"),
        (format!("mongodb://{host}/admin"), "MongoDB keeps for itself"),
        (format!("http://{host}/shop"), "mongodb://host:27017"),
        ("mongodb://h:99999/shop".into(), "mongodb://host:27017"),
    ] {
        refused(&env, json!({ "mongodb": { "uri": uri } }), &[words]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_expects_another_database_writes_nothing_into_this_one() {
    let Some(env) = env().await else { return };
    let expects = json!({ "pipeline": { "databaseId": "7c0ffee0-0000-4000-8000-000000000000" } });
    refused(&env, expects, &[env.name(), "is not the one", "7c0ffee0", "mongodb.uri"]).await;
    assert!(env.database.raw.list_collection_names().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_database_was_taken_over_ends_and_writes_no_more() {
    let Some(env) = env().await else { return };
    let of = |uid: &str| json!({ "pipeline": { "name": "shop/stock", "uid": uid } });
    let mut worker = env.start("worker", of("one"));
    worker.ready().await;
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 1)).await;
    env.applied().await;
    refused(&env, of("two"), &["shop/stock", "uid one", "two"]).await;
    assert!(worker.runs());
    let heir = Pipeline { name: "shop/stock".into(), uid: Some("two".into()), ..Pipeline::default() };
    eventually("the heir takes over between two heartbeats", async || {
        let seen = env.store.signs_of_life().await.unwrap();
        holds(env.store.take_over(&heir, &seen).await.unwrap(), || format!("{seen:?}"))
    })
    .await;
    worker.refused(&["shop/stock", "uid two", "one"]).await;
    env.kafka.produce(EventKind::Inventory, &stock("b", "2026-01-01", 1)).await;
    let mut heir = env.start("worker", of("two"));
    heir.ready().await;
    env.applied().await;
    assert_eq!(env.snapshot().await.products.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_dropped_under_a_worker_ends_it_and_is_not_begun_again() {
    let Some(env) = env().await else { return };
    let mut worker = env.worker();
    worker.ready().await;
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 1)).await;
    env.applied().await;
    env.database.raw.drop().await.unwrap();
    worker.refused(&["is not the one that this pipeline works in", "it has no id"]).await;
    let left = env.database.raw.list_collection_names().await.unwrap();
    // A heartbeat, and a view that was being published, may have been written before that was found; nothing of an event.
    let written = ["workers", "views", "product_winners", "loss_risk_products"];
    assert!(left.iter().all(|name| written.contains(&name.as_str())), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_workers_of_another_database_share_is_told_by_both_and_nothing_is_lost() {
    let Some(env) = env().await else { return };
    let mut worker = env.worker();
    worker.ready().await;
    let other = format!("{}_other", env.name());
    let uri = env.setting("/mongodb/uri").replace(env.name(), &other);
    let mut stranger = env.start("worker", json!({ "mongodb": { "uri": uri } }));
    for of in [&mut worker, &mut stranger] {
        of.is_stalled(&["another database", env.name(), "kafka.groupId"]).await;
    }
    for number in 0..20 {
        env.kafka.produce(EventKind::Sales, &sale(&number.to_string(), "2026-01-01", "a", 1, "1.00")).await;
    }
    stranger.signal("TERM");
    stranger.ended().await;
    worker.moves_again().await;
    let positions = env.applied().await;
    assert_eq!(positions.iter().map(|position| position.events).sum::<i64>(), 20);
    env.database.raw.client().database(&other).drop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_kind_that_takes_partitions_of_the_group_is_told_and_nothing_is_lost() {
    let Some(env) = env().await else { return };
    let mut worker = env.worker();
    worker.ready().await;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", env.setting("/kafka/bootstrapServers/0"))
        .set("group.id", env.setting("/kafka/groupId"))
        .set("client.id", "report")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .create()
        .unwrap();
    consumer.subscribe(&[env.setting("/kafka/topics/sales/name")]).unwrap();
    let leave = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&leave);
    let reading = tokio::task::spawn_blocking(move || {
        while !is_over.load(Ordering::Relaxed) {
            drop(consumer.poll(Duration::from_millis(100)));
        }
    });
    let _guard = Leave(Arc::clone(&leave));
    worker.is_stalled(&["clients that do not work for this database", "(client id report)", "kafka.groupId"]).await;
    for number in 0..20 {
        env.kafka.produce(EventKind::Sales, &sale(&number.to_string(), "2026-01-01", "a", 1, "1.00")).await;
    }
    leave.store(true, Ordering::Relaxed);
    reading.await.unwrap();
    worker.moves_again().await;
    let positions = env.applied().await;
    assert_eq!(positions.iter().map(|position| position.events).sum::<i64>(), 20);
}

/// Ends the thread that reads, however the test ends.
struct Leave(Arc<AtomicBool>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_positions_are_gone_is_refused_and_left_as_it_is() {
    let Some(env) = env().await else { return };
    let mut worker = env.worker();
    env.kafka.produce(EventKind::Sales, &sale("1", "2026-01-01", "a", 1, "1.00")).await;
    env.applied().await;
    worker.signal("TERM");
    worker.ended().await;
    env.database.raw.collection::<bson::Document>("positions").drop().await.unwrap();
    let before = env.database.documents("products").await;
    env.kafka.produce(EventKind::Sales, &sale("2", "2026-01-01", "a", 1, "1.00")).await;
    refused(&env, json!({}), &["documents in products are counted", "positions", "are gone", "one backup"]).await;
    assert_eq!(env.database.documents("products").await, before);
    assert_eq!(env.store.load_positions().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_documents_of_nobody_is_refused_and_left_as_it_is() {
    let Some(env) = env().await else { return };
    let clients = env.database.raw.collection::<bson::Document>("clients");
    let theirs = bson::doc! { "_id": "ann", "name": "a client of theirs", "revenue": 12_i32 };
    clients.insert_one(theirs.clone()).await.unwrap();
    refused(&env, json!({}), &["its collection clients holds documents", "name an empty database"]).await;
    assert_eq!(clients.find_one(bson::doc! {}).await.unwrap(), Some(theirs));
    assert_eq!(env.database.raw.list_collection_names().await.unwrap(), ["clients"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_sales_that_becomes_compacted_is_told_until_it_is_not() {
    let Some(env) = env().await else { return };
    let mut worker = env.worker();
    let address = worker.ready().await;
    let problems = async |wanted: bool| {
        eventually("it is told, or told no more", async || {
            let status = http::json(&address, "/status").await?;
            let problems = status["problems"].to_string();
            let is_told = problems.contains("cleanup.policy") && problems.contains("kafka-configs.sh");
            holds(is_told == wanted && status["progress"] == true, || problems.clone())
        })
        .await;
    };
    env.kafka.configure(EventKind::Sales, "cleanup.policy", "compact").await;
    problems(true).await;
    env.kafka.configure(EventKind::Sales, "cleanup.policy", "delete").await;
    problems(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_topic_of_sales_is_refused() {
    let Some(env) = TestEnv::without_topics(json!({})).await else { return };
    env.kafka.create(EventKind::Sales, 1, &[("cleanup.policy", "compact")]).await;
    env.kafka.create(EventKind::Inventory, 1, &[("cleanup.policy", "compact")]).await;
    env.kafka.create(EventKind::Clients, 1, &[]).await;
    let topic = env.setting("/kafka/topics/sales/name");
    refused(&env, json!({}), &[topic, "cleanup.policy is compact", "kafka-configs.sh"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_named_with_the_command_and_work_begins_once_it_is_made() {
    let Some(env) = TestEnv::without_topics(json!({})).await else { return };
    env.kafka.create(EventKind::Sales, 1, &[]).await;
    let mut worker = env.worker();
    let topic = env.setting("/kafka/topics/inventory/name");
    let other = env.setting("/kafka/topics/clients/name");
    worker.waits_for(&[topic, other, "do not exist", "kafka-topics.sh", "--create"]).await;
    env.kafka.create(EventKind::Clients, 1, &[]).await;
    worker.waits_for(&[topic, "does not exist", "kafka-topics.sh", "--create", "--partitions"]).await;
    env.kafka.create(EventKind::Inventory, 1, &[]).await;
    worker.ready().await;
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 1)).await;
    env.applied().await;
    assert_eq!(env.snapshot().await.products.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_that_is_away_is_waited_for() {
    let Some(env) = env().await else { return };
    let relay = Relay::to(env.setting("/kafka/bootstrapServers/0"), false).await;
    let mut worker = env.start("worker", json!({ "kafka": { "bootstrapServers": [relay.address] } }));
    worker.waits_for(&["failed to reach Kafka", &relay.address, "kafka.bootstrapServers"]).await;
    relay.set_open(true);
    worker.ready().await;
    worker.signal("TERM");
    assert_eq!(worker.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_obeyed_while_kafka_is_away() {
    let Some(env) = env().await else { return };
    let relay = Relay::to("127.0.0.1:1", false).await;
    let mut worker = env.start("worker", json!({ "kafka": { "bootstrapServers": [relay.address] } }));
    worker.waits_for(&["failed to reach Kafka"]).await;
    worker.signal("INT");
    assert_eq!(worker.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_waited_for_before_and_during_work() {
    let Some(env) = env().await else { return };
    let relay = Relay::to(&database_host(&env), false).await;
    let uri = env.setting("/mongodb/uri").replace(&database_host(&env), &relay.address);
    let mut worker = env.start("worker", json!({ "mongodb": { "uri": uri } }));
    worker.waits_for(&["MongoDB"]).await;
    relay.set_open(true);
    worker.ready().await;
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 1)).await;
    env.applied().await;
    relay.set_open(false);
    for invoice in 0..20 {
        env.kafka.produce(EventKind::Sales, &sale(&invoice.to_string(), "2026-01-01", "a", 1, "2.00")).await;
    }
    worker.says("MongoDB does not answer").await;
    relay.set_open(true);
    let checkpoints = env.applied().await;
    assert_eq!(checkpoints.iter().map(|checkpoint| checkpoint.events).sum::<i64>(), 21);
    assert_eq!(env.snapshot().await.products[0].units, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_ends_in_order_and_the_second_at_once() {
    let Some(env) = env().await else { return };
    let relay = Relay::to(&database_host(&env), true).await;
    let uri = env.setting("/mongodb/uri").replace(&database_host(&env), &relay.address);
    let mut worker = env.start("worker", json!({ "mongodb": { "uri": uri } }));
    worker.ready().await;
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 1)).await;
    env.applied().await;
    relay.set_open(false); // so that an end in order has to wait
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-02", 1)).await;
    worker.says("MongoDB does not answer").await;
    worker.signal("TERM");
    worker.says("ending: finishing the flush under way").await;
    worker.signal("TERM");
    let status = worker.ended().await;
    assert_eq!(status.code(), Some(143));
    assert!(!worker.said().iter().any(|line| line.contains("ended in order")));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_of_both_families_is_listened_at() {
    let mongodb = "mongodb://127.0.0.1:1/x";
    let mut worker = Process::start(["worker", "--kafka", "127.0.0.1:1", "--mongodb", mongodb, "--listen", "[::]:0"]);
    let address = worker.address().await;
    let (_, port) = address.rsplit_once(':').unwrap();
    let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    for host in ["127.0.0.1", "[::1]"].into_iter().take(if has_ipv6 { 2 } else { 1 }) {
        assert_eq!(http::get(&format!("{host}:{port}"), "/healthz").await.map(|answer| answer.0), Ok(200), "{host}");
    }
}
