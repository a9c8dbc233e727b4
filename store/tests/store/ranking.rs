//! Which products are ranked, and in which order.

use stockstream_model::{
    analytics::score_base,
    event::{InventoryRecord, Item},
};
use stockstream_store::StateStore;

use super::{
    events::{Body, SALES, STOCK, line, money, sale, stock},
    flow::flush,
    test_env::{Mongo, TestEnv, settings},
};

/// A line with a price and a cost.
fn sold(product: &str, quantity: i64, price: &str, cost: &str) -> Item<'static> {
    Item { unit_cost: money(cost), ..line(product, quantity, price) }
}

async fn top(store: &impl StateStore, limit: u32) -> Vec<String> {
    store.top_products(limit).await.unwrap().into_iter().map(|product| product.product_id).collect()
}

async fn the_best_products_come_first_and_equals_by_id(env: &impl TestEnv) {
    let store = env.worker().await;
    assert_eq!(top(&*store, 10).await, [""; 0]);
    let lines = vec![
        sold("loss", 1, "1", "1000"),
        sold("b", 1, "3", "1"),
        sold("é", 1, "3", "1"),
        sold("a", 1, "3", "1"),
        sold("Z", 1, "3", "1"),
        sold("$", 1, "3", "1"),
        sold("best", 1, "30", "1"),
        sold("a hair better", 1, "3.0001", "1"),
        sold("zero", 1, "1", "1"),
    ];
    flush(&*store, SALES, vec![Body::Sale(sale("2026-03-01", lines))]).await;
    flush(&*store, SALES, vec![Body::Sale(sale("2026-03-20", vec![sold("later", 1, "3", "1")]))]).await;
    let ranked = ["best", "later", "a hair better", "$", "Z", "a", "b", "é", "zero", "loss"];
    assert_eq!(top(&*store, 100).await, ranked);
    assert_eq!(top(&*store, 4).await, ranked[..4]);
    assert_eq!(top(&*store, 0).await, [""; 0]);
    flush(
        &*store,
        SALES,
        vec![Body::Sale(sale("2026-03-20", vec![sold("best", -1, "30", "1"), sold("é", 1, "9", "1")]))],
    )
    .await;
    assert_eq!(
        top(&*store, 3).await,
        ["é", "later", "a hair better"],
        "what came back as often as it was sold is not ranked"
    );
}

async fn what_cannot_be_valued_is_not_ranked(env: &impl TestEnv) {
    let store = env.worker().await;
    let lines = vec![
        line("without a cost", 1, "3"),
        Item { unit_price: None, ..sold("without a price", 1, "0", "1") },
        sold("whole", 1, "3", "1"),
    ];
    let invoice = stockstream_model::event::Sale { total_amount: money("9"), ..sale("2026-03-01", lines) };
    flush(&*store, SALES, vec![Body::Sale(invoice)]).await;
    flush(&*store, STOCK, vec![Body::Stock(InventoryRecord { buy_price: money("1"), ..stock("never sold", 9) })]).await;
    assert_eq!(top(&*store, 10).await, ["whole"]);
    let record = |product: &str, buy: Option<&str>, sell: Option<&str>| {
        let (buy_price, sell_price) = (buy.and_then(money), sell.and_then(money));
        Body::Stock(InventoryRecord { buy_price, sell_price, ..stock(product, 9) })
    };
    let prices = vec![record("without a cost", Some("0"), None), record("without a price", None, Some("2"))];
    flush(&*store, STOCK, prices).await;
    assert_eq!(top(&*store, 10).await, ["without a cost", "whole", "without a price"]);
    flush(&*store, STOCK, vec![record("without a cost", None, Some("1"))]).await;
    assert_eq!(top(&*store, 10).await, ["whole", "without a price"], "the price was cleared");
}

async fn a_ranked_product_has_all_but_its_days(env: &impl TestEnv) {
    let store = env.worker().await;
    let record = InventoryRecord { name: Some("Tea".into()), buy_price: money("1"), ..stock("tea", 9) };
    flush(&*store, STOCK, vec![Body::Stock(record)]).await;
    flush(&*store, SALES, vec![Body::Sale(sale("2026-03-01", vec![line("tea", 2, "3")]))]).await;
    let mut known = stockstream_store::inspect::Inspect::snapshot(&*store).await.unwrap().products;
    known[0].days.clear();
    assert_eq!(store.top_products(10).await.unwrap(), known);
}

both!(
    the_best_products_come_first_and_equals_by_id,
    what_cannot_be_valued_is_not_ranked,
    a_ranked_product_has_all_but_its_days,
);

/// The score that the server computes is the one that Rust computes.
async fn scores_are_the_same_numbers(env: &Mongo) {
    let mut settings = settings();
    settings.analytics.product_winners.weights.idle_days = "0.7".parse().unwrap();
    let store = env.worker_with(&settings).await;
    let lines = [("a", 3, "0.1", "0.3333"), ("b", 7, "1000000000", "0.0001"), ("c", 1, "0.0003", "999999.9999")];
    let first = lines.map(|(product, quantity, price, cost)| sold(product, quantity, price, cost));
    let again = lines.map(|(product, quantity, price, _)| line(product, quantity * 3, price));
    flush(
        &*store,
        SALES,
        vec![Body::Sale(sale("1931-01-02", first.into())), Body::Sale(sale("2026-03-04", again.into()))],
    )
    .await;
    let records =
        ["a", "b", "c"].map(|product| Body::Stock(InventoryRecord { buy_price: money("0.7"), ..stock(product, 1) }));
    flush(&*store, STOCK, records.into()).await;
    let documents = env.documents("products").await;
    let ranked = store.top_products(10).await.unwrap();
    assert_eq!(ranked.len(), 3);
    for product in ranked {
        let document =
            documents.iter().find(|document| document.get_str("_id").unwrap() == product.product_id).unwrap();
        let wanted = score_base(&product, &settings.analytics.product_winners.weights).unwrap();
        assert_eq!(document.get_f64("score").unwrap(), wanted, "{document}");
    }
}

mod only {
    use super::scores_are_the_same_numbers;
    mongodb_only!(scores_are_the_same_numbers);
}
