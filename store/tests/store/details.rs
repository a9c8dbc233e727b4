//! All that the database has of one product or client.

use stockstream_model::{
    Decimal, Money,
    analytics::{Tier, score_base},
    event::{ClientRecord, Id, InventoryRecord},
};
use stockstream_protocol::risk::RiskUpdate;
use stockstream_store::{StateStore, ViewStore, inspect::Inspect};

use super::{
    events::{Body, CLIENTS, SALES, STOCK, bought, client, line, money, sale, stock, time},
    flow::flush,
    test_env::{TestEnv, settings},
    views::at_risk,
};

async fn a_product_has_its_totals_batches_and_risks(env: &impl TestEnv) {
    let mut settings = settings();
    settings.analytics.product_winners.weights.velocity = Decimal::from_units(7_001);
    let store = env.worker_with(&settings).await;
    let batch = |product: &str, number: Option<&'static str>, quantity| {
        Body::Stock(InventoryRecord {
            batch_no: number.and_then(Id::new),
            buy_price: money("1.5"),
            ..stock(product, quantity)
        })
    };
    // Neighbours in the order of ids, before and behind.
    let others = [batch("te", Some("z"), 1), batch("tea ", None, 1), batch("tea\u{1}", None, 1), batch("teb", None, 1)];
    let own = [batch("tea", None, 1), batch("tea", Some("b"), 2), batch("tea", Some("$a"), 3)];
    flush(&*store, STOCK, own.into_iter().chain(others).collect()).await;
    let invoice = |day: &str, units| Body::Sale(sale(day, vec![line("tea", units, "3")]));
    flush(&*store, SALES, vec![invoice("2026-03-01", 2), invoice("2026-03-04", 5)]).await;
    let rows = [at_risk("tea", Some("b"), Some(3.0)), at_risk("tea ", None, None), at_risk("te", None, None)];
    store.update_risk(&RiskUpdate { revision: 1, upsert: rows.to_vec(), delete: Vec::new() }).await.unwrap();
    let detail = store.product("tea").await.unwrap().unwrap();
    let all = store.snapshot().await.unwrap();
    assert_eq!(Some(&detail.product), all.products.iter().find(|product| product.product_id == "tea"));
    assert_eq!(detail.product.days.len(), 2);
    let batches: Vec<_> = detail.stock.iter().map(|batch| (batch.batch_number.as_deref(), batch.quantity)).collect();
    assert_eq!(batches, [(None, 1), (Some("$a"), 3), (Some("b"), 2)]);
    assert_eq!(detail.risks, rows[..1]);
    assert_eq!(detail.weights, Some(settings.analytics.product_winners.weights));
    assert!(score_base(&detail.product, &detail.weights.unwrap()).is_some());
}

async fn a_client_has_what_its_total_is_made_of(env: &impl TestEnv) {
    let store = env.worker().await;
    let record = ClientRecord {
        name: Some("Ann".into()),
        loyalty_tier: Some(Tier::Silver),
        updated_at: Some(time("2026-02-01")),
        ..client("ann")
    };
    flush(&*store, CLIENTS, vec![Body::Client(ClientRecord { total_revenue_generated: money("100.0001"), ..record })])
        .await;
    flush(&*store, SALES, vec![bought("ann", "2026-03-01", "5"), bought("bob", "2026-03-01", "7")]).await;
    let ann = store.client("ann").await.unwrap().unwrap();
    assert_eq!((ann.before, ann.invoiced), (money("100.0001").unwrap(), Money::from_whole(5)));
    assert_eq!((ann.stated, ann.recorded_at), (Some(Tier::Silver), Some(time("2026-02-01"))));
    assert_eq!(ann.row, store.clients(stockstream_store::Paging { page: 1, per_page: 1 }).await.unwrap().items[0]);
    let bob = store.client("bob").await.unwrap().unwrap();
    assert_eq!((bob.before, bob.stated, bob.recorded_at), (Money::ZERO, None, None));
}

async fn whoever_is_not_there_is_not_found(env: &impl TestEnv) {
    let store = env.worker().await;
    flush(&*store, SALES, vec![bought("ann", "2026-03-01", "5")]).await;
    for id in ["", "an", "Ann", "ann ", "$ann", ".*", "{\"$ne\":null}", "\0"] {
        assert_eq!(store.client(id).await.unwrap(), None, "{id:?}");
        assert_eq!(store.product(id).await.unwrap(), None, "{id:?}");
    }
}

both!(
    a_product_has_its_totals_batches_and_risks,
    a_client_has_what_its_total_is_made_of,
    whoever_is_not_there_is_not_found,
);
