//! What the replaced system did, event by event: views follow events, and nothing happens when nothing happened.

use std::collections::BTreeMap;

use serde_json::json;
use stockstream_model::documents::{View, ViewCondition};
use stockstream_store::{Paging, StateStore, ViewStore};

use crate::harness::{
    Bed, Stream, database_host,
    events::{sale, stock},
    eventually, holds, http,
    relay::{Commands, Relay},
};

const ALL: Paging = Paging { page: 1, per_page: 1_000 };
const WRITES: [&str; 8] =
    ["insert", "update", "delete", "findAndModify", "create", "createIndexes", "collMod", "dropDatabase"];

async fn bed(settings: serde_json::Value) -> Option<Bed> {
    let mut all = json!({ "analytics": { "asOf": "2026-02-01" } });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    Bed::new(all).await
}

async fn winners_are(bed: &Bed, wanted: &[&str]) {
    eventually("the ranking follows", async || {
        let rows = bed.store.product_winners().await.unwrap();
        let ids: Vec<_> = rows.iter().map(|row| row.product_id.as_str()).collect();
        holds(ids == wanted, || format!("{ids:?} instead of {wanted:?}"))
    })
    .await;
}

async fn risks_are(bed: &Bed, wanted: &[(&str, i64, f64)]) {
    eventually("what is at risk follows", async || {
        let rows = bed.store.loss_risk_products(ALL).await.unwrap().items;
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
    let Some(bed) = bed(json!({})).await else { return };
    let _worker = bed.worker();
    bed.kafka.produce(Stream::Inventory, &stock("a", "2026-01-01", 9)).await;
    bed.kafka.produce(Stream::Inventory, &stock("b", "2026-01-01", 9)).await;
    bed.kafka.produce(Stream::Sales, &sale("1", "2026-01-31", "a", 10, "3.00")).await;
    winners_are(&bed, &["a"]).await;
    bed.kafka.produce(Stream::Sales, &sale("2", "2026-01-31", "b", 10, "5.00")).await;
    winners_are(&bed, &["b", "a"]).await;
    bed.kafka.produce(Stream::Sales, &sale("3", "2026-01-31", "b", -8, "5.00")).await;
    winners_are(&bed, &["a", "b"]).await;
    bed.kafka.produce(Stream::Sales, &sale("4", "2026-01-31", "b", -2, "5.00")).await;
    winners_are(&bed, &["a"]).await; // as many came back as were sold
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_update_changes_what_is_at_risk() {
    let Some(bed) = bed(json!({})).await else { return };
    let _worker = bed.worker();
    let mut old = stock("old", "2025-12-01", 4);
    bed.kafka.produce(Stream::Inventory, &old).await;
    risks_are(&bed, &[("old", 4, 4.0)]).await;
    let mut milk = stock("milk", "2026-01-31", 6);
    milk["expiry_date"] = "2026-02-03".into();
    bed.kafka.produce(Stream::Inventory, &milk).await;
    risks_are(&bed, &[("milk", 6, 6.0), ("old", 4, 4.0)]).await;
    milk["quantity"] = 1.into();
    milk["updated_at"] = "2026-02-01".into();
    bed.kafka.produce(Stream::Inventory, &milk).await;
    risks_are(&bed, &[("old", 4, 4.0), ("milk", 1, 1.0)]).await;
    old["updated_at"] = "2026-01-30".into(); // it moved
    bed.kafka.produce(Stream::Inventory, &old).await;
    risks_are(&bed, &[("milk", 1, 1.0)]).await;
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
    let Some(bed) = bed(json!({})).await else { return };
    let relay = Relay::to(&database_host(&bed), true).await;
    let uri = bed.setting("/mongodb/uri").replace(&database_host(&bed), &relay.address);
    let _worker = bed.start("worker", json!({ "mongodb": { "uri": uri } }));
    bed.kafka.produce(Stream::Inventory, &stock("a", "2025-12-01", 9)).await;
    bed.kafka.produce(Stream::Sales, &sale("1", "2025-12-31", "a", 10, "3.00")).await;
    winners_are(&bed, &["a"]).await;
    risks_are(&bed, &[("a", 9, 9.0)]).await;
    bed.applied().await;
    // What the events caused may go on for a while: totals are counted some time after them. Then it is over.
    eventually("nothing is written but heartbeats, and the publisher reads nothing", async || {
        let before = bed.database.everything_but(&["workers"]).await;
        let commands = during_heartbeats(&relay, 4).await;
        let is_same = bed.database.everything_but(&["workers"]).await == before;
        let only_heartbeats = writes(&commands).keys().eq(["update workers"]);
        let is_at_rest = ["find positions", "find views"].iter().all(|command| !commands.contains_key(*command));
        holds(is_same && only_heartbeats && is_at_rest, || format!("{commands:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_from_the_checkpoint_with_the_whole_history() {
    let Some(bed) = bed(json!({})).await else { return };
    let mut worker = bed.worker();
    bed.kafka.produce(Stream::Inventory, &stock("a", "2026-01-01", 9)).await;
    bed.kafka.produce(Stream::Sales, &sale("1", "2026-01-02", "a", 10, "3.00")).await;
    bed.applied().await;
    worker.kill();
    bed.kafka.produce(Stream::Sales, &sale("2", "2026-01-03", "a", 5, "3.00")).await;
    let _worker = bed.worker();
    let checkpoints = bed.applied().await;
    assert_eq!(checkpoints.iter().map(|checkpoint| checkpoint.events).sum::<i64>(), 3, "each event once");
    let product = &bed.snapshot().await.products[0];
    assert_eq!((product.units, product.revenue.to_string().as_str(), product.stock_count), (15, "45", 1));
    eventually("the ranking follows", async || {
        // The first worker may have been killed before it published any.
        let units = bed.store.product_winners().await.unwrap().first().map_or(0, |winner| winner.units_sold);
        holds(units == 15, || format!("{units} units"))
    })
    .await;
}

/// A ranking and a risk are published; then no product can be ranked any more and nothing is at risk.
async fn emptied(bed: &Bed) {
    bed.kafka.produce(Stream::Inventory, &stock("a", "2025-12-01", 9)).await;
    bed.kafka.produce(Stream::Sales, &sale("1", "2025-12-31", "a", 10, "3.00")).await;
    winners_are(bed, &["a"]).await;
    risks_are(bed, &[("a", 9, 9.0)]).await;
    // A full record replaces: now its cost is unknown, and none is left.
    let record = json!({ "product_id": "a", "quantity": 0, "updated_at": "2026-01-31" });
    bed.kafka.produce(Stream::Inventory, &record).await;
    bed.applied().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_result_keeps_the_previous_one_and_the_page_says_so() {
    let Some(bed) = bed(json!({})).await else { return };
    let _worker = bed.worker();
    emptied(&bed).await;
    for view in View::ALL {
        eventually("the view is kept", async || {
            let state = bed.store.view(view).await.unwrap();
            holds(state.condition == ViewCondition::Kept, || format!("{state:?}"))
        })
        .await;
    }
    let rows = (bed.store.product_winners().await.unwrap(), bed.store.loss_risk_products(ALL).await.unwrap().items);
    assert_eq!((rows.0.len(), rows.1.len()), (1, 1));
    let mut dashboard = bed.start("dashboard", json!({}));
    let address = dashboard.address().await;
    for (path, why) in
        [("/product-winners", "no product can be ranked"), ("/loss-risk-products", "no stock is at risk")]
    {
        let (status, page) = http::get(&address, path).await.unwrap();
        assert!(status == 200 && page.contains(" kept since ") && page.contains(why), "{path}: {page}");
    }
    // An event that is none of ours changes none of it either.
    bed.kafka.produce(Stream::Sales, &json!("nothing")).await;
    bed.applied().await;
    assert_eq!(bed.store.product_winners().await.unwrap(), rows.0);
    assert_eq!(bed.store.loss_risk_products(ALL).await.unwrap().items, rows.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_result_clears_the_view_where_that_is_asked_for() {
    let clear = json!({ "onEmptyResult": "Clear" });
    let analytics = json!({ "asOf": "2026-02-01", "productWinners": clear, "lossRisk": clear });
    let Some(bed) = bed(json!({ "analytics": analytics })).await else { return };
    let _worker = bed.worker();
    emptied(&bed).await;
    winners_are(&bed, &[]).await;
    risks_are(&bed, &[]).await;
    eventually("no row is left", async || {
        let left =
            [bed.database.documents("product_winners").await, bed.database.documents("loss_risk_products").await];
        holds(left.iter().all(Vec::is_empty), || format!("{left:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_the_page_changes_nothing_and_asks_for_no_write() {
    let Some(bed) = bed(json!({})).await else { return };
    let mut worker = bed.worker();
    bed.kafka.produce(Stream::Inventory, &stock("a", "2025-12-01", 9)).await;
    bed.kafka.produce(Stream::Sales, &sale("1", "2025-12-31", "a", 10, "3.00")).await;
    winners_are(&bed, &["a"]).await;
    bed.applied().await;
    worker.signal("TERM");
    worker.ended().await;
    let relay = Relay::to(&database_host(&bed), true).await;
    let uri = bed.setting("/mongodb/uri").replace(&database_host(&bed), &relay.address);
    let mut dashboard = bed.start("dashboard", json!({ "mongodb": { "uri": uri } }));
    let address = dashboard.address().await;
    // Once, at its start, it asks whether its user may write, with filters that match nothing.
    dashboard.says("the user of mongodb.uri may").await;
    relay.take_commands();
    let before = bed.database.everything_but(&[]).await;
    for _ in 0..3 {
        for path in ["/", "/product-winners", "/loss-risk-products", "/clients", "/rejected-events", "/api/v1/status"] {
            assert_eq!(http::get(&address, path).await.map(|answer| answer.0), Ok(200), "{path}");
        }
    }
    assert_eq!(bed.database.everything_but(&[]).await, before);
    let commands = relay.take_commands();
    assert!(writes(&commands).is_empty() && commands.contains_key("find product_winners"), "{commands:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_yet_the_page_says_what_to_do() {
    let Some(bed) = bed(json!({})).await else { return };
    let mut dashboard = bed.start("dashboard", json!({}));
    let address = dashboard.address().await;
    for (path, title) in [
        ("/product-winners", "No events yet"),
        ("/loss-risk-products", "No events yet"),
        ("/clients", "No clients yet"),
    ] {
        let (status, page) = http::get(&address, path).await.unwrap();
        assert!(status == 200 && page.contains(title), "{path}: {page}");
        assert!(page.contains(bed.setting("/kafka/topics/sales/name")), "it names the topics: {page}");
    }
    assert_eq!(http::json(&address, "/api/v1/product-winners").await.unwrap()["items"], json!([]));
    assert!(bed.database.everything_but(&[]).await.is_empty(), "the page makes no collection");
}
