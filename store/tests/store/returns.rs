//! Returns: what comes back is no sale, and what came back as often as it was sold does not win.

use stockstream_model::{
    Day,
    analytics::ProductFacts,
    documents::{DayTotals, ProductState},
    event::{InventoryRecord, Item, Sale},
};
use stockstream_store::{StateStore, inspect::Inspect};

use super::{
    events::{Body, MORE_SALES, SALES, STOCK, id, line, money, sale, stock, time},
    flow::flush,
    test_env::{TestEnv, settings},
};

/// A line with a price and a cost.
fn sold(product: &str, quantity: i64) -> Item<'static> {
    Item { unit_cost: money("1"), ..line(product, quantity, "3") }
}

fn by_ann(at: &str, lines: Vec<Item<'static>>) -> Body {
    Body::Sale(Sale { client_id: Some(id("ann")), ..sale(at, lines) })
}

async fn products(store: &impl Inspect) -> Vec<ProductState> {
    store.snapshot().await.unwrap().products
}

async fn ranked(store: &impl StateStore) -> Vec<String> {
    store.top_products(10).await.unwrap().into_iter().map(|product| product.product_id).collect()
}

async fn a_return_moves_no_date_and_is_no_invoice(env: &impl TestEnv) {
    let store = env.worker().await;
    flush(&*store, SALES, vec![by_ann("2026-03-01", vec![sold("tea", 3)])]).await;
    flush(&*store, SALES, vec![by_ann("2026-03-10", vec![sold("tea", -1), sold("tea", -1)])]).await;
    // A line of each: an invoice, and a sale of the one product alone.
    flush(&*store, MORE_SALES, vec![by_ann("2026-03-20", vec![sold("tea", -1), sold("jam", 1)])]).await;
    flush(&*store, MORE_SALES, vec![by_ann("2026-02-01", vec![sold("tea", -1)])]).await;
    let all = store.snapshot().await.unwrap();
    let (jam, tea) = (&all.products[0], &all.products[1]);
    let first = Some(time("2026-03-01"));
    assert_eq!((tea.units, tea.first_sale, tea.last_sale), (-1, first, first));
    assert_eq!((jam.units, jam.first_sale, jam.last_sale), (1, Some(time("2026-03-20")), Some(time("2026-03-20"))));
    let by_day = |days: Vec<(Day, DayTotals)>| {
        days.into_iter().map(|(day, of)| (day.to_string(), of.invoices, of.units)).collect::<Vec<_>>()
    };
    let of = |rows: &[(&str, i64, i64)]| {
        rows.iter().map(|(day, invoices, units)| ((*day).to_owned(), *invoices, *units)).collect::<Vec<_>>()
    };
    let of_tea = [("2026-02-01", 0, -1), ("2026-03-01", 1, 3), ("2026-03-10", 0, -2), ("2026-03-20", 0, -1)];
    assert_eq!(by_day(tea.days.clone().into_iter().collect()), of(&of_tea));
    let in_all = [("2026-02-01", 0, -1), ("2026-03-01", 1, 3), ("2026-03-10", 0, -2), ("2026-03-20", 1, 0)];
    assert_eq!(by_day(all.daily), of(&in_all));
    let ann = &all.clients[0];
    assert_eq!((ann.invoices, ann.last_purchase, ann.revenue.to_string()), (2, Some(time("2026-03-20")), "0".into()));
}

async fn a_product_that_came_back_as_often_as_it_was_sold_is_not_ranked(env: &impl TestEnv) {
    let store = env.worker().await;
    let lines = |quantity: i64| vec![sold("a", quantity), sold("b", quantity)];
    flush(&*store, SALES, vec![by_ann("2026-03-01", vec![sold("a", 2), sold("b", 3)])]).await;
    assert_eq!(ranked(&*store).await, ["b", "a"]);
    flush(&*store, SALES, vec![by_ann("2026-03-02", lines(-2))]).await;
    assert_eq!(ranked(&*store).await, ["b"]);
    flush(&*store, SALES, vec![by_ann("2026-03-02", lines(-2))]).await;
    assert_eq!(ranked(&*store).await, [""; 0]);
    flush(&*store, SALES, vec![by_ann("2026-03-03", vec![sold("a", 3)])]).await;
    assert_eq!(ranked(&*store).await, ["a"], "what is sold again is ranked again");
    // Units without revenue, and revenue without units: one came back at a higher price, one at a lower.
    let dear = Item { unit_price: money("10"), ..sold("dear", -1) };
    let cheap = Item { unit_price: money("0.5"), ..sold("cheap", -3) };
    flush(&*store, SALES, vec![by_ann("2026-03-03", vec![sold("dear", 2), dear, sold("cheap", 2), cheap])]).await;
    let found = products(&*store).await;
    let of = |product: &str| found.iter().find(|one| one.product_id == product).unwrap();
    assert_eq!((of("dear").units, of("dear").revenue.to_string()), (1, "-4".into()));
    assert_eq!((of("cheap").units, of("cheap").revenue.to_string()), (-1, "4.5".into()));
    assert_eq!(ranked(&*store).await, ["a"]);
}

/// What brings in nothing by itself is valued by the product's record, and what came back too.
async fn units_without_a_price_are_ranked_by_what_their_record_makes_of_them(env: &impl TestEnv) {
    let store = env.worker().await;
    let unpriced = |quantity| Item { unit_price: None, ..sold("tea", quantity) };
    let invoice =
        |quantity| Body::Sale(Sale { total_amount: money("1"), ..sale("2026-03-01", vec![unpriced(quantity)]) });
    flush(&*store, SALES, vec![invoice(5)]).await;
    let sells_for = |price| Body::Stock(InventoryRecord { sell_price: money(price), ..stock("tea", 1) });
    flush(&*store, STOCK, vec![sells_for("0")]).await;
    assert_eq!(ranked(&*store).await, [""; 0]);
    flush(&*store, STOCK, vec![sells_for("2")]).await;
    assert_eq!(ranked(&*store).await, ["tea"]);
    flush(&*store, SALES, vec![invoice(-5)]).await;
    assert_eq!(ranked(&*store).await, [""; 0]);
}

async fn a_return_is_no_movement_of_stock(env: &impl TestEnv) {
    let store = env.worker().await;
    let moved = Some(time("2026-01-01"));
    let batch = Body::Stock(InventoryRecord { last_movement: moved, buy_price: money("1"), ..stock("tea", 9) });
    flush(&*store, STOCK, vec![batch]).await;
    flush(&*store, SALES, vec![by_ann("2026-02-27", vec![sold("tea", -1)])]).await;
    let at_risk = store.stock_after(None, 10).await.unwrap();
    let [(_, ProductFacts { last_sale, .. })] = at_risk.as_slice() else { panic!("{at_risk:?}") };
    assert_eq!(*last_sale, None);
}

/// Many products change alike in one statement, that inserts nothing: new ones by their first return, old ones by another.
async fn many_products_come_back_at_once(env: &impl TestEnv) {
    let store = env.worker().await;
    let all = |quantity| (0..40).map(|n| sold(&format!("p{n:02}"), quantity)).collect::<Vec<_>>();
    flush(&*store, SALES, vec![by_ann("2026-03-01", all(-1))]).await;
    flush(&*store, SALES, vec![by_ann("2026-03-02", all(-1))]).await;
    let found = products(&*store).await;
    assert_eq!(found.len(), 40);
    for product in &found {
        let days: Vec<_> = product.days.values().map(|day| (day.invoices, day.units)).collect();
        assert_eq!((product.units, product.first_sale, days), (-2, None, vec![(0, -1), (0, -1)]));
    }
    assert_eq!(ranked(&*store).await, [""; 0]);
    flush(&*store, SALES, vec![by_ann("2026-03-03", all(3))]).await;
    let found = products(&*store).await;
    assert!(found.iter().all(|product| (product.units, product.days.len()) == (1, 3)));
    assert_eq!(ranked(&*store).await.len(), 10);
}

async fn the_days_of_returns_go_with_the_history_of_sales(env: &impl TestEnv) {
    let mut few_days = settings();
    few_days.analytics.history_days = 5;
    let store = env.worker_with(&few_days).await;
    let on = |day: i32, quantity| by_ann(&Day::from_number(day).to_string(), vec![sold("tea", quantity)]);
    // More than are kept of what was sold: without a sale nothing falls behind one.
    for chunk in (20_000..20_060).collect::<Vec<_>>().chunks(20) {
        flush(&*store, SALES, chunk.iter().map(|day| on(*day, -1)).collect()).await;
    }
    assert_eq!(products(&*store).await[0].days.len(), 60);
    flush(&*store, SALES, vec![on(20_050, 70)]).await;
    let days = async || products(&*store).await[0].days.keys().map(|day| day.number()).collect::<Vec<_>>();
    assert_eq!(days().await, (20_046..20_060).collect::<Vec<_>>(), "the last sale's history, and what came back since");
    flush(&*store, SALES, vec![on(20_040, -1), on(20_070, -1)]).await;
    assert_eq!(days().await, (20_046..20_060).chain([20_070]).collect::<Vec<_>>());
}

both!(
    a_return_moves_no_date_and_is_no_invoice,
    a_product_that_came_back_as_often_as_it_was_sold_is_not_ranked,
    units_without_a_price_are_ranked_by_what_their_record_makes_of_them,
    a_return_is_no_movement_of_stock,
    many_products_come_back_at_once,
    the_days_of_returns_go_with_the_history_of_sales,
);
