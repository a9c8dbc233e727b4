//! Ids and names are texts: nothing in them means anything to the database.

use std::collections::BTreeSet;

use stockstream_model::{
    documents::RiskRow,
    event::{ClientRecord, Id, InventoryRecord, Sale},
    settings::LossRisk,
};
use stockstream_protocol::risk::RiskUpdate;
use stockstream_store::{Paging, StateStore, ViewStore, inspect::Inspect};

use super::{
    events::{Body, CLIENTS, SALES, STOCK, client, id, line, money, sale, stock, time},
    flow::{changes_of, claim, complete, flush, flush_all, guard, position},
    risk::standing,
    test_env::TestEnv,
};

/// Texts that mean something to some part of a database, in the order of their bytes.
fn texts() -> BTreeSet<String> {
    let mut texts: BTreeSet<String> = [
        "$where",
        "$name",
        "$$ROOT",
        "$",
        "a.b",
        ".",
        "a.",
        ".a",
        "a..b",
        "\"",
        "'",
        "\\",
        "a\"b'c\\d",
        "{}",
        "[]",
        "{\"$gt\":\"\"}",
        "null",
        "true",
        "0",
        "1.5",
        "-1",
        " ",
        " a",
        "a ",
        "a b",
        "\t",
        "\n",
        "\u{7f}",
        "Z",
        "a",
        "é",
        "e\u{301}",
        "ß",
        "中文",
        "🍏",
        "\u{202e}rtl",
        "\u{feff}",
        "_id",
        "o",
        "o.s0",
        "__proto__",
        "constructor",
        "%s",
        "\u{10ffff}",
        "2026-01-01",
        "null\u{1}",
    ]
    .map(str::to_owned)
    .into();
    // The longest there is, such as does not shrink when compressed.
    let mut seed = 7_u64;
    let mut letters = |count| {
        let mut letter = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + (seed >> 33) as u8 % 94)
        };
        (0..count).map(|_| letter()).collect::<String>()
    };
    texts.extend([letters(512), letters(511), "é".repeat(256)]);
    texts
}

async fn ids_and_names_are_texts_whatever_they_hold(env: &impl TestEnv) {
    let store = env.worker().await;
    let texts = texts();
    let (mut sales, mut records, mut clients) = (Vec::new(), Vec::new(), Vec::new());
    for text in &texts {
        let items = vec![line(text, 1, "5")];
        sales.push(Body::Sale(Sale { client_id: Some(id(text)), ..sale("2026-01-01", items) }));
        records.push(Body::Stock(InventoryRecord {
            name: Some(text.clone().into()),
            category: Some(text.clone().into()),
            buy_price: money("1"),
            batch_no: Some(id(text)),
            ..stock(text, 2)
        }));
        let [name, email, phone] = [(); 3].map(|()| Some(text.clone().into()));
        clients.push(Body::Client(ClientRecord { name, email, phone, ..client(text) }));
    }
    for _ in 0..2 {
        let parts = vec![(SALES, sales.clone()), (STOCK, records.clone()), (CLIENTS, clients.clone())];
        flush_all(&*store, parts).await;
    }
    let all = store.snapshot().await.unwrap();
    let ids: Vec<_> = texts.iter().map(String::as_str).collect();
    assert_eq!(all.products.iter().map(|product| &*product.product_id).collect::<Vec<_>>(), ids);
    assert_eq!(all.clients.iter().map(|client| &*client.client_id).collect::<Vec<_>>(), ids);
    for (text, (product, client)) in texts.iter().zip(all.products.iter().zip(&all.clients)) {
        let record = product.record.clone().unwrap();
        assert_eq!((record.name.as_ref(), record.category.as_ref()), (Some(text), Some(text)));
        assert_eq!((product.units, product.stock_count, client.invoices), (2, 2, 2), "{text:?}");
        let fields = [&client.record.name, &client.record.email, &client.record.phone];
        assert!(fields.iter().all(|field| field.as_ref() == Some(text)), "{client:?}");
    }
    let batches = all.inventory.iter().map(|batch| (&*batch.product_id, batch.batch_number.as_deref()));
    assert_eq!(batches.collect::<Vec<_>>(), ids.iter().map(|text| (*text, Some(*text))).collect::<Vec<_>>());
    let ranked = store.top_products(1_000).await.unwrap();
    assert_eq!(ranked.iter().map(|product| &*product.product_id).collect::<Vec<_>>(), ids, "equals go by their bytes");
    let page = ViewStore::clients(&*store, Paging { page: 1, per_page: 1_000 }).await.unwrap();
    assert_eq!(page.items.iter().map(|client| &*client.client_id).collect::<Vec<_>>(), ids);
}

async fn rows_at_risk_may_have_any_names(env: &impl TestEnv) {
    let store = env.worker().await;
    let texts = texts();
    let records = texts.iter().map(|text| {
        let expiry_date = Some(time("2026-01-01"));
        Body::Stock(InventoryRecord {
            batch_no: Some(id(text)),
            expiry_date,
            name: Some(text.clone().into()),
            ..stock(text, 2)
        })
    });
    flush(&*store, STOCK, records.collect()).await;
    let (day, rules) = ("2026-01-01".parse().unwrap(), LossRisk::default());
    let found = store.stock_after(None, 1_000).await.unwrap();
    let row =
        |(batch, facts)| stockstream_model::analytics::risk_row(&batch, &facts, day, day.start(), &rules).unwrap();
    let rows: Vec<RiskRow> = found.into_iter().map(row).collect();
    assert_eq!(rows.iter().map(|row| row.product_id.clone()).collect::<BTreeSet<_>>(), texts);
    let upsert = RiskUpdate { revision: 1, upsert: rows.clone(), delete: Vec::new() };
    store.update_risk(&upsert).await.unwrap();
    let shown = store.loss_risk_products(Paging { page: 1, per_page: 1_000 }).await.unwrap().items;
    let ids: Vec<_> = texts.iter().map(String::as_str).collect();
    assert_eq!(shown.iter().map(|row| &*row.product_id).collect::<Vec<_>>(), ids, "equals go by their bytes");
    let (gone, left) = rows.split_at(20);
    let delete = RiskUpdate { revision: 1, upsert: Vec::new(), delete: gone.iter().map(RiskRow::key).collect() };
    store.update_risk(&delete).await.unwrap();
    let ids = |rows: &[RiskRow]| rows.iter().map(|row| row.product_id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(ids(&standing(&*store).await), ids(left));
}

async fn ids_that_look_alike_are_kept_apart(env: &impl TestEnv) {
    let store = env.worker().await;
    // Shown as text, the ids of these two are one.
    let twins = [("a", r#"x", "batch_number": "y"#), (r#"a", "batch_number": "x"#, "y")];
    let of = |(product, batch): (&str, &str)| {
        Body::Stock(InventoryRecord { batch_no: Id::new(batch.to_owned()), ..stock(product, 1) })
    };
    for (known, other) in [(twins[0], twins[1]), (twins[1], twins[0])] {
        let next = position(&*store, STOCK).await.next;
        let claim = claim(&*store, STOCK, next + 2).await;
        // One twin has the change already.
        let whole = changes_of(&claim, vec![of(known), of(other)]);
        let mut part = whole.clone();
        part.products.retain(|product, _| product.as_str() == known.0);
        part.inventory.retain(|(product, _), _| product == known.0);
        store.apply(&part, &guard(&claim)).await.unwrap();
        let report = store.apply(&whole, &guard(&claim)).await.unwrap();
        assert_eq!((report.changed, report.already), (2, 2), "a product and its stock were left");
        complete(&*store, &claim).await;
    }
    let all = store.snapshot().await.unwrap();
    assert_eq!(all.products.iter().map(|product| product.stock_count).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(all.inventory.len(), 2);
}

both!(ids_and_names_are_texts_whatever_they_hold, rows_at_risk_may_have_any_names, ids_that_look_alike_are_kept_apart);
