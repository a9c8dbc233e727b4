//! What the dashboard asks.

use stockstream_model::{
    Day, Timestamp,
    analytics::Tier,
    documents::{
        ClientRow, DailyRow, Heartbeat, PartitionStatus, RiskCategory, RiskRow, View, ViewCondition, ViewState,
    },
    event::{ClientRecord, Reason, Sale},
};
use stockstream_protocol::risk::RiskUpdate;
use stockstream_store::{Page, Paging, RejectedSelect, StateStore, ViewStore};

use super::{
    events::{Body, CLIENTS, SALES, STOCK, bought, client, line, money, sale, stock, time},
    flow::{flush, flush_all, position},
    fold::CENTURY,
    publication::{published, winner},
    test_env::{TestEnv, pipeline},
};

fn page(page: u64, per_page: u64) -> Paging {
    Paging { page, per_page }
}

fn heartbeat(worker: &str, at: Timestamp) -> Heartbeat {
    Heartbeat {
        worker: worker.into(),
        started_at: time("2026-03-01"),
        at,
        generation: 1,
        publisher: true,
        events_per_second: 0.1,
        freshness_ms: Some(12),
        partitions: vec![
            PartitionStatus { id: SALES, next: 1 << 60, log_end: Some((1 << 60) + 5) },
            PartitionStatus { id: STOCK, next: 0, log_end: None },
        ],
        problems: vec!["$stopped.".into(), "sales/1 does not move".into()],
        stalls: vec!["sales/1 does not move".into()],
        warnings: vec!["revenue of client \"ann\" went beyond".into()],
    }
}

async fn the_status_counts_what_there_is(env: &impl TestEnv) {
    let store = env.open(&super::test_env::settings()).await;
    let status = store.status().await.unwrap();
    assert_eq!((status.pipeline, status.products, status.clients), (None, 0, 0));
    store.prepare(&pipeline("shop/stock")).await.unwrap();
    let sales =
        vec![bought("ann", "2026-03-01", "1"), Body::Bad(String::new()), Body::Bad("?".into()), Body::Bad("!".into())];
    let records = ["a", "b"].map(|product| Body::Stock(stock(product, 1)));
    let clients = ["ann", "bob", "eve", "joe"].map(|name| Body::Client(client(name)));
    flush_all(&*store, vec![(SALES, sales), (STOCK, records.into()), (CLIENTS, clients.into())]).await;
    store.claim_revision(View::ProductWinners, 0).await.unwrap();
    store.insert_ranking(1, &[winner(1, "a"), winner(2, "b")]).await.unwrap();
    store.publish_revision(&ViewState::new(View::ProductWinners), &published(1, 2)).await.unwrap();
    let row = |product| RiskRow { product_id: product, ..at_risk("", None, None) };
    let rows = ["a", "b", "c"].map(|product| row(product.to_owned()));
    store.update_risk(&RiskUpdate { revision: 1, upsert: rows.into(), delete: Vec::new() }).await.unwrap();
    let risks = ViewState { rows: 3, condition: ViewCondition::Published, ..ViewState::new(View::LossRiskProducts) };
    assert!(store.update_view_status(&ViewState::new(View::LossRiskProducts), &risks).await.unwrap());
    let before = Timestamp::now();
    let status = store.status().await.unwrap();
    assert_eq!(status.pipeline.as_deref(), Some("shop/stock"));
    assert_eq!((status.products, status.winners, status.risks, status.clients), (3, 2, 3, 4));
    assert_eq!(status.views, [published(1, 2), risks]);
    assert_eq!(status.checkpoints, store.checkpoints().await.unwrap());
    assert_eq!(
        status.checkpoints.iter().map(|c| (c.id, c.next)).collect::<Vec<_>>(),
        [(SALES, 4), (STOCK, 2), (CLIENTS, 4)]
    );
    assert_eq!(status.rejections, [("empty".into(), 1), ("not_json".into(), 2)].into());
    assert_eq!(status.workers, []);
    assert!((before..=Timestamp::now()).contains(&status.read_at));
}

async fn workers_are_shown_while_they_give_signs_of_life(env: &impl TestEnv) {
    let store = env.worker().await;
    let now = Timestamp::now();
    let beats = [heartbeat("$a.b", now), heartbeat("b", now.plus_millis(-20_000))];
    for beat in beats.iter().rev() {
        store.heartbeat(beat).await.unwrap();
    }
    store.heartbeat(&heartbeat("gone", now.plus_millis(-31_000))).await.unwrap();
    assert_eq!(store.status().await.unwrap().workers, beats);
    let later = Heartbeat { freshness_ms: None, publisher: false, partitions: Vec::new(), ..heartbeat("b", now) };
    store.heartbeat(&later).await.unwrap();
    assert_eq!(store.status().await.unwrap().workers, [beats[0].clone(), later.clone()]);
    store.leave("$a.b").await.unwrap();
    store.leave("never there").await.unwrap();
    assert_eq!(store.status().await.unwrap().workers, [later]);
}

pub fn at_risk(product: &str, batch: Option<&str>, loss: Option<f64>) -> RiskRow {
    RiskRow {
        product_id: product.into(),
        product_name: None,
        product_category: None,
        stock_quantity: 1,
        purchase_price: loss,
        selling_price: None,
        potential_loss_amount: loss,
        potential_profit_loss: None,
        risk_category: RiskCategory::DeadStock,
        expiry_date: None,
        days_until_expiry: None,
        last_movement_date: time("2026-01-01"),
        days_since_last_movement: 60,
        batch_number: batch.map(str::to_owned),
        analysis_timestamp: time("2026-03-01"),
        analysis_source: "stockstream".into(),
    }
}

async fn stock_at_risk_is_shown_by_loss(env: &impl TestEnv) {
    let store = env.worker().await;
    let ordered = [
        at_risk("z", None, Some(100.5)),
        at_risk("Z", None, Some(7.0)),
        at_risk("a", None, Some(7.0)),
        at_risk("a", Some("B"), Some(7.0)),
        at_risk("a", Some("b"), Some(7.0)),
        at_risk("b", None, Some(7.0)),
        at_risk("c", None, Some(0.0)),
        at_risk("a", Some("without a price"), None),
        at_risk("b", Some("without a price"), None),
    ];
    let mut upsert = ordered.to_vec();
    upsert.reverse();
    store.update_risk(&RiskUpdate { revision: 1, upsert, delete: Vec::new() }).await.unwrap();
    for (number, rows) in (1..).zip(ordered.chunks(4)) {
        let found = store.loss_risk_products(page(number, 4)).await.unwrap();
        assert_eq!(found, Page { items: rows.to_vec(), page: number, per_page: 4, total: 9, searched: None });
    }
    assert_eq!(store.loss_risk_products(page(4, 4)).await.unwrap().items, []);
}

async fn clients_are_shown_by_what_they_brought(env: &impl TestEnv) {
    let store = env.worker().await;
    let record = |name: &str, revenue: &str, tier| {
        let [email, phone] = ["e", "p"].map(|text| Some(text.into()));
        let fields =
            ClientRecord { name: Some(name.to_owned().into()), email, phone, loyalty_tier: tier, ..client(name) };
        Body::Client(ClientRecord { total_revenue_generated: money(revenue), ..fields })
    };
    let records = vec![
        record("debt", "-5", None),
        record("bronze", "9999.9999", Some(Tier::Bronze)),
        record("stated", "1", Some(Tier::Gold)),
        record("gold", "19000", None),
        record("silver", "10000", None),
        record("promo", "10000.0001", None),
    ];
    flush(&*store, CLIENTS, records).await;
    let sales = ["b", "B", "$"].map(|client| bought(client, "2026-03-01", "3"));
    flush(&*store, SALES, sales.into()).await;
    flush(&*store, SALES, vec![bought("gold", "2026-03-01T10:00:00Z", "1000"), bought("gold", "2026-02-01", "0.5")])
        .await;
    let shown = store.clients(page(1, 100)).await.unwrap();
    let rows: Vec<_> = shown
        .items
        .iter()
        .map(|row| (&*row.client_id, row.total_revenue_generated, row.loyalty_tier, row.eligible_promo))
        .collect();
    let wanted = [
        ("gold", 20_000.5, Tier::Gold, true),
        ("promo", 10_000.000_1, Tier::Silver, true),
        ("silver", 10_000.0, Tier::Silver, false),
        ("bronze", 9_999.999_9, Tier::Bronze, false),
        ("$", 3.0, Tier::Bronze, false),
        ("B", 3.0, Tier::Bronze, false),
        ("b", 3.0, Tier::Bronze, false),
        ("stated", 1.0, Tier::Gold, false),
        ("debt", -5.0, Tier::Bronze, false),
    ];
    assert_eq!(rows, wanted);
    let gold = ClientRow {
        client_id: "gold".into(),
        name: Some("gold".into()),
        email: Some("e".into()),
        phone: Some("p".into()),
        total_revenue_generated: 20_000.5,
        loyalty_tier: Tier::Gold,
        eligible_promo: true,
        invoices: 2,
        last_purchase_date: Some(time("2026-03-01T10:00:00Z")),
    };
    assert_eq!(shown.items[0], gold);
    assert_eq!((shown.items[1].last_purchase_date, shown.items[1].invoices), (None, 0));
    let mut paged = Vec::new();
    for number in 1..=4 {
        let found = store.clients(page(number, 4)).await.unwrap();
        assert_eq!((found.page, found.per_page, found.total), (number, 4, 9));
        paged.extend(found.items);
    }
    assert_eq!(paged, shown.items);
}

async fn a_page_that_is_none_is_empty(env: &impl TestEnv) {
    let store = env.worker().await;
    flush(&*store, SALES, vec![bought("ann", "2026-03-01", "1"), Body::Bad("?".into())]).await;
    for paging in [page(1, 0), page(2, 1), page(u64::MAX, 1), page(u64::MAX, u64::MAX), page(1 << 40, 1 << 40)] {
        let found = store.clients(paging).await.unwrap();
        assert_eq!((found.items, found.total), (Vec::new(), 1), "{paging:?}");
        assert_eq!(store.rejected_events(paging).await.unwrap().items, [], "{paging:?}");
        assert_eq!(store.loss_risk_products(paging).await.unwrap().total, 0);
    }
    for paging in [page(1, u64::MAX), page(0, 10), page(1, 1)] {
        assert_eq!(store.clients(paging).await.unwrap().items.len(), 1, "{paging:?}");
    }
}

async fn sales_by_day_are_shown_from_and_to(env: &impl TestEnv) {
    let store = env.worker().await;
    let days = ["2025-12-31", "2026-01-01", "2026-01-10", "1999-06-01"];
    let sold = |day: &&str| {
        let invoice = sale(&format!("{day}T23:59:59.999Z"), vec![line("tea", 3, "1"), line("jam", 1, "0.25")]);
        Body::Sale(Sale { total_amount: money("3.2501"), ..invoice })
    };
    flush(&*store, SALES, days.iter().map(sold).collect()).await;
    let range = async |from: &str, to: &str| {
        let rows = store.sales_daily(from.parse().unwrap(), to.parse().unwrap()).await.unwrap();
        rows.iter().map(|row| row.day.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(range("1900-01-01", "9999-12-30").await, ["1999-06-01", "2025-12-31", "2026-01-01", "2026-01-10"]);
    assert_eq!(range("2025-12-31", "2026-01-09").await, ["2025-12-31", "2026-01-01"]);
    assert_eq!(range("2026-01-10", "2026-01-10").await, ["2026-01-10"]);
    assert_eq!(range("2026-01-02", "2026-01-09").await, [""; 0]);
    assert_eq!(range("2026-01-10", "2025-12-31").await, [""; 0]);
    let day = "2026-01-01".parse().unwrap();
    let row = DailyRow { day, invoices: 1, units: 4, revenue: 3.2501 };
    assert_eq!(store.sales_daily(day, day).await.unwrap(), [row]);
}

async fn rejected_events_are_shown_latest_first(env: &impl TestEnv) {
    let store = env.worker().await;
    position(&*store, STOCK).await;
    let bad = |count: usize| (0..count).map(|n| Body::Bad(format!("$no.event {n}"))).collect();
    flush_all(&*store, vec![(STOCK, bad(3)), (SALES, bad(12))]).await;
    let shown = store.rejected_events(page(1, 100)).await.unwrap();
    let places: Vec<_> = shown.items.iter().map(|event| (event.offset, event.topic.as_str())).collect();
    let mut wanted: Vec<_> = (0..12).map(|offset| (offset, "topic-sales")).collect();
    wanted.extend((0..3).map(|offset| (offset, "topic-inventory")));
    wanted.sort_by_key(|(offset, topic)| (-offset, *topic));
    assert_eq!(places, wanted);
    let third = &shown.items[9 + 3];
    assert_eq!(third.id(), "topic-sales/0/0/1");
    assert_eq!(
        (third.reason, &*third.message, third.payload.as_slice()),
        (Reason::NotJson, "no event", &b"$no.event 1"[..])
    );
    assert_eq!(third.rejected_at, third.produced_at.unwrap().plus_millis(CENTURY));
    let second = store.rejected_events(page(2, 4)).await.unwrap();
    assert_eq!((&second.items[..], second.total), (&shown.items[4..8], 15));
}

async fn rejected_events_are_found_by_what_they_are(env: &impl TestEnv) {
    let store = env.worker().await;
    position(&*store, STOCK).await;
    let bad = |count: usize| (0..count).map(|n| Body::Bad(format!("$no.event {n}"))).collect();
    flush_all(&*store, vec![(STOCK, bad(3)), (SALES, bad(12))]).await;
    let all = store.rejected_events(page(1, 100)).await.unwrap().items;
    let day = all[0].rejected_at.day();
    let found = async |select: RejectedSelect| {
        let found = store.rejected_events(select.clone()).await.unwrap();
        assert!(found.items.len() as u64 <= found.total && found.per_page == select.paging.per_page);
        found.total
    };
    let any = || RejectedSelect::from(page(1, 5));
    assert_eq!(found(any()).await, 15);
    assert_eq!(found(RejectedSelect { topic: Some("topic-sales".into()), ..any() }).await, 12);
    assert_eq!(found(RejectedSelect { topic: Some("$no".into()), ..any() }).await, 0);
    assert_eq!(found(RejectedSelect { reason: Some(Reason::NotJson), ..any() }).await, 15);
    assert_eq!(found(RejectedSelect { reason: Some(Reason::Empty), ..any() }).await, 0);
    assert_eq!(found(RejectedSelect { partition: Some(all[0].partition), ..any() }).await, 15);
    assert_eq!(found(RejectedSelect { partition: Some(77), ..any() }).await, 0);
    let (before, after) = (Day::from_number(day.number() - 1), Day::from_number(day.number() + 1));
    for (from, to, total) in [
        (Some(day), Some(day), 15),
        (Some(day), None, 15),
        (Some(after), None, 0),
        (None, Some(before), 0),
        (None, Some(after), 15),
    ] {
        assert_eq!(found(RejectedSelect { from, to, ..any() }).await, total, "{from:?} {to:?}");
    }
}

async fn the_pulse_is_what_the_status_says_of_the_same(env: &impl TestEnv) {
    let store = env.worker().await;
    position(&*store, STOCK).await;
    let (pulse, status) = (store.pulse().await.unwrap(), store.status().await.unwrap());
    assert_eq!((pulse.views, pulse.checkpoints, pulse.workers), (status.views, status.checkpoints, status.workers));
    assert!(status.settings.is_some());
}

both!(
    rejected_events_are_found_by_what_they_are,
    the_pulse_is_what_the_status_says_of_the_same,
    the_status_counts_what_there_is,
    workers_are_shown_while_they_give_signs_of_life,
    stock_at_risk_is_shown_by_loss,
    clients_are_shown_by_what_they_brought,
    a_page_that_is_none_is_empty,
    sales_by_day_are_shown_from_and_to,
    rejected_events_are_shown_latest_first,
);
