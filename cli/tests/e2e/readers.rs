//! Readers that never pause, while the views change under them many times.

use std::sync::atomic::{AtomicBool, Ordering};

use bson::{Document, doc};
use futures_util::TryStreamExt;
use serde_json::json;
use stockstream_model::documents::View;
use stockstream_store::{StateStore, ViewStore};

use crate::harness::{
    EventKind, TestEnv,
    events::{sale, stock},
    eventually, holds, http,
};

const PRODUCTS: usize = 5;

/// How many times; fewer where `STOCKSTREAM_PUBLICATIONS` says so, as for a server that is slow.
fn publications() -> i64 {
    std::env::var("STOCKSTREAM_PUBLICATIONS").map_or(1_000, |text| text.parse().unwrap())
}

/// Reads a collection as a program that knows nothing of pointers would. How often it did.
async fn read_all(env: &TestEnv, collection: &str, done: &AtomicBool) -> u64 {
    let collection = env.database.raw.collection::<Document>(collection);
    let mut reads = 0;
    while !done.load(Ordering::Relaxed) {
        let rows: Vec<_> = collection.find(doc! {}).await.unwrap().try_collect().await.unwrap();
        assert!(!rows.is_empty(), "after {reads} reads {} was empty", collection.name());
        reads += 1;
    }
    reads
}

/// Follows the pointer, as the page does.
async fn follow(env: &TestEnv, done: &AtomicBool) -> u64 {
    let mut reads = 0;
    while !done.load(Ordering::Relaxed) {
        let rows = env.store.product_winners().await.unwrap();
        let ranks: Vec<usize> = rows.iter().map(|row| row.ranking as usize).collect();
        assert_eq!(ranks, (1..=PRODUCTS).collect::<Vec<_>>(), "a whole ranking");
        assert!(
            rows.windows(2).all(|pair| pair[0].analysis_timestamp == pair[1].analysis_timestamp),
            "mixed: {rows:?}"
        );
        assert!(rows.is_sorted_by(|a, b| a.performance_score >= b.performance_score), "mixed: {rows:?}");
        reads += 1;
    }
    reads
}

/// Sells one product after another, each time enough to be the first; and lets what is at risk change from one batch to
/// the other.
async fn sell(env: &TestEnv, done: &AtomicBool) {
    for turn in 0_usize.. {
        let product = format!("p{}", turn % PRODUCTS);
        let sold = sale(&turn.to_string(), "2026-01-31", &product, 10 * (turn as i64 + 1), "3.00");
        let mut old = stock("old", "2025-01-01", 1 + turn as i64 % 7);
        old["batch_no"] = (turn % 2).into();
        tokio::join!(env.kafka.produce(EventKind::Sales, &sold), env.kafka.produce(EventKind::Inventory, &old));
        if env.store.view(View::ProductWinners).await.unwrap().pointer >= publications() {
            break;
        }
    }
    done.store(true, Ordering::Relaxed);
}

async fn published(address: &str, view: &str) -> u64 {
    let (_, metrics) = http::get(address, "/metrics").await.unwrap();
    let changed = format!(r#"stockstream_publications_total{{view="{view}",outcome="changed"}} "#);
    metrics.lines().find_map(|line| line.strip_prefix(&changed)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn during_many_publications_no_reader_finds_a_view_empty_or_a_ranking_short() {
    let settings = json!({ "analytics": { "asOf": "2026-02-01" }, "limits": { "publishEvery": "1ms" } });
    let Some(env) = TestEnv::new(settings).await else { return };
    let mut worker = env.worker();
    let address = worker.ready().await;
    for product in 0..PRODUCTS {
        env.kafka.produce(EventKind::Inventory, &stock(&format!("p{product}"), "2026-01-31", 9)).await;
        env.kafka.produce(EventKind::Sales, &sale("0", "2026-01-31", &format!("p{product}"), 1, "3.00")).await;
    }
    for batch in 0..2 {
        let mut old = stock("old", "2025-01-01", 8);
        old["batch_no"] = batch.into();
        env.kafka.produce(EventKind::Inventory, &old).await;
    }
    eventually("the first views are whole", async || {
        let status = env.store.status().await.unwrap();
        holds((status.winners, status.risks) == (PRODUCTS as u64, 2), || format!("{:?}", status.views))
    })
    .await;

    let done = AtomicBool::new(false);
    let (ranking, risks, followed, ()) = tokio::join!(
        read_all(&env, "product_winners", &done),
        read_all(&env, "loss_risk_products", &done),
        follow(&env, &done),
        sell(&env, &done),
    );
    assert!(
        ranking.min(risks).min(followed) as i64 > publications() / 10,
        "{ranking}, {risks} and {followed} reads mean little"
    );
    let risk_changes = published(&address, "loss_risk_products").await;
    assert!(risk_changes as i64 > publications() / 10, "{risk_changes} publications of what is at risk mean little");
}
