//! What the replaced system did, event by event: views follow events, and nothing happens when nothing happened.

use std::collections::BTreeMap;

use serde_json::json;
use stockstream_model::documents::{View, ViewCondition};
use stockstream_store::{Paging, StateStore, ViewStore};

use crate::harness::{
    EventKind, TestEnv, database_host,
    events::{sale, stock},
    eventually, holds, http,
    relay::{Commands, Relay},
};

const ALL: Paging = Paging { page: 1, per_page: 1_000 };
const WRITES: [&str; 8] =
    ["insert", "update", "delete", "findAndModify", "create", "createIndexes", "collMod", "dropDatabase"];

async fn env(settings: serde_json::Value) -> Option<TestEnv> {
    let mut all = json!({ "analytics": { "asOf": "2026-02-01" } });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    TestEnv::new(all).await
}

async fn winners_are(env: &TestEnv, wanted: &[&str]) {
    eventually("the ranking follows", async || {
        let rows = env.store.product_winners().await.unwrap();
        let ids: Vec<_> = rows.iter().map(|row| row.product_id.as_str()).collect();
        holds(ids == wanted, || format!("{ids:?} instead of {wanted:?}"))
    })
    .await;
}

async fn risks_are(env: &TestEnv, wanted: &[(&str, i64, f64)]) {
    eventually("what is at risk follows", async || {
        let rows = env.store.loss_risk_products(ALL).await.unwrap().items;
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.product_id.as_str(), row.stock_quantity, row.potential_loss_amount.unwrap_or_default()))
            .collect();
        holds(found == wanted, || format!("{found:?} instead of {wanted:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sale_changes_the_ranking() {
    let Some(env) = env(json!({})).await else { return };
    let _worker = env.worker();
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 9)).await;
    env.kafka.produce(EventKind::Inventory, &stock("b", "2026-01-01", 9)).await;
    env.kafka.produce(EventKind::Sales, &sale("1", "2026-01-31", "a", 10, "3.00")).await;
    winners_are(&env, &["a"]).await;
    env.kafka.produce(EventKind::Sales, &sale("2", "2026-01-31", "b", 10, "5.00")).await;
    winners_are(&env, &["b", "a"]).await;
    env.kafka.produce(EventKind::Sales, &sale("3", "2026-01-31", "b", -8, "5.00")).await;
    winners_are(&env, &["a", "b"]).await;
    env.kafka.produce(EventKind::Sales, &sale("4", "2026-01-31", "b", -2, "5.00")).await;
    winners_are(&env, &["a"]).await; // as many came back as were sold
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_update_changes_what_is_at_risk() {
    let Some(env) = env(json!({})).await else { return };
    let _worker = env.worker();
    let mut old = stock("old", "2025-12-01", 4);
    env.kafka.produce(EventKind::Inventory, &old).await;
    risks_are(&env, &[("old", 4, 4.0)]).await;
    let mut milk = stock("milk", "2026-01-31", 6);
    milk["expiry_date"] = "2026-02-03".into();
    env.kafka.produce(EventKind::Inventory, &milk).await;
    risks_are(&env, &[("milk", 6, 6.0), ("old", 4, 4.0)]).await;
    milk["quantity"] = 1.into();
    milk["updated_at"] = "2026-02-01".into();
    env.kafka.produce(EventKind::Inventory, &milk).await;
    risks_are(&env, &[("old", 4, 4.0), ("milk", 1, 1.0)]).await;
    old["updated_at"] = "2026-01-30".into(); // it moved
    env.kafka.produce(EventKind::Inventory, &old).await;
    risks_are(&env, &[("milk", 1, 1.0)]).await;
}

fn writes(commands: &Commands) -> Commands {
    let is_write = |command: &str| WRITES.contains(&command.split(' ').next().unwrap_or_default());
    commands.iter().filter(|(command, _)| is_write(command)).map(|(command, n)| (command.clone(), *n)).collect()
}

/// Waits for so many heartbeats. Everything that was asked until then.
async fn during_heartbeats(relay: &Relay, count: u64) -> Commands {
    let mut all: Commands = BTreeMap::new();
    eventually("heartbeats are written", async || {
        relay.take_commands().into_iter().for_each(|(command, n)| *all.entry(command).or_default() += n);
        let beats = all.get("update workers").copied().unwrap_or_default();
        holds(beats >= count, || format!("{beats} of {count}: {all:?}"))
    })
    .await;
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn without_events_nothing_is_written_but_heartbeats() {
    let Some(env) = env(json!({})).await else { return };
    let relay = Relay::to(&database_host(&env), true).await;
    let uri = env.setting("/mongodb/uri").replace(&database_host(&env), &relay.address);
    let _worker = env.start("worker", json!({ "mongodb": { "uri": uri } }));
    env.kafka.produce(EventKind::Inventory, &stock("a", "2025-12-01", 9)).await;
    env.kafka.produce(EventKind::Sales, &sale("1", "2025-12-31", "a", 10, "3.00")).await;
    winners_are(&env, &["a"]).await;
    risks_are(&env, &[("a", 9, 9.0)]).await;
    env.applied().await;
    // What the events caused may go on for a while: totals are counted some time after them. Then it is over.
    eventually("nothing is written but heartbeats, and the publisher reads nothing", async || {
        let before = env.database.everything_but(&["workers"]).await;
        let commands = during_heartbeats(&relay, 4).await;
        let is_same = env.database.everything_but(&["workers"]).await == before;
        let only_heartbeats = writes(&commands).keys().eq(["update workers"]);
        let is_at_rest = ["find positions", "find views"].iter().all(|command| !commands.contains_key(*command));
        holds(is_same && only_heartbeats && is_at_rest, || format!("{commands:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_from_the_checkpoint_with_the_whole_history() {
    let Some(env) = env(json!({})).await else { return };
    let mut worker = env.worker();
    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 9)).await;
    env.kafka.produce(EventKind::Sales, &sale("1", "2026-01-02", "a", 10, "3.00")).await;
    env.applied().await;
    worker.kill();
    env.kafka.produce(EventKind::Sales, &sale("2", "2026-01-03", "a", 5, "3.00")).await;
    let _worker = env.worker();
    let checkpoints = env.applied().await;
    assert_eq!(checkpoints.iter().map(|checkpoint| checkpoint.events).sum::<i64>(), 3, "each event once");
    let product = &env.snapshot().await.products[0];
    assert_eq!((product.units, product.revenue.to_string().as_str(), product.stock_count), (15, "45", 1));
    eventually("the ranking follows", async || {
        // The first worker may have been killed before it published any.
        let units = env.store.product_winners().await.unwrap().first().map_or(0, |winner| winner.units_sold);
        holds(units == 15, || format!("{units} units"))
    })
    .await;
}

/// A ranking and a risk are published; then no product can be ranked any more and nothing is at risk.
async fn emptied(env: &TestEnv) {
    env.kafka.produce(EventKind::Inventory, &stock("a", "2025-12-01", 9)).await;
    env.kafka.produce(EventKind::Sales, &sale("1", "2025-12-31", "a", 10, "3.00")).await;
    winners_are(env, &["a"]).await;
    risks_are(env, &[("a", 9, 9.0)]).await;
    // A full record replaces: now its cost is unknown, and none is left.
    let record = json!({ "product_id": "a", "quantity": 0, "updated_at": "2026-01-31" });
    env.kafka.produce(EventKind::Inventory, &record).await;
    env.applied().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_result_keeps_the_previous_one_and_the_page_says_so() {
    let Some(env) = env(json!({})).await else { return };
    let _worker = env.worker();
    emptied(&env).await;
    for view in View::ALL {
        eventually("the view is kept", async || {
            let state = env.store.view(view).await.unwrap();
            holds(state.condition == ViewCondition::Kept, || format!("{state:?}"))
        })
        .await;
    }
    let rows = (env.store.product_winners().await.unwrap(), env.store.loss_risk_products(ALL).await.unwrap().items);
    assert_eq!((rows.0.len(), rows.1.len()), (1, 1));
    let mut dashboard = env.start("dashboard", json!({}));
    let address = dashboard.address().await;
    for (path, why) in
        [("/product-winners", "no product can be ranked"), ("/loss-risk-products", "no stock is at risk")]
    {
        let (status, page) = http::get(&address, path).await.unwrap();
        assert!(status == 200 && page.contains(" kept since ") && page.contains(why), "{path}: {page}");
    }
    // An event that is none of ours changes none of it either.
    env.kafka.produce(EventKind::Sales, &json!("nothing")).await;
    env.applied().await;
    assert_eq!(env.store.product_winners().await.unwrap(), rows.0);
    assert_eq!(env.store.loss_risk_products(ALL).await.unwrap().items, rows.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_result_clears_the_view_where_that_is_asked_for() {
    let clear = json!({ "onEmptyResult": "Clear" });
    let analytics = json!({ "asOf": "2026-02-01", "productWinners": clear, "lossRisk": clear });
    let Some(env) = env(json!({ "analytics": analytics })).await else { return };
    let _worker = env.worker();
    emptied(&env).await;
    winners_are(&env, &[]).await;
    risks_are(&env, &[]).await;
    eventually("no row is left", async || {
        let left =
            [env.database.documents("product_winners").await, env.database.documents("loss_risk_products").await];
        holds(left.iter().all(Vec::is_empty), || format!("{left:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_the_page_changes_nothing_and_asks_for_no_write() {
    let Some(env) = env(json!({})).await else { return };
    let mut worker = env.worker();
    env.kafka.produce(EventKind::Inventory, &stock("a", "2025-12-01", 9)).await;
    env.kafka.produce(EventKind::Sales, &sale("1", "2025-12-31", "a", 10, "3.00")).await;
    winners_are(&env, &["a"]).await;
    env.applied().await;
    worker.signal("TERM");
    worker.ended().await;
    let relay = Relay::to(&database_host(&env), true).await;
    let uri = env.setting("/mongodb/uri").replace(&database_host(&env), &relay.address);
    let mut dashboard = env.start("dashboard", json!({ "mongodb": { "uri": uri } }));
    let address = dashboard.address().await;
    // Once, at its start, it asks whether its user may write, with filters that match nothing.
    dashboard.says("the user of mongodb.uri may").await;
    relay.take_commands();
    let before = env.database.everything_but(&[]).await;
    for _ in 0..3 {
        for path in ["/", "/product-winners", "/loss-risk-products", "/clients", "/rejected-events", "/api/v1/status"] {
            assert_eq!(http::get(&address, path).await.map(|answer| answer.0), Ok(200), "{path}");
        }
    }
    assert_eq!(env.database.everything_but(&[]).await, before);
    let commands = relay.take_commands();
    assert!(writes(&commands).is_empty() && commands.contains_key("find product_winners"), "{commands:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_yet_the_page_says_what_to_do() {
    let Some(env) = env(json!({})).await else { return };
    let mut dashboard = env.start("dashboard", json!({}));
    let address = dashboard.address().await;
    for (path, title) in [
        ("/product-winners", "No events yet"),
        ("/loss-risk-products", "No events yet"),
        ("/clients", "No clients yet"),
    ] {
        let (status, page) = http::get(&address, path).await.unwrap();
        assert!(status == 200 && page.contains(title), "{path}: {page}");
        assert!(page.contains(env.setting("/kafka/topics/sales/name")), "it names the topics: {page}");
    }
    assert_eq!(http::json(&address, "/api/v1/product-winners").await.unwrap()["items"], json!([]));
    assert!(env.database.everything_but(&[]).await.is_empty(), "the page makes no collection");
}
