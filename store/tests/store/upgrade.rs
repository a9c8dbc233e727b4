//! Databases that an older version wrote: what is derived is derived again.

use bson::{Document, doc};
use stockstream_store::{Paging, StateStore, StoreError, ViewStore};

use super::{
    events::time,
    test_env::{Mongo, TestEnv},
};

/// The rules as the version before wrote them.
const OLD_RULES: &str = "weights 0.5/0.3/0.2 tiers 10000/20000/10000";

async fn put(env: &Mongo, collection: &str, documents: Vec<Document>) {
    env.raw.collection::<Document>(collection).insert_many(documents).await.unwrap();
}

async fn what_a_stranger_wrote_fills_nobodys_memory(env: &Mongo) {
    let store = env.worker().await;
    store.progress().await.unwrap();
    let noise = "x".repeat(9 << 20);
    for number in 0..4 {
        put(env, "checkpoints", vec![doc! { "_id": format!("noise/{number}"), "noise": &noise }]).await;
    }
    let refused = store.progress().await.unwrap_err();
    assert!(matches!(&refused, StoreError::Malformed { collection, .. } if collection == "checkpoints"));
    let said = refused.to_string();
    assert!(said.contains("noise/") && said.contains("more than 32 MiB") && said.len() < 1_000, "{said}");
}

/// A product as the version before left it: amounts of zero are not there, and whatever has a date has a score.
fn product(id: &str, amounts: Document) -> Document {
    let day = time("2026-03-01").day().number();
    let at = bson::DateTime::from_millis(time("2026-03-01").millis());
    let mut document = doc! {
        "_id": id, "o": { "s0": 9_i64 }, "first_sale": at, "last_sale": at, "first_day": day, "last_day": day, "score": 9e9, "g": 1_i64,
    };
    document.extend(amounts);
    document
}

async fn scores_that_stand_are_derived_by_the_rules_of_now(env: &Mongo) {
    let meta =
        doc! { "_id": "pipeline", "name": "shop/stock", "shape": 1_i64, "generation": 1_i64, "rules": OLD_RULES };
    put(env, "meta", vec![meta]).await;
    let products = vec![
        product("came back", doc! { "units": -7_i64, "revenue": -70_000_i64, "cost": -90_000_i64 }),
        product("for nothing", doc! { "units": 7_i64 }),
        product("nothing is left", doc! {}),
        product("sold", doc! { "units": 7_i64, "revenue": 70_000_i64, "cost": 30_000_i64 }),
    ];
    put(env, "products", products).await;
    put(
        env,
        "clients",
        vec![doc! { "_id": "ann", "client_id": "ann", "o": {}, "revenue": 200_000_000_i64, "g": 1_i64 }],
    )
    .await;
    let store = env.worker().await;
    assert_eq!(store.newest_generation().await.unwrap(), 2);
    assert_eq!(store.recompute_derived().await.unwrap(), 5);
    let ranked: Vec<_> = store.top_products(9).await.unwrap().into_iter().map(|product| product.product_id).collect();
    assert_eq!(ranked, ["sold"]);
    let documents = env.documents("products").await;
    let scores: Vec<_> = documents.iter().map(|product| product.get_f64("score").ok()).collect();
    let day = f64::from(time("2026-03-01").day().number());
    assert_eq!(scores, [None, None, None, Some(0.5 * 4.0 + 0.3 * 7.0 + 0.2 * day)]);
    let ann = store.clients(Paging { page: 1, per_page: 1 }).await.unwrap().items.swap_remove(0);
    assert_eq!((ann.total_revenue_generated, ann.invoices), (20_000.0, 0));
    assert_eq!(store.recompute_derived().await.unwrap(), 0);
    assert_eq!(env.worker().await.newest_generation().await.unwrap(), 2, "once");
}

async fn a_worker_of_before_is_kept_out_once_a_newer_one_was_here(env: &Mongo) {
    let pipeline = |meta: &Document| meta.get_str("_id").is_ok_and(|id| id == "pipeline");
    let shape = async || env.documents("meta").await.into_iter().find(pipeline).unwrap().get_i64("shape").unwrap();
    let store = env.open(&super::test_env::settings()).await;
    store.claim(&super::test_env::pipeline("shop/stock")).await.unwrap();
    assert_eq!(shape().await, 1, "nobody has claimed a range yet");
    env.worker().await;
    assert_eq!(shape().await, 3);
}

mongodb_only!(
    scores_that_stand_are_derived_by_the_rules_of_now,
    a_worker_of_before_is_kept_out_once_a_newer_one_was_here,
    what_a_stranger_wrote_fills_nobodys_memory,
);
