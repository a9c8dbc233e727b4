//! The settings that derived fields follow. In memory they are derived when read, so this is about MongoDB only.

use std::sync::Arc;

use stockstream_model::{analytics::Tier, settings::Settings};
use stockstream_store::{MongoStore, Paging, StateStore, ViewStore};

use super::{
    events::{Body, SALES, bought, line, money, sale},
    flow::{flush, flush_all},
    test_env::{Mongo, TestEnv, settings},
};

/// Settings in which gold begins at that revenue, of that generation of the resource.
fn gold_from(gold: i64, generation: Option<i64>) -> Settings {
    let mut settings = settings();
    settings.pipeline.generation = generation;
    settings.analytics.clients.silver = stockstream_model::Money::from_whole(gold);
    settings.analytics.clients.gold = stockstream_model::Money::from_whole(gold);
    settings
}

async fn opened(env: &Mongo, settings: &Settings) -> (Arc<MongoStore>, i64) {
    let store = env.open(settings).await;
    let generation = store.prepare(&settings.pipeline).await.unwrap();
    (store, generation)
}

async fn generation(env: &Mongo, settings: &Settings) -> i64 {
    opened(env, settings).await.1
}

async fn other_rules_make_another_generation(env: &Mongo) {
    let (store, first) = opened(env, &settings()).await;
    assert_eq!((first, store.newest_generation().await.unwrap()), (1, 1));
    let mut unlike = settings();
    unlike.analytics.product_winners.limit = 3;
    unlike.analytics.loss_risk.idle_days = 3;
    assert_eq!(generation(env, &unlike).await, 1, "no derived field depends on these");
    assert_eq!(generation(env, &gold_from(5, None)).await, 2);
    assert_eq!(store.newest_generation().await.unwrap(), 2);
    for weight in ["profit", "velocity", "idleDays"] {
        let before = store.newest_generation().await.unwrap();
        let mut heavier = settings();
        let weights = &mut heavier.analytics.product_winners.weights;
        let weight = match weight {
            "profit" => &mut weights.profit,
            "velocity" => &mut weights.velocity,
            _ => &mut weights.idle_days,
        };
        *weight = "0.0001".parse().unwrap();
        assert_eq!(generation(env, &heavier).await, before + 1);
        assert_eq!(generation(env, &heavier).await, before + 1);
    }
    assert_eq!(generation(env, &settings()).await, 6, "who started last decides, also with rules of before");
}

async fn workers_that_bring_new_rules_at_once_agree(env: &Mongo) {
    env.worker().await;
    let new = gold_from(5, Some(2));
    let (a, b, c) = tokio::join!(generation(env, &new), generation(env, &new), generation(env, &new));
    assert_eq!([a, b, c], [2; 3]);
}

async fn a_lower_generation_of_the_resource_never_sweeps(env: &Mongo) {
    let (newer, two) = opened(env, &gold_from(100, Some(7))).await;
    let (older, zero) = opened(env, &gold_from(5, Some(6))).await;
    assert_eq!((two, zero, newer.newest_generation().await.unwrap()), (1, 0, 1));
    flush(&*newer, SALES, vec![bought("ann", "2026-03-01", "50")]).await;
    flush(&*older, SALES, vec![bought("bob", "2026-03-01", "50")]).await;
    let tiers = async || {
        let rows = newer.clients(Paging { page: 1, per_page: 9 }).await.unwrap().items;
        rows.into_iter().map(|row| row.loyalty_tier).collect::<Vec<_>>()
    };
    assert_eq!(tiers().await, [Tier::Bronze, Tier::Gold]);
    assert_eq!(older.recompute_derived().await.unwrap(), 0);
    assert_eq!(tiers().await, [Tier::Bronze, Tier::Gold]);
    assert_eq!(newer.recompute_derived().await.unwrap(), 2, "a client, and the product that the older one sold last");
    assert_eq!(tiers().await, [Tier::Bronze; 2]);
    assert_eq!(newer.recompute_derived().await.unwrap(), 0);
    assert_eq!(generation(env, &gold_from(5, Some(8))).await, 2);
    assert_eq!(newer.recompute_derived().await.unwrap(), 0, "a newer one is known");
}

async fn a_generation_in_between_is_told_from_the_newest(env: &Mongo) {
    assert_eq!(generation(env, &gold_from(5, Some(5))).await, 1);
    assert_eq!(generation(env, &gold_from(5, Some(9))).await, 1, "the rules are the same");
    assert_eq!(generation(env, &gold_from(6, Some(7))).await, 0, "a worker of 9 was here");
    assert_eq!(generation(env, &gold_from(5, Some(4))).await, 1);
    assert_eq!(generation(env, &gold_from(6, Some(8))).await, 0);
    assert_eq!(generation(env, &gold_from(6, Some(10))).await, 2);
}

async fn a_sweep_derives_anew_what_others_derived(env: &Mongo) {
    let old = env.worker_with(&gold_from(100, None)).await;
    let lines = |product: &str, quantity| {
        let item = line(product, quantity, "10");
        vec![stockstream_model::event::Item { unit_cost: money("1"), ..item }]
    };
    let sales = vec![
        bought("ann", "2026-03-01", "50"),
        Body::Sale(sale("2026-03-01", lines("dear", 2))),
        Body::Sale(sale("2026-03-10", lines("late", 1))),
    ];
    flush(&*old, SALES, sales).await;
    let mut rules = gold_from(20, None);
    rules.analytics.clients.promo = stockstream_model::Money::from_whole(20);
    rules.analytics.product_winners.weights.idle_days = stockstream_model::Decimal::from_whole(1_000);
    let new = env.worker_with(&rules).await;
    let seen = async || {
        let client = new.clients(Paging { page: 1, per_page: 1 }).await.unwrap().items.swap_remove(0);
        let best = new.top_products(1).await.unwrap().swap_remove(0).product_id;
        (client.loyalty_tier, client.eligible_promo, best)
    };
    let (before, after) = ((Tier::Bronze, false, "dear".into()), (Tier::Gold, true, "late".into()));
    assert_eq!(seen().await, before);
    assert_eq!(old.recompute_derived().await.unwrap(), 0, "it knows that its settings are old");
    assert_eq!(seen().await, before);
    assert_eq!(new.recompute_derived().await.unwrap(), 4);
    assert_eq!(seen().await, after);
    assert_eq!(new.recompute_derived().await.unwrap(), 0);
    // A worker that did not end yet goes on with the old rules.
    flush_all(
        &*old,
        vec![(SALES, vec![bought("ann", "2026-03-01", "1"), Body::Sale(sale("2026-03-02", lines("late", 1)))])],
    )
    .await;
    assert_ne!(seen().await, after);
    assert_eq!(new.recompute_derived().await.unwrap(), 3, "a client and two products");
    assert_eq!(seen().await, after);
    let documents = env.documents("products").await;
    assert!(documents.iter().all(|product| product.get("g") == Some(&bson::Bson::Int64(2))), "{documents:?}");
}

mongodb_only!(
    other_rules_make_another_generation,
    workers_that_bring_new_rules_at_once_agree,
    a_lower_generation_of_the_resource_never_sweeps,
    a_generation_in_between_is_told_from_the_newest,
    a_sweep_derives_anew_what_others_derived,
);
