//! Sales by day: kept for the last days of each product.

use std::collections::BTreeMap;

use stockstream_model::{
    Day,
    documents::{DayTotals, PartitionId},
    event::Item,
    settings::Settings,
};
use stockstream_store::inspect::Inspect;

use super::{
    events::{Body, MORE_SALES, SALES, line, sale},
    flow::flush,
    test_env::{TestEnv, settings},
};

fn few_days() -> Settings {
    let mut settings = settings();
    settings.analytics.history_days = 5;
    settings
}

fn on(day: i32, items: Vec<Item<'static>>) -> Body {
    Body::Sale(sale(&Day::from_number(day).to_string(), items))
}

async fn days(store: &impl Inspect, product: usize) -> BTreeMap<i32, i64> {
    let product = store.snapshot().await.unwrap().products.swap_remove(product);
    product.days.into_iter().map(|(day, totals)| (day.number(), totals.units)).collect()
}

async fn sales_by_day_are_kept_for_the_days_of_the_setting(env: &impl TestEnv) {
    let store = env.worker_with(&few_days()).await;
    for day in [20_000, 20_003, 20_004] {
        flush(&*store, SALES, vec![on(day, vec![line("tea", 1, "1")])]).await;
    }
    assert_eq!(days(&*store, 0).await, [(20_000, 1), (20_003, 1), (20_004, 1)].into());
    flush(&*store, SALES, vec![on(20_005, vec![line("tea", 1, "1")])]).await;
    assert_eq!(days(&*store, 0).await, [(20_003, 1), (20_004, 1), (20_005, 1)].into());
    // What is older than the history stays away, what is within comes in.
    let late = vec![on(20_000, vec![line("tea", 7, "1")]), on(20_001, vec![line("tea", 7, "1")])];
    flush(&*store, SALES, late).await;
    assert_eq!(days(&*store, 0).await, [(20_001, 7), (20_003, 1), (20_004, 1), (20_005, 1)].into());
    let product = store.snapshot().await.unwrap().products.swap_remove(0);
    assert_eq!((product.units, product.first_sale.unwrap().day().number()), (18, 20_000), "the totals have all of it");
}

async fn days_are_the_same_in_whatever_order_they_come(env: &impl TestEnv) {
    let store = env.worker_with(&few_days()).await;
    let all: Vec<i32> = (0..120).map(|n| 19_900 + n * 37 % 120).collect();
    let of = |days: &[i32], product: &str| {
        days.iter().map(|day| on(*day, vec![line(product, i64::from(*day % 7) + 1, "1")])).collect()
    };
    for (index, chunk) in all.chunks(9).enumerate() {
        let id = PartitionId { partition: (index % 3) as i32, ..SALES };
        flush(&*store, id, of(chunk, "a")).await;
    }
    for day in 19_900..20_020 {
        if day % 10 == 0 {
            let ten: Vec<i32> = (day..day + 10).collect();
            flush(&*store, MORE_SALES, of(&ten, "b")).await;
        }
    }
    let backwards: Vec<i32> = (19_900..20_020).rev().collect();
    flush(&*store, SALES, of(&backwards, "c")).await;
    let wanted: BTreeMap<i32, i64> = (20_015..20_020).map(|day| (day, i64::from(day % 7) + 1)).collect();
    for product in 0..3 {
        assert_eq!(days(&*store, product).await, wanted);
    }
}

async fn a_batch_may_bring_years_of_many_products(env: &impl TestEnv) {
    let mut settings = settings();
    (settings.analytics.history_days, settings.limits.updates_per_command) = (366, 25_000);
    let store = env.worker_with(&settings).await;
    let every_day: Vec<Body> = (10_000..10_500)
        .map(|day| {
            on(
                day,
                (0..120).map(|product| Item { unit_price: None, ..line(&format!("{product:0200}"), 1, "1") }).collect(),
            )
        })
        .collect();
    flush(&*store, SALES, every_day).await;
    let all = store.snapshot().await.unwrap();
    assert_eq!((all.products.len(), all.daily.len()), (120, 500));
    let wanted = DayTotals { invoices: 1, units: 1, unpriced: 1, ..DayTotals::default() };
    for product in &all.products {
        assert_eq!((product.units, product.days.len()), (500, 366));
        assert!(product.days.values().all(|day| *day == wanted));
    }
}

both!(
    sales_by_day_are_kept_for_the_days_of_the_setting,
    days_are_the_same_in_whatever_order_they_come,
    a_batch_may_bring_years_of_many_products,
);
