//! Behind `mongos`, as far as a relay shows it that says of the server that it is one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bson::Bson;
use stockstream_model::{
    documents::{DatabaseServer, Deployment},
    settings::Secret,
};
use stockstream_protocol::risk::RiskUpdate;
use stockstream_relay::{Relay, Request};
use stockstream_store::{MongoStore, StateStore, ViewStore, inspect::Inspect};

use super::{
    events::{Body, SALES, bought},
    flow::flush,
    test_env::{Mongo, TestEnv, settings},
    views::at_risk,
};

/// How many statements of an update are for many documents.
fn for_many(request: &Request) -> u64 {
    let body = request.body();
    let updates = body.get_array("updates").into_iter().flatten().filter_map(Bson::as_document);
    updates.filter(|update| update.get_bool("multi").unwrap_or_default()).count() as u64
}

/// A store on the test environment's database by way of the relay.
async fn store(env: &Mongo, relay: &Relay) -> MongoStore {
    let mut settings = settings();
    settings.mongodb.uri = Some(Secret::new(relay.uri(env.uri())));
    let store = MongoStore::connect(&settings).await.unwrap();
    store.prepare(&settings.pipeline).await.unwrap();
    store
}

async fn found(store: &MongoStore) -> DatabaseServer {
    store.status().await.unwrap().server.unwrap()
}

fn sales(count: usize) -> Vec<Body> {
    (0..count).map(|n| bought(&format!("c{:02}", n % 40), "2026-03-01", "1")).collect()
}

async fn statements_are_of_one_document_each(env: &Mongo) {
    let as_it_is = found(&*env.worker().await).await;
    assert_ne!(as_it_is.deployment, Deployment::Memory);
    for sharded in [false, true] {
        let relay = Relay::to(&env.host()).await.unwrap();
        if sharded {
            relay.rewrite(|request, answer| {
                if request.is_hello() {
                    answer.insert("msg", "isdbgrid");
                    answer.remove("setName");
                }
            });
        }
        let many = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&many);
        relay.answer(u64::MAX, move |request| {
            counted.fetch_add(for_many(request), Ordering::Relaxed);
            None
        });
        let store = store(env, &relay).await;
        assert_eq!(found(&store).await.deployment == Deployment::Sharded, sharded);
        flush(&store, SALES, sales(40)).await;
        flush(&store, SALES, sales(80)).await;
        // Without it, keys that change alike share a statement: else this would say nothing.
        assert_eq!(many.load(Ordering::Relaxed) == 0, sharded, "{sharded}");
        let rounds = 1 + i64::from(sharded);
        let invoices = store.snapshot().await.unwrap().clients.into_iter().map(|client| client.invoices);
        assert_eq!(invoices.collect::<Vec<_>>(), vec![3 * rounds; 40]);
    }
}

/// What a statement for many documents passed by is looked for again.
async fn what_is_deleted_is_gone(env: &Mongo) {
    let relay = Relay::to(&env.host()).await.unwrap();
    relay.rewrite(|request, answer| {
        if request.is_hello() {
            answer.insert("msg", "isdbgrid");
        }
    });
    let store = store(env, &relay).await;
    let rows: Vec<_> = ["a", "b", "c"].map(|product| at_risk(product, None, None)).into();
    store.update_risk(&RiskUpdate { revision: 1, upsert: rows.clone(), delete: Vec::new() }).await.unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    relay.answer(u64::MAX, move |request| {
        counted.fetch_add(u64::from(request.is("find", "loss_risk_products")), Ordering::Relaxed);
        None
    });
    let delete = rows.iter().map(|row| (row.product_id.clone(), row.batch_number.clone())).collect();
    store.update_risk(&RiskUpdate { revision: 1, upsert: Vec::new(), delete }).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1, "what is left is looked for");
    assert_eq!(store.risks_between(None, None).await.unwrap(), []);
}

mongodb_only!(statements_are_of_one_document_each, what_is_deleted_is_gone);
