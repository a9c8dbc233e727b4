//! Stock at risk: the stock with what its risk depends on, what changed of it, and the rows that say so.

use std::{collections::BTreeMap, ops::RangeInclusive};

use stockstream_model::{
    Day,
    analytics::{ProductFacts, risk_row},
    documents::{InventoryState, RiskCategory, RiskRow},
    event::{Id, InventoryRecord},
    settings::LossRisk,
};
use stockstream_protocol::{
    last_claim::claims_since,
    risk::{RiskUpdate, StockKey},
};
use stockstream_store::{ChangedProduct, Guard, StateStore, inspect::Inspect};

use super::{
    events::{Body, SALES, STOCK, id, line, money, sale, stock, time},
    flow::{changes_of, claim, flush},
    test_env::{Mongo, TestEnv},
};

const TODAY: i32 = 20_500;

fn day(from_today: i32) -> Day {
    Day::from_number(TODAY + from_today)
}

async fn all_stock_is_found_with_its_facts(env: &impl TestEnv) {
    let store = env.worker().await;
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
        let found = store.stock_after(None, 10_000).await.unwrap();
        assert!(found.iter().all(|(batch, of)| facts[&batch.product_id] == *of), "the facts are those of the product");
        let mut rows: Vec<RiskRow> = found.iter().filter_map(|(batch, facts)| row(batch, facts)).collect();
        rows.sort_by_key(RiskRow::key);
        wanted.sort_by_key(RiskRow::key);
        assert_eq!(rows, wanted, "{rules:?}");
    }
}

async fn stock_of_a_product_that_was_never_sold_has_its_record(env: &impl TestEnv) {
    let store = env.worker().await;
    let record =
        InventoryRecord { last_movement: Some(time("1999-01-01")), name: Some("Tea".into()), ..stock("tea", 1) };
    flush(&*store, STOCK, vec![Body::Stock(record)]).await;
    let (batch, facts) = store.stock_after(None, 10).await.unwrap().swap_remove(0);
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

pub async fn standing(store: &impl StateStore) -> Vec<RiskRow> {
    let standing = store.risks_between(None, None).await.unwrap();
    let mut rows: Vec<RiskRow> = standing.into_iter().map(|standing| standing.row).collect();
    rows.sort_by_key(RiskRow::key);
    rows
}

async fn rows_at_risk_are_written_and_deleted(env: &impl TestEnv) {
    let store = env.worker().await;
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
    store.update_risk(&RiskUpdate { revision: 1, upsert: rows.to_vec(), delete: Vec::new() }).await.unwrap();
    assert_eq!(standing(&*store).await, rows);
    let emptied = RiskRow { product_id: "b".into(), batch_number: None, risk_category: RiskCategory::Expired, ..bare };
    let gone = |product: &str, batch: Option<&str>| (product.to_owned(), batch.map(str::to_owned));
    let update = RiskUpdate {
        revision: 1,
        upsert: vec![emptied.clone()],
        delete: vec![gone("a", None), gone("a", Some("c")), gone("never there", None), gone("b", Some("b"))],
    };
    for _ in 0..2 {
        store.update_risk(&update).await.unwrap();
        assert_eq!(standing(&*store).await, [rows[1].clone(), emptied.clone()], "and twice is as once");
    }
}

async fn stock_and_rows_are_read_in_parts_that_leave_nothing_out(env: &impl TestEnv) {
    let store = env.worker().await;
    let names = ["a", "a b", "aa", "b", "z", "ä"];
    let batches = [None, Some("a"), Some("b"), Some("c")];
    let keys: Vec<StockKey> =
        names.iter().flat_map(|name| batches.map(|batch| ((*name).to_owned(), batch.map(str::to_owned)))).collect();
    let records = keys.iter().map(|(product, batch)| {
        Body::Stock(InventoryRecord { batch_no: batch.as_deref().map(id), ..stock(product, 1) })
    });
    flush(&*store, STOCK, records.collect()).await;
    let upsert = keys.iter().map(|(product, batch)| row(product, batch.as_deref())).collect();
    store.update_risk(&RiskUpdate { revision: 1, upsert, delete: Vec::new() }).await.unwrap();
    for at_once in [1, 3, 5, 24, 100] {
        let (mut found, mut rows, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let part = store.stock_after(after.as_ref(), at_once).await.unwrap();
            let last = part.last().map(|(batch, _)| (batch.product_id.clone(), batch.batch_number.clone()));
            let up_to = last.clone().filter(|_| part.len() == at_once as usize);
            let standing = store.risks_between(after.as_ref(), up_to.as_ref()).await.unwrap();
            assert!(up_to.is_none() || standing.len() == part.len(), "{at_once} from {after:?}");
            rows.extend(standing.into_iter().map(|standing| standing.row.key()));
            found.extend(part.into_iter().map(|(batch, _)| (batch.product_id, batch.batch_number)));
            if up_to.is_none() {
                break;
            }
            after = last;
        }
        assert_eq!((&found, &rows), (&keys, &keys), "{at_once} at once");
    }
    let of = ["a".to_owned(), "z".to_owned(), "never there".to_owned()];
    let mut found: Vec<_> = store.stock_of(&of, 100).await.unwrap().into_iter().map(|batch| batch.product_id).collect();
    found.sort_unstable();
    assert_eq!(found, ["a", "a", "a", "a", "z", "z", "z", "z"]);
    let mut rows: Vec<_> =
        store.risks_of(&of, 100).await.unwrap().into_iter().map(|standing| standing.row.product_id).collect();
    rows.sort_unstable();
    assert_eq!(rows, found);
    assert_eq!((store.stock_of(&of, 5).await.unwrap().len(), store.risks_of(&of, 5).await.unwrap().len()), (5, 5));
    assert_eq!((store.stock_of(&[], 5).await.unwrap().len(), store.risks_of(&[], 5).await.unwrap().len()), (0, 0));
}

async fn products_are_found_by_the_claims_that_changed_them(env: &impl TestEnv) {
    let store = env.worker().await;
    let sold = |products: &[&str]| {
        let lines = products.iter().map(|product| line(product, 1, "1")).collect();
        Body::Sale(sale("2026-03-01", lines))
    };
    let many: Vec<String> = (0..40).map(|n| format!("p{n:02}")).collect();
    let all: Vec<&str> = many.iter().map(String::as_str).collect();
    let claim = claim(&*store, SALES, 1).await;
    let changed = async |lane, seq, products: &[&str]| {
        let changes = changes_of(&claim, vec![sold(products)]);
        store.apply(&changes, &Guard::of_claim(lane, seq)).await.unwrap() // whoever claimed: only the guard names it
    };
    changed(0, 1, &all).await; // inserts
    changed(0, 2, &all[5..]).await; // a statement for many
    changed(1, 7, &all[38..]).await; // a statement of one each
    changed(0, 3, &all[39..]).await;
    let again = changed(1, 7, &all[38..]).await;
    assert_eq!(again.changed, 0, "what was applied before says nothing");
    let found = async |by: RangeInclusive<i64>, at_most: u32| {
        let (mut all, mut after): (Vec<String>, Option<ChangedProduct>) = (Vec::new(), None);
        loop {
            let some = store.products_changed(&by, after.as_ref(), at_most).await.unwrap();
            all.extend(some.iter().map(|product| product.product_id.clone()));
            if some.len() < at_most as usize {
                return all;
            }
            after = some.into_iter().last();
        }
    };
    for at_most in [1, 4, 100] {
        assert_eq!(found(claims_since(0, 0, 1), at_most).await, many[..5], "{at_most}");
        assert_eq!(found(claims_since(0, 0, 2), at_most).await, many[..38], "in the order of claim and id");
        assert_eq!(found(claims_since(0, 1, 9), at_most).await, [&many[5..38], &many[39..]].concat());
        assert_eq!(found(claims_since(1, 0, 9), at_most).await, many[38..39]);
        assert_eq!(found(claims_since(0, 3, 9), at_most).await, [""; 0]);
        assert_eq!(found(claims_since(1, 7, 7), at_most).await, [""; 0]);
    }
}

async fn no_row_is_changed_by_an_earlier_revision(env: &impl TestEnv) {
    let store = env.worker().await;
    let update = |revision, upsert: &[RiskRow], delete: &[RiskRow]| RiskUpdate {
        revision,
        upsert: upsert.to_vec(),
        delete: delete.iter().map(RiskRow::key).collect(),
    };
    let of = |product: &str, quantity| RiskRow { stock_quantity: quantity, ..row(product, None) };
    assert!(!store.has_risks_below(9).await.unwrap());
    store.update_risk(&update(3, &[of("a", 3), of("b", 3)], &[])).await.unwrap();
    store.update_risk(&update(5, &[of("b", 5), of("c", 5)], &[])).await.unwrap();
    // One that was overtaken: of its rows, it changes what nobody wrote since.
    let late = update(4, &[of("a", 4), of("b", 4), of("d", 4)], &[of("b", 0), of("c", 0)]);
    for _ in 0..2 {
        store.update_risk(&late).await.unwrap();
        let standing = store.risks_between(None, None).await.unwrap();
        let found: Vec<_> =
            standing.iter().map(|of| (&*of.row.product_id, of.row.stock_quantity, of.revision)).collect();
        assert_eq!(found, [("a", 4, 4), ("b", 5, 5), ("c", 5, 5), ("d", 4, 4)]);
    }
    assert!(store.has_risks_below(5).await.unwrap() && !store.has_risks_below(4).await.unwrap());
    store.update_risk(&update(5, &[of("a", 5)], &[of("d", 0), of("b", 0)])).await.unwrap();
    assert!(!store.has_risks_below(5).await.unwrap());
    assert_eq!(standing(&*store).await, [of("a", 5), of("c", 5)]);
}

async fn two_publishers_write_the_same_rows(env: &impl TestEnv) {
    let (a, b) = (env.worker().await, env.worker().await);
    let mut rows: Vec<RiskRow> = (0..40).map(|n| row(&format!("p{n:02}"), None)).collect();
    let update = RiskUpdate { revision: 1, upsert: rows.clone(), delete: vec![("p00".into(), Some("b".into()))] };
    for _ in 0..3 {
        let (of_a, of_b) = tokio::join!(a.update_risk(&update), b.update_risk(&update));
        of_a.and(of_b).unwrap();
        assert_eq!(standing(&*a).await, rows);
    }
    rows.drain(..);
    let clear =
        RiskUpdate { revision: 1, upsert: Vec::new(), delete: update.upsert.iter().map(RiskRow::key).collect() };
    let (of_a, of_b) = tokio::join!(a.update_risk(&clear), b.update_risk(&clear));
    of_a.and(of_b).unwrap();
    assert_eq!(standing(&*b).await, rows);
}

both!(
    all_stock_is_found_with_its_facts,
    stock_and_rows_are_read_in_parts_that_leave_nothing_out,
    products_are_found_by_the_claims_that_changed_them,
    no_row_is_changed_by_an_earlier_revision,
    stock_of_a_product_that_was_never_sold_has_its_record,
    rows_at_risk_are_written_and_deleted,
    two_publishers_write_the_same_rows,
);

/// What others added to a document stays.
async fn fields_of_others_are_not_touched(env: &Mongo) {
    let store = env.worker().await;
    let sold = || vec![super::events::bought("ann", "2026-03-01", "1")];
    let update = RiskUpdate { revision: 1, upsert: vec![row("a", None)], delete: Vec::new() };
    flush(&*store, SALES, sold()).await;
    flush(&*store, STOCK, vec![Body::Stock(stock("of ", 1))]).await;
    store.update_risk(&update).await.unwrap();
    let collections = ["products", "inventory", "clients", "sales_daily", "loss_risk_products", "positions", "views"];
    for collection in collections {
        let all = env.raw.collection::<bson::Document>(collection);
        let marked = all.update_many(bson::doc! {}, bson::doc! { "$set": { "note": "ours" } }).await.unwrap();
        assert!(marked.modified_count > 0, "{collection}");
    }
    flush(&*store, SALES, sold()).await;
    flush(&*store, STOCK, vec![Body::Stock(stock("of ", 2))]).await;
    store.update_risk(&update).await.unwrap();
    store.prepare(&super::test_env::settings().pipeline).await.unwrap();
    for collection in collections {
        let documents = env.documents(collection).await;
        assert!(documents.iter().all(|document| document.contains_key("note")), "{collection}: {documents:?}");
    }
}

mod only {
    use super::fields_of_others_are_not_touched;
    mongodb_only!(fields_of_others_are_not_touched);
}
