//! Money is exact.

use stockstream_model::{
    Money, Timestamp,
    documents::{ProductRecord, Version},
    event::{ClientRecord, Sale},
};
use stockstream_store::{Paging, StateStore, ViewStore, inspect::Inspect};

use super::{
    bed::Bed,
    events::{Body, CLIENTS, SALES, bought, client, id, line, money, sale},
    flow::{claim, complete, flush, range},
};

async fn the_smallest_amounts_add_up(bed: &impl Bed) {
    let store = bed.worker().await;
    let tenths = ["0.1", "0.2", "-0.3", "0.0001", "0.7", "0.0002"];
    for _ in 0..10 {
        let sales = tenths.map(|amount| {
            let invoice = sale("2026-03-01", vec![line("tea", 1, "0.0007")]);
            Body::Sale(Sale { client_id: Some(id("ann")), total_amount: money(amount), ..invoice })
        });
        flush(&*store, SALES, sales.into()).await;
    }
    let all = store.snapshot().await.unwrap();
    assert_eq!(all.clients[0].revenue.to_string(), "7.003");
    assert_eq!(all.daily[0].1.revenue.to_string(), "7.003");
    assert_eq!(all.products[0].revenue.to_string(), "0.042");
    assert_eq!(store.clients(Paging { page: 1, per_page: 1 }).await.unwrap().items[0].total_revenue_generated, 7.003);
}

/// Far beyond what a double counts one by one.
const GREAT: i64 = 4_611_686_018_427_387_905;

async fn the_greatest_sums_are_exact(bed: &impl Bed) {
    let store = bed.worker().await;
    for (end, amount) in [(1, GREAT), (2, 1), (3, -GREAT), (4, -GREAT), (5, 3)] {
        let claim = claim(&*store, SALES, end).await;
        let mut range = range(&claim, vec![bought("ann", "2026-03-01", "1")]);
        // No event may say as much, but many of them do.
        let (amount, units) = (Money::from_units(amount), amount);
        range.clients.get_mut("ann").unwrap().revenue = amount;
        range.daily.values_mut().for_each(|day| (day.totals.revenue, day.totals.units) = (amount, units));
        for product in range.products.values_mut() {
            (product.cost, product.uncosted) = (amount, units);
            let day = &mut product.days[0].1;
            (day.revenue, day.units, day.unpriced) = (amount, units, units);
            let version = Version { at: Timestamp::default(), incarnation: 0, partition: 0, offset: end };
            product.take_record(version, ProductRecord::default(), units);
        }
        store.apply(&[(SALES, range)].into(), std::slice::from_ref(&claim)).await.unwrap();
        complete(&*store, &claim).await;
        let all = store.snapshot().await.unwrap();
        let wanted = match end {
            1 => GREAT,
            2 => GREAT + 1,
            3 => 1,
            4 => 1 - GREAT,
            _ => 4 - GREAT,
        };
        let product = &all.products[0];
        let day = product.days.values().next().unwrap();
        let sums = [all.clients[0].revenue, all.daily[0].1.revenue, product.revenue, product.cost, day.revenue];
        assert_eq!(sums.map(Money::units), [wanted; 5]);
        let counts = [product.units, product.unpriced, product.uncosted, product.stock_sum, all.daily[0].1.units];
        assert_eq!(counts, [wanted; 5]);
    }
}

async fn revenue_from_before_is_added_to_the_invoices(bed: &impl Bed) {
    let store = bed.worker().await;
    let record = |revenue: Option<&str>| {
        let total_revenue_generated = revenue.and_then(money);
        Body::Client(ClientRecord { total_revenue_generated, ..client("ann") })
    };
    let total = async || store.clients(Paging { page: 1, per_page: 1 }).await.unwrap().items[0].clone();
    flush(&*store, SALES, vec![bought("ann", "2026-03-01", "0.0001")]).await;
    flush(&*store, CLIENTS, vec![record(Some("9999.9998"))]).await;
    assert_eq!((total().await.total_revenue_generated, total().await.loyalty_tier.name()), (9999.9999, "Bronze"));
    flush(&*store, SALES, vec![bought("ann", "2026-03-01", "0.0001")]).await;
    let row = total().await;
    assert_eq!((row.total_revenue_generated, row.loyalty_tier.name(), row.eligible_promo), (10_000.0, "Silver", false));
    flush(&*store, CLIENTS, vec![record(Some("-10000000000"))]).await;
    assert_eq!(total().await.total_revenue_generated, -9_999_999_999.999_8);
    flush(&*store, CLIENTS, vec![record(None)]).await;
    assert_eq!(total().await.total_revenue_generated, 0.0002);
}

both!(the_smallest_amounts_add_up, the_greatest_sums_are_exact, revenue_from_before_is_added_to_the_invoices);
