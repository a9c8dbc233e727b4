//! Indexes, on MongoDB only.

use std::collections::BTreeMap;

use bson::{Document, doc};
use futures_util::TryStreamExt;
use stockstream_model::{event::ClientRecord, settings::HumanDuration};
use stockstream_protocol::risk::RiskUpdate;
use stockstream_store::StateStore;

use super::{
    events::{Body, CLIENTS, STOCK, client, stock},
    flow::{changes_of, claim, guard},
    test_env::{Mongo, TestEnv, settings},
    views::at_risk,
};

async fn indexes(env: &Mongo, collection: &str) -> BTreeMap<String, (Document, Option<u64>)> {
    let indexes = env.raw.collection::<Document>(collection).list_indexes().await.unwrap();
    let indexes: Vec<_> = indexes.try_collect().await.unwrap();
    let named = indexes.into_iter().map(|index| {
        let options = index.options.unwrap();
        (options.name.unwrap(), (index.keys, options.expire_after.map(|age| age.as_secs())))
    });
    named.filter(|(name, _)| name != "_id_").collect()
}

async fn every_query_of_the_pipeline_has_its_index(env: &Mongo) {
    env.worker().await;
    for (collection, name, key) in [
        ("products", "score", "score -1, _id 1"),
        ("products", "generation", "g 1"),
        ("clients", "generation", "g 1"),
        ("products", "last_claim", "last_claim 1, _id 1"),
        ("inventory", "product", "_id.product_id 1"),
        ("clients", "revenue", "total_revenue_generated -1, _id 1"),
        ("product_winners", "revision", "revision 1, ranking 1"),
        ("loss_risk_products", "loss", "potential_loss_amount -1, _id 1"),
        ("loss_risk_products", "product", "product_id 1"),
        ("loss_risk_products", "revision", "revision 1"),
        ("loss_risk_products", "by_product_name", "product_name 1, _id 1"),
        ("loss_risk_products", "by_product_category", "product_category 1, _id 1"),
        ("loss_risk_products", "by_stock_quantity", "stock_quantity -1, _id 1"),
        ("loss_risk_products", "by_risk_category", "risk_category 1, potential_loss_amount -1, _id 1"),
        ("loss_risk_products", "by_expiry_date", "expiry_date 1, _id 1"),
        ("loss_risk_products", "by_days_since_last_movement", "days_since_last_movement -1, _id 1"),
        ("clients", "by_name", "name 1, _id 1"),
        ("clients", "by_loyalty_tier", "loyalty_tier -1, total_revenue_generated -1, _id 1, invoices 1, revenue 1"),
        ("clients", "by_invoices", "invoices -1, _id 1"),
        ("clients", "by_last_purchase_date", "last_purchase_date -1, _id 1"),
        ("rejected_events", "age", "rejected_at 1"),
        ("rejected_events", "latest", "rejected_at -1, _id 1"),
        ("workers", "age", "at 1"),
        ("products", "at_limit", "at_limit 1"),
        ("products", "crowded", "crowded 1"),
        ("clients", "at_limit", "at_limit 1"),
        ("sales_daily", "at_limit", "at_limit 1"),
    ] {
        let indexes = indexes(env, collection).await;
        let (keys, _) = indexes.get(name).unwrap_or_else(|| panic!("{collection} has {indexes:?}, not {name}"));
        let text: Vec<_> = keys.iter().map(|(field, order)| format!("{field} {}", order.to_string().trim())).collect();
        assert_eq!(text.join(", "), key);
    }
}

async fn how_long_rejected_events_are_kept_follows_the_setting(env: &Mongo) {
    let mut settings = settings();
    for days in [30, 2, 3_650] {
        settings.limits.keep_rejected = HumanDuration::from_millis(days * 86_400_000);
        for _ in 0..2 {
            env.worker_with(&settings).await;
            assert_eq!(indexes(env, "rejected_events").await["age"].1, Some(days * 86_400));
        }
    }
    assert_eq!(indexes(env, "workers").await["age"].1, Some(60));
}

async fn a_unique_index_of_others_is_named_and_not_fought(env: &Mongo) {
    let store = env.worker().await;
    for (collection, field) in [("clients", "email"), ("loss_risk_products", "product_name")] {
        let index = doc! { "key": { field: 1 }, "name": "theirs", "unique": true };
        env.raw.run_command(doc! { "createIndexes": collection, "indexes": [index] }).await.unwrap();
    }
    let of = |name| Body::Client(ClientRecord { email: Some("one".into()), ..client(name) });
    let claim = claim(&*store, CLIENTS, 2).await;
    let changes = changes_of(&claim, vec![of("ann"), of("bob")]);
    let refused = store.apply(&changes, &guard(&claim)).await.unwrap_err();
    assert!(refused.to_string().contains("clients") && refused.to_string().contains("unique index"), "{refused}");
    let upsert = ["a", "b"].map(|product| at_risk(product, None, None)).into();
    let refused = store.update_risk(&RiskUpdate { revision: 1, upsert, delete: Vec::new() }).await.unwrap_err();
    assert!(refused.to_string().contains("loss_risk_products"), "{refused}");
}

/// Whoever finds a product by the claim that it names reads its batches then, and not again.
async fn a_product_names_a_claim_only_once_its_batches_hold_what_the_claim_changed(env: &Mongo) {
    let store = env.worker().await;
    let index = doc! { "key": { "rec.quantity": 1 }, "name": "theirs", "unique": true };
    env.raw.run_command(doc! { "createIndexes": "inventory", "indexes": [index] }).await.unwrap();
    let claim = claim(&*store, STOCK, 2).await;
    let changes = changes_of(&claim, ["a", "b"].map(|product| Body::Stock(stock(product, 7))).into());
    let refused = store.apply(&changes, &guard(&claim)).await.unwrap_err();
    assert!(refused.to_string().contains("inventory"), "{refused}");
    let products = env.raw.collection::<Document>("products");
    assert_eq!(products.find_one(doc! { "last_claim": { "$exists": true } }).await.unwrap(), None);
}

mongodb_only!(
    every_query_of_the_pipeline_has_its_index,
    how_long_rejected_events_are_kept_follows_the_setting,
    a_unique_index_of_others_is_named_and_not_fought,
    a_product_names_a_claim_only_once_its_batches_hold_what_the_claim_changed,
);
