//! What claims make of the documents.

use stockstream_model::{
    Day, Money,
    documents::{ClientRecordFields, ClientState, DayTotals, InventoryState, ProductRecord, ProductState, Version},
    event::{ClientRecord, InventoryRecord, Item, Sale},
};
use stockstream_store::{
    ApplyReport, Changes, StateStore,
    inspect::{Inspect, Snapshot},
};

use super::{
    events::{Body, CLIENTS, MORE_SALES, SALES, STOCK, bought, client, id, line, money, sale, stock, time},
    flow::{apply, claim, complete, flush, flush_all, guard},
    test_env::TestEnv,
};

fn units(amount: &str) -> Money {
    amount.parse().unwrap()
}

async fn a_range_of_each_stream_reaches_its_documents(env: &impl TestEnv) {
    let store = env.worker().await;
    let lines = vec![
        line("tea", 3, "2.5"),
        Item { unit_cost: money("1"), ..line("tea", 1, "2.5") },
        Item { unit_price: None, unit_cost: money("0.5"), ..line("jam", 2, "0") },
    ];
    let invoice = Sale { client_id: Some(id("ann")), total_amount: money("12"), ..sale("2026-03-01T23:00:00Z", lines) };
    let record = InventoryRecord {
        name: Some("Tea".into()),
        category: Some("Food".into()),
        buy_price: money("1.2"),
        sell_price: money("2.4999"),
        min_margin_threshold: money("0.1"),
        expiry_date: Some(time("2027-01-01")),
        last_movement: Some(time("2026-02-01")),
        batch_no: Some(id("b1")),
        updated_at: Some(time("2026-02-02")),
        ..stock("tea", -4)
    };
    let ann = ClientRecord {
        name: Some("Ann".into()),
        email: Some("a@b".into()),
        phone: Some("1".into()),
        total_revenue_generated: money("100.5"),
        loyalty_tier: Some(stockstream_model::analytics::Tier::Silver),
        updated_at: Some(time("2026-02-03")),
        ..client("ann")
    };
    let parts = vec![
        (SALES, vec![Body::Sale(invoice)]),
        (STOCK, vec![Body::Stock(record)]),
        (CLIENTS, vec![Body::Client(ann)]),
    ];
    let report = flush_all(&*store, parts).await;
    assert_eq!(report, ApplyReport { changed: 5, ..ApplyReport::default() });

    let day: Day = "2026-03-01".parse().unwrap();
    let sold = Some(time("2026-03-01T23:00:00Z"));
    let tea = ProductRecord {
        name: Some("Tea".into()),
        category: Some("Food".into()),
        buy_price: money("1.2"),
        sell_price: money("2.4999"),
        min_margin_threshold: money("0.1"),
    };
    let version = Version { at: time("2026-02-02"), incarnation: 0, partition: 0, offset: 0 };
    let wanted = Snapshot {
        products: vec![
            ProductState {
                product_id: "jam".into(),
                units: 2,
                cost: units("1"),
                unpriced: 2,
                first_sale: sold,
                last_sale: sold,
                days: [(day, DayTotals { invoices: 1, units: 2, unpriced: 2, ..DayTotals::default() })].into(),
                ..ProductState::default()
            },
            ProductState {
                product_id: "tea".into(),
                units: 4,
                revenue: units("10"),
                cost: units("1"),
                unpriced: 0,
                uncosted: 3,
                first_sale: sold,
                last_sale: sold,
                days: [(day, DayTotals { invoices: 1, units: 4, revenue: units("10"), unpriced: 0 })].into(),
                record: Some(tea.clone()),
                version: Some(version),
                stock_sum: -4,
                stock_count: 1,
            },
        ],
        inventory: vec![InventoryState {
            product_id: "tea".into(),
            batch_number: Some("b1".into()),
            quantity: -4,
            expiry_date: Some(time("2027-01-01")),
            movement: time("2026-02-01"),
            record: tea,
            version,
        }],
        clients: vec![ClientState {
            client_id: "ann".into(),
            revenue: units("12"),
            invoices: 1,
            last_purchase: sold,
            record: ClientRecordFields {
                name: Some("Ann".into()),
                email: Some("a@b".into()),
                phone: Some("1".into()),
                base_revenue: units("100.5"),
                tier: Some(stockstream_model::analytics::Tier::Silver),
            },
            version: Some(Version { at: time("2026-02-03"), ..version }),
        }],
        daily: vec![(day, DayTotals { invoices: 1, units: 6, revenue: units("12"), unpriced: 0 })],
        rejected: Vec::new(),
    };
    assert_eq!(store.snapshot().await.unwrap(), wanted);
}

async fn a_key_of_several_partitions_has_the_changes_of_all(env: &impl TestEnv) {
    let store = env.worker().await;
    let parts = vec![
        (SALES, vec![bought("ann", "2026-03-01", "1"), bought("ann", "2026-03-03", "2")]),
        (MORE_SALES, vec![bought("ann", "2026-02-01", "4"), bought("bob", "2026-03-03", "8")]),
        (CLIENTS, vec![Body::Client(ClientRecord { name: Some("Ann".into()), ..client("ann") })]),
    ];
    let report = flush_all(&*store, parts).await;
    // A product, two clients, three days.
    assert_eq!((report.changed, report.already), (6, 0), "one for each key");
    let all = store.snapshot().await.unwrap();
    let ann = &all.clients[0];
    assert_eq!((ann.revenue, ann.invoices, ann.record.name.as_deref()), (units("7"), 3, Some("Ann")));
    assert_eq!(ann.last_purchase, Some(time("2026-03-03")));
    let product = &all.products[0];
    assert_eq!((product.units, product.revenue), (4, units("15")));
    assert_eq!((product.first_sale, product.last_sale), (Some(time("2026-02-01")), Some(time("2026-03-03"))));
    let days: Vec<_> = all.daily.iter().map(|(day, totals)| (day.to_string(), totals.revenue)).collect();
    let wanted = [("2026-02-01", "4"), ("2026-03-01", "1"), ("2026-03-03", "10")];
    assert_eq!(days, wanted.map(|(day, revenue)| (day.to_owned(), units(revenue))));
}

async fn a_return_takes_back_what_was_sold(env: &impl TestEnv) {
    let store = env.worker().await;
    let sold = |quantity| {
        let item = Item { unit_cost: money("1"), ..line("tea", quantity, "3") };
        let unpriced = Item { unit_price: None, ..line("jam", quantity, "0") };
        let invoice = sale("2026-03-01", vec![item, unpriced]);
        Body::Sale(Sale { client_id: Some(id("ann")), total_amount: money(&(quantity * 5).to_string()), ..invoice })
    };
    flush(&*store, SALES, vec![sold(4)]).await;
    flush(&*store, SALES, vec![sold(-4)]).await;
    flush(&*store, SALES, vec![sold(1), sold(-1)]).await;
    let all = store.snapshot().await.unwrap();
    for product in &all.products {
        let ProductState { units, revenue, cost, unpriced, uncosted, .. } = product;
        assert_eq!((*units, *unpriced, *uncosted, *revenue, *cost), (0, 0, 0, Money::ZERO, Money::ZERO));
        let day: Vec<_> = product.days.values().copied().collect();
        assert_eq!(day, [DayTotals { invoices: 2, ..DayTotals::default() }]);
    }
    assert_eq!((all.clients[0].revenue, all.clients[0].invoices), (Money::ZERO, 2));
    assert_eq!(all.daily[0].1, DayTotals { invoices: 2, ..DayTotals::default() });
}

async fn a_batch_may_have_more_keys_than_a_command_carries(env: &impl TestEnv) {
    let store = env.worker().await;
    let all: Vec<_> = (0..100).map(|n| bought(&format!("c{n:03}"), "2026-03-01", "0.5")).collect();
    for _ in 0..2 {
        let report = flush(&*store, SALES, all.clone()).await;
        assert_eq!((report.changed, report.already), (102, 0));
    }
    let clients = store.snapshot().await.unwrap().clients;
    assert_eq!(clients.len(), 100);
    assert!(clients.iter().all(|client| (client.invoices, client.revenue) == (2, units("1"))));
}

async fn a_batch_without_events_changes_nothing(env: &impl TestEnv) {
    let store = env.worker().await;
    let claimed = claim(&*store, SALES, 10).await;
    assert_eq!(store.apply(&Changes::default(), &guard(&claimed)).await.unwrap(), ApplyReport::default());
    assert_eq!(apply(&*store, &claimed, Vec::new()).await, ApplyReport::default());
    complete(&*store, &claimed).await;
    assert_eq!(store.snapshot().await.unwrap(), Snapshot::default());
}

async fn what_was_refused_is_kept_once(env: &impl TestEnv) {
    let store = env.worker().await;
    let claimed = claim(&*store, SALES, 25).await;
    let bad: Vec<_> = (0..25).map(|n| Body::Bad(if n == 3 { String::new() } else { format!("${n}.") })).collect();
    for _ in 0..2 {
        apply(&*store, &claimed, bad.clone()).await;
    }
    complete(&*store, &claimed).await;
    let rejected = store.snapshot().await.unwrap().rejected;
    assert_eq!(rejected.len(), 25);
    assert!(rejected.contains(&("topic-sales/0/0/3".into(), "empty".into())), "{rejected:?}");
    assert!(rejected.contains(&("topic-sales/0/0/24".into(), "not_json".into())), "{rejected:?}");
}

both!(
    a_range_of_each_stream_reaches_its_documents,
    a_key_of_several_partitions_has_the_changes_of_all,
    a_return_takes_back_what_was_sold,
    a_batch_may_have_more_keys_than_a_command_carries,
    a_batch_without_events_changes_nothing,
    what_was_refused_is_kept_once,
);
