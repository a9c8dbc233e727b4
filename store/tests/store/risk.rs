//! Stock at risk: who may be, and the rows that say so.

use std::collections::BTreeMap;

use stockstream_model::{
    Day,
    analytics::{ProductFacts, risk_row},
    documents::{InventoryState, RiskCategory, RiskRow},
    event::{Id, InventoryRecord},
    settings::LossRisk,
};
use stockstream_store::{RiskUpdate, StateStore, inspect::Inspect};

use super::{
    bed::{Bed, Mongo},
    events::{Body, SALES, STOCK, line, money, sale, stock, time},
    flow::flush,
};

const TODAY: i32 = 20_500;

fn day(from_today: i32) -> Day {
    Day::from_number(TODAY + from_today)
}

async fn all_that_is_at_risk_is_found_with_its_facts(bed: &impl Bed) {
    let store = bed.worker().await;
    let mut records = Vec::new();
    let mut sales = Vec::new();
    for expires in [None, Some(-400), Some(-1), Some(0), Some(7), Some(8), Some(400)] {
        for moved in [-400, -31, -30, -29, 0, 5] {
            for sold in [None, Some(-31), Some(-30), Some(-29)] {
                let product = format!("{expires:?} {moved} {sold:?}");
                let late = |days: i32| day(days).start().plus_millis(86_399_999);
                for (batch, quantity) in [(None, 3), (Some("b"), 0), (Some("c"), -1)] {
                    records.push(Body::Stock(InventoryRecord {
                        expiry_date: expires.map(late),
                        last_movement: Some(late(moved)),
                        batch_no: batch.and_then(Id::new),
                        buy_price: money("1.5"),
                        ..stock(&product, quantity)
                    }));
                }
                sales.extend(sold.map(|days| Body::Sale(sale(&late(days).to_string(), vec![line(&product, 1, "1")]))));
            }
        }
    }
    flush(&*store, STOCK, records).await;
    flush(&*store, SALES, sales).await;
    let all = store.snapshot().await.unwrap();
    let facts: BTreeMap<_, _> = all
        .products
        .into_iter()
        .map(|product| (product.product_id, ProductFacts { record: product.record, last_sale: product.last_sale }))
        .collect();
    let rules = [(7, 30), (0, 1), (8, 29), (36_500, 30), (7, 36_500), (36_500, 36_500)];
    for (expiring_within_days, idle_days) in rules {
        let rules = LossRisk { expiring_within_days, idle_days, ..LossRisk::default() };
        let row =
            |batch: &InventoryState, facts: &ProductFacts| risk_row(batch, facts, day(0), time("2026-03-01"), &rules);
        let mut wanted: Vec<RiskRow> =
            all.inventory.iter().filter_map(|batch| row(batch, &facts[&batch.product_id])).collect();
        let found = store.risk_candidates(day(0), &rules).await.unwrap();
        assert!(found.iter().all(|(batch, of)| facts[&batch.product_id] == *of), "the facts are those of the product");
        let mut rows: Vec<RiskRow> = found.iter().filter_map(|(batch, facts)| row(batch, facts)).collect();
        rows.sort_by_key(RiskRow::key);
        wanted.sort_by_key(RiskRow::key);
        assert_eq!(rows, wanted, "{rules:?}");
    }
}

async fn stock_of_a_product_that_was_never_sold_has_its_record(bed: &impl Bed) {
    let store = bed.worker().await;
    let record =
        InventoryRecord { last_movement: Some(time("1999-01-01")), name: Some("Tea".into()), ..stock("tea", 1) };
    flush(&*store, STOCK, vec![Body::Stock(record)]).await;
    let (batch, facts) = store.risk_candidates(day(0), &LossRisk::default()).await.unwrap().swap_remove(0);
    assert_eq!((facts.last_sale, facts.record.as_ref()), (None, Some(&batch.record)));
}

fn row(product: &str, batch: Option<&str>) -> RiskRow {
    RiskRow {
        product_id: product.into(),
        product_name: Some("$name".into()),
        product_category: Some("a.b".into()),
        stock_quantity: 3,
        purchase_price: Some(1.25),
        selling_price: Some(0.1),
        potential_loss_amount: Some(3.75),
        potential_profit_loss: Some(-3.45),
        risk_category: RiskCategory::ExpiringSoon,
        expiry_date: Some(time("2026-03-01")),
        days_until_expiry: Some(-2),
        last_movement_date: time("1969-01-01T00:00:00.001Z"),
        days_since_last_movement: 99,
        batch_number: batch.map(str::to_owned),
        analysis_timestamp: time("2026-03-01T12:00:00.123Z"),
        analysis_source: "stockstream".into(),
    }
}

async fn standing(store: &impl StateStore) -> Vec<RiskRow> {
    let mut rows = store.risk_rows().await.unwrap();
    rows.sort_by_key(RiskRow::key);
    rows
}

async fn rows_at_risk_are_written_and_deleted(bed: &impl Bed) {
    let store = bed.worker().await;
    store.update_risk(&RiskUpdate::default()).await.unwrap();
    let bare = RiskRow {
        product_name: None,
        product_category: None,
        purchase_price: None,
        selling_price: None,
        potential_loss_amount: None,
        potential_profit_loss: None,
        expiry_date: None,
        days_until_expiry: None,
        risk_category: RiskCategory::DeadStock,
        ..row("a", Some("b"))
    };
    let rows = [row("a", None), bare.clone(), row("a", Some("c")), row("b", None)];
    store.update_risk(&RiskUpdate { upsert: rows.to_vec(), delete: Vec::new() }).await.unwrap();
    assert_eq!(standing(&*store).await, rows);
    let emptied = RiskRow { product_id: "b".into(), batch_number: None, risk_category: RiskCategory::Expired, ..bare };
    let gone = |product: &str, batch: Option<&str>| (product.to_owned(), batch.map(str::to_owned));
    let update = RiskUpdate {
        upsert: vec![emptied.clone()],
        delete: vec![gone("a", None), gone("a", Some("c")), gone("never there", None), gone("b", Some("b"))],
    };
    for _ in 0..2 {
        store.update_risk(&update).await.unwrap();
        assert_eq!(standing(&*store).await, [rows[1].clone(), emptied.clone()], "and twice is as once");
    }
}

async fn two_publishers_write_the_same_rows(bed: &impl Bed) {
    let (a, b) = (bed.worker().await, bed.worker().await);
    let mut rows: Vec<RiskRow> = (0..40).map(|n| row(&format!("p{n:02}"), None)).collect();
    let update = RiskUpdate { upsert: rows.clone(), delete: vec![("p00".into(), Some("b".into()))] };
    for _ in 0..3 {
        let (of_a, of_b) = tokio::join!(a.update_risk(&update), b.update_risk(&update));
        of_a.and(of_b).unwrap();
        assert_eq!(standing(&*a).await, rows);
    }
    rows.drain(..);
    let clear = RiskUpdate { upsert: Vec::new(), delete: update.upsert.iter().map(RiskRow::key).collect() };
    let (of_a, of_b) = tokio::join!(a.update_risk(&clear), b.update_risk(&clear));
    of_a.and(of_b).unwrap();
    assert_eq!(standing(&*b).await, rows);
}

both!(
    all_that_is_at_risk_is_found_with_its_facts,
    stock_of_a_product_that_was_never_sold_has_its_record,
    rows_at_risk_are_written_and_deleted,
    two_publishers_write_the_same_rows,
);

/// What others added to a document stays.
async fn fields_of_others_are_not_touched(bed: &Mongo) {
    let store = bed.worker().await;
    let sold = || vec![super::events::bought("ann", "2026-03-01", "1")];
    let update = RiskUpdate { upsert: vec![row("a", None)], delete: Vec::new() };
    flush(&*store, SALES, sold()).await;
    flush(&*store, STOCK, vec![Body::Stock(stock("of ", 1))]).await;
    store.update_risk(&update).await.unwrap();
    let collections = ["products", "inventory", "clients", "sales_daily", "loss_risk_products", "positions", "views"];
    for collection in collections {
        let all = bed.raw.collection::<bson::Document>(collection);
        let marked = all.update_many(bson::doc! {}, bson::doc! { "$set": { "note": "ours" } }).await.unwrap();
        assert!(marked.modified_count > 0, "{collection}");
    }
    flush(&*store, SALES, sold()).await;
    flush(&*store, STOCK, vec![Body::Stock(stock("of ", 2))]).await;
    store.update_risk(&update).await.unwrap();
    store.prepare(&super::bed::settings().pipeline).await.unwrap();
    for collection in collections {
        let documents = bed.documents(collection).await;
        assert!(documents.iter().all(|document| document.contains_key("note")), "{collection}: {documents:?}");
    }
}

mod only {
    use super::fields_of_others_are_not_touched;
    mongodb_only!(fields_of_others_are_not_touched);
}
