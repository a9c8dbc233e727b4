//! Databases in which an older or a newer version left a claim that was applied in part.

use bson::{Bson, DateTime, Document, doc};
use serde_json::{Value, json};
use stockstream_model::{
    documents::{FoldRules, PartitionId},
    event::EventKind,
};
use stockstream_protocol::positions::{ClaimRules, Lane, Pending, Position, Positions};
use stockstream_store::PositionStore;

use crate::harness::{TestEnv, eventually, holds, http, kafka::Event};

fn sale(at: &str, product: &str, quantity: i64) -> Value {
    let items = [json!({ "product_id": product, "quantity": quantity, "unit_price": "2.00", "unit_cost": 1 })];
    json!({ "invoice_id": "1", "client_id": "ann", "timestamp": at, "items": items })
}

async fn sell(env: &TestEnv, partition: i32, events: &[Value]) {
    for event in events {
        let payload = event.to_string();
        let event = Event { payload: Some(payload.as_bytes()), partition: Some(partition), timestamp: None };
        env.kafka.send(EventKind::Sales, &event).await;
    }
}

fn date(text: &str) -> Bson {
    DateTime::parse_rfc3339_str(text).unwrap().into()
}

async fn put(env: &TestEnv, collection: &str, document: Document) {
    env.database.raw.collection::<Document>(collection).insert_one(document).await.unwrap();
}

/// The checkpoint of a partition whose first events are claimed, in the fields of before claims named their rules.
fn claimed(env: &TestEnv, partition: i32, end: i64) -> Document {
    let topic_id = env.kafka.topic_ids().remove(&EventKind::Sales);
    doc! {
        "_id": format!("sales/{partition}"), "incarnation": 0_i64, "topic_id": topic_id, "next": 0_i64, "pending": end, "version": 5_i64,
        "writer": "of another version", "events": 0_i64, "rejected": 0_i64, "duplicates": 0_i64, "deduplicate": null,
        "forgotten": null, "latest_event": null, "generation": 1_i64, "updated_at": date("2026-01-20T00:00:00Z"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_before_is_finished_by_the_rules_of_before_and_what_follows_by_those_of_now() {
    let Some(env) = TestEnv::new(json!({ "analytics": { "asOf": "2026-02-01" } })).await else { return };
    // Of old, a return was a sale of its day, and nobody looked at a year typed wrong.
    let events = [sale("2026-01-05", "tea", 5), sale("2026-01-09", "tea", -2), sale("2206-01-01", "jam", 1)];
    sell(&env, 0, &events).await;
    put(&env, "checkpoints", claimed(&env, 0, 3)).await;
    let rules = "weights 0.5/0.3/0.2 tiers 10000/20000/10000";
    put(&env, "meta", doc! { "_id": "pipeline", "name": "local", "shape": 1_i64, "generation": 1_i64, "rules": rules })
        .await;
    let (first, last) = (date("2026-01-05T00:00:00Z"), date("2026-01-09T00:00:00Z"));
    let tea = doc! {
        "_id": "tea", "o": { "s0": 3_i64 }, "units": 3_i64, "revenue": 60_000_i64, "cost": 30_000_i64, "first_sale": first,
        "last_sale": last, "first_day": 20_458, "last_day": 20_462, "score": 4_093.9, "g": 1_i64,
        "days": {
            "2026-01-05": { "invoices": 1_i64, "units": 5_i64, "revenue": 100_000_i64 },
            "2026-01-09": { "invoices": 1_i64, "units": -2_i64, "revenue": -40_000_i64 },
        },
    };
    put(&env, "products", tea).await;

    let _worker = env.worker();
    env.applied().await;
    let of = async || {
        let all = env.snapshot().await;
        let products = all.products.iter().map(|product| {
            let last = product.last_sale.map(|at| at.to_string()).unwrap_or_default();
            (product.product_id.clone(), product.units, last)
        });
        let (ann, rejected) = (&all.clients[0], all.rejected.len());
        (products.collect::<Vec<_>>(), ann.invoices, ann.last_purchase.unwrap().to_string(), rejected)
    };
    let jam = ("jam".to_owned(), 1, "2206-01-01T00:00:00Z".to_owned());
    let tea = |units, last: &str| ("tea".to_owned(), units, last.to_owned());
    let (far, returned) = ("2206-01-01T00:00:00Z".to_owned(), "2026-01-09T00:00:00Z");
    assert_eq!(of().await, (vec![jam.clone(), tea(3, returned)], 3, far.clone(), 0));

    sell(&env, 0, &[sale("2026-01-12", "tea", -1), sale("2206-01-02", "jam", 1)]).await;
    env.applied().await;
    assert_eq!(of().await, (vec![jam, tea(2, returned)], 3, far, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_by_rules_that_this_version_does_not_know_stops_its_partitions_alone() {
    let Some(env) = TestEnv::new(json!({})).await else { return };
    sell(&env, 0, &[sale("2026-01-05", "tea", 5)]).await;
    sell(&env, 1, &[sale("2026-01-05", "jam", 7)]).await;
    let topic_id = env.kafka.topic_ids().remove(&EventKind::Sales);
    let position = || Position::starting_at(0, topic_id.clone(), None);
    let ids = [0, 1].map(|partition| PartitionId { stream: EventKind::Sales, partition });
    let pending = Some(Pending { end: 1, epoch: None, lane: 3, seq: 9 });
    let newer = FoldRules { version: 1_000, future_tolerance: None };
    let lane = Lane {
        holder: Some("a newer worker".into()),
        seq: 9,
        open: true,
        rules: ClaimRules { fold: newer, ..ClaimRules::default() },
        ..Lane::default()
    };
    let partitions = [(ids[0], Position { pending, ..position() }), (ids[1], position())].into();
    let first = Positions { partitions, lanes: [(3, lane)].into(), ..Positions::default() };
    env.store.create_positions(&first).await.unwrap();
    put(&env, "meta", doc! { "_id": "pipeline", "name": "local", "shape": 3_i64, "generation": 1_i64 }).await;

    let mut worker = env.worker();
    let said = "[0, 1) of sales/0 is claimed to be folded by version 1000";
    assert!(worker.says(said).await.contains("a newer one"));
    let address = worker.ready().await;
    eventually("the other partition goes on, and the status names the claim", async || {
        let status = http::json(&address, "/status").await?;
        let sold: i64 = env.snapshot().await.products.iter().map(|product| product.units).sum();
        holds(status["problems"].to_string().contains(said) && sold == 7, || format!("{sold}: {status}"))
    })
    .await;
    let standing = env.store.load_positions().await.unwrap().unwrap();
    assert_eq!(standing.pending(&ids[0]), pending, "the claim stands as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_the_version_before_are_waited_for_and_the_new_one_counts_as_ready() {
    let Some(env) = TestEnv::new(json!({})).await else { return };
    sell(&env, 0, &[sale("2026-01-05", "tea", 5)]).await;
    let meta = doc! { "_id": "pipeline", "name": "local", "shape": 2_i64, "generation": 1_i64 };
    put(&env, "meta", meta).await;
    // It gives signs of life, as its kind does.
    let beat = async || {
        let alive = doc! { "$set": { "at": DateTime::now() } };
        let workers = env.database.raw.collection::<Document>("workers");
        workers.update_one(doc! { "_id": "of before" }, alive).upsert(true).await.unwrap();
    };
    beat().await;
    let mut worker = env.worker();
    assert!(worker.says("waiting for workers of the version before to end: of before").await.contains("rollout"));
    let address = worker.ready().await;
    beat().await;
    let status = http::json(&address, "/status").await.unwrap();
    assert!(status["problems"].to_string().contains("of before"), "{status}");
    assert_eq!(env.store.load_positions().await.unwrap(), None);
    let workers = env.database.raw.collection::<Document>("workers");
    workers.delete_one(doc! { "_id": "of before" }).await.unwrap();
    env.applied().await;
    assert_eq!(env.snapshot().await.products[0].units, 5);
}
