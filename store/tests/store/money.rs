//! Money is exact.

use stockstream_model::{
    Money, Timestamp,
    documents::{ProductRecord, Version},
    event::{ClientRecord, Sale},
    sum::LIMIT,
};
use stockstream_protocol::claim::Claim;
use stockstream_store::{Changes, Paging, StateStore, ViewStore, inspect::Inspect};

use super::{
    events::{Body, CLIENTS, SALES, bought, client, id, line, money, sale},
    flow::{changes_of, claim, complete, flush, guard},
    test_env::TestEnv,
};

async fn the_smallest_amounts_add_up(env: &impl TestEnv) {
    let store = env.worker().await;
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
const GREAT: i64 = 2_305_843_009_213_693_953;

/// Changes that add so much to every sum of a client, a product and a day. No event may say as much, but many of them do.
fn adding(claim: &Claim, amount: i64) -> Changes {
    let mut changes = changes_of(claim, vec![bought("ann", "2026-03-01", "1")]);
    let (amount, units) = (Money::from_units(amount), amount);
    changes.clients.get_mut("ann").unwrap().revenue = amount;
    changes.daily.values_mut().for_each(|day| (day.totals.revenue, day.totals.units) = (amount, units));
    for product in changes.products.values_mut() {
        (product.cost, product.uncosted) = (amount, units);
        let day = &mut product.days[0].1;
        (day.revenue, day.units, day.unpriced) = (amount, units, units);
        let version = Version { at: Timestamp::default(), incarnation: 0, partition: 0, offset: claim.seq };
        product.apply_record(version, ProductRecord::default(), units);
    }
    changes
}

/// Adds, one after the other, and compares every sum each time.
async fn sums_become(store: &(impl StateStore + Inspect), steps: &[(i64, i64)]) {
    for (end, (amount, wanted)) in (1..).zip(steps) {
        let claim = claim(store, SALES, end).await;
        store.apply(&adding(&claim, *amount), &guard(&claim)).await.unwrap();
        complete(store, &claim).await;
        let all = store.snapshot().await.unwrap();
        let product = &all.products[0];
        let day = product.days.values().next().unwrap();
        let sums = [all.clients[0].revenue, all.daily[0].1.revenue, product.revenue, product.cost, day.revenue];
        assert_eq!(sums.map(Money::units), [*wanted; 5], "after {end}");
        let counts = [product.units, product.unpriced, product.uncosted, product.stock_sum, all.daily[0].1.units];
        assert_eq!(counts, [*wanted; 5], "after {end}");
    }
}

async fn the_greatest_sums_are_exact(env: &impl TestEnv) {
    let store = env.worker().await;
    let steps = [(GREAT, GREAT), (1, GREAT + 1), (-GREAT, 1), (-GREAT, 1 - GREAT), (3, 4 - GREAT)];
    sums_become(&*store, &steps).await;
    assert_eq!(store.sums_at_limit(9).await.unwrap(), []);
}

async fn a_sum_beyond_its_limit_stays_there_and_is_named(env: &impl TestEnv) {
    let store = env.worker().await;
    let steps = [(GREAT, GREAT), (GREAT, LIMIT), (1, LIMIT), (-GREAT, LIMIT), (-LIMIT, LIMIT), (LIMIT, LIMIT)];
    sums_become(&*store, &steps).await;
    let named = store.sums_at_limit(9).await.unwrap();
    let named: Vec<_> = named.iter().map(|sums| (sums.of, sums.key.as_str(), sums.sums.len())).collect();
    assert_eq!(named, [("product", "of ", 7), ("client", "ann", 1), ("day", "2026-03-01", 2)]);
    assert_eq!(store.sums_at_limit(0).await.unwrap(), []);
    assert_eq!(store.clients(Paging { page: 1, per_page: 1 }).await.unwrap().items[0].total_revenue_generated, 4e14);
}

async fn a_sum_may_reach_its_limit_at_once_and_below_zero(env: &impl TestEnv) {
    let store = env.worker().await;
    sums_become(&*store, &[(-LIMIT, -LIMIT), (GREAT, -LIMIT)]).await;
    assert_eq!(store.sums_at_limit(9).await.unwrap().len(), 3);
}

/// The keys that change alike share a statement, and each has its own amount in it.
async fn of_keys_that_change_alike_only_those_beyond_stay(env: &impl TestEnv) {
    let store = env.worker().await;
    let buy = async |end: i64, amount: &dyn Fn(usize) -> i64| {
        let claim = claim(&*store, SALES, end).await;
        let bodies = (0..20).map(|n| bought(&format!("c{n:02}"), "2026-03-01", "1")).collect();
        let mut changes = changes_of(&claim, bodies);
        for (number, client) in changes.clients.values_mut().enumerate() {
            client.revenue = Money::from_units(amount(number));
        }
        changes.daily.values_mut().for_each(|day| day.totals.revenue = Money::from_units(1));
        store.apply(&changes, &guard(&claim)).await.unwrap();
        complete(&*store, &claim).await;
    };
    buy(20, &|number| if number % 3 == 0 { GREAT } else { 7 }).await;
    buy(40, &|number| if number % 2 == 0 { GREAT } else { -5 }).await;
    buy(60, &|_| -1).await;
    let all = store.snapshot().await.unwrap();
    let wanted = |number: usize| match (number.is_multiple_of(3), number.is_multiple_of(2)) {
        (true, true) => LIMIT,
        (true, false) => GREAT - 6,
        (false, true) => GREAT + 6,
        (false, false) => 1,
    };
    let found: Vec<i64> = all.clients.iter().map(|client| client.revenue.units()).collect();
    assert_eq!(found, (0..20).map(wanted).collect::<Vec<_>>());
    let named: Vec<_> = store.sums_at_limit(9).await.unwrap().into_iter().map(|sums| sums.key).collect();
    assert_eq!(named, ["c00", "c06", "c12", "c18"]);
}

async fn revenue_from_before_is_added_to_the_invoices(env: &impl TestEnv) {
    let store = env.worker().await;
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

both!(
    the_smallest_amounts_add_up,
    the_greatest_sums_are_exact,
    a_sum_beyond_its_limit_stays_there_and_is_named,
    a_sum_may_reach_its_limit_at_once_and_below_zero,
    of_keys_that_change_alike_only_those_beyond_stay,
    revenue_from_before_is_added_to_the_invoices,
);
