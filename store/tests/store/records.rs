//! Full records: the last writer wins, in whatever order they come.

use stockstream_model::{
    analytics::Tier,
    documents::{PartitionId, ProductRecord},
    event::{ClientRecord, EventKind, InventoryRecord},
};
use stockstream_store::{StateStore, inspect::Inspect};

use super::{
    events::{Body, CLIENTS, STOCK, client, id, money, stock, time},
    flow::{flush, recreate},
    test_env::TestEnv,
};

/// All orders of four.
fn orders() -> Vec<[usize; 4]> {
    let all = (0..256_usize).map(|n| [n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6 & 3]);
    all.filter(|order| (0..4).all(|n| order.contains(&n))).collect()
}

/// Writes the records of four partitions, to each of 24 keys in an order of its own.
async fn in_all_orders(store: &impl StateStore, stream: EventKind, record: impl Fn(usize, usize) -> Body) {
    for step in 0..4 {
        for partition in 0..4 {
            let now = orders().into_iter().enumerate().filter(|(_, order)| order[step] == partition);
            let bodies = now.map(|(round, _)| record(partition, round)).collect();
            flush(store, PartitionId { stream, partition: partition as i32 }, bodies).await;
        }
    }
}

async fn the_latest_record_of_a_client_wins_in_any_order(env: &impl TestEnv) {
    let store = env.worker().await;
    in_all_orders(&*store, EventKind::Clients, |partition, round| {
        let name = format!("c{round:02}");
        Body::Client(match partition {
            0 => ClientRecord {
                name: Some("late, but of a lower partition".into()),
                email: Some("e".into()),
                phone: Some("1".into()),
                total_revenue_generated: money("50000"),
                loyalty_tier: Some(Tier::Gold),
                updated_at: Some(time("2026-06-01")),
                ..client(&name)
            },
            1 => ClientRecord { phone: Some("2".into()), updated_at: Some(time("1950-06-01")), ..client(&name) },
            2 => ClientRecord { name: Some("the last".into()), updated_at: Some(time("2026-06-01")), ..client(&name) },
            _ => ClientRecord { email: Some("of January, by Kafka's clock".into()), ..client(&name) },
        })
    })
    .await;
    let clients = store.snapshot().await.unwrap().clients;
    assert_eq!(clients.len(), 24);
    for client in &clients {
        let fields = &client.record;
        assert_eq!((fields.name.as_deref(), client.version.unwrap().partition), (Some("the last"), 2), "{client:?}");
        assert_eq!((&fields.email, &fields.phone, fields.tier), (&None, &None, None), "what it leaves out is cleared");
        assert_eq!(fields.base_revenue.units(), 0);
    }
}

async fn the_latest_record_of_a_batch_wins_in_any_order(env: &impl TestEnv) {
    let store = env.worker().await;
    in_all_orders(&*store, EventKind::Inventory, |partition, round| {
        let product = format!("p{round:02}");
        Body::Stock(match partition {
            0 => InventoryRecord {
                name: Some("late, but of a lower partition".into()),
                category: Some("c".into()),
                buy_price: money("1"),
                sell_price: money("2"),
                min_margin_threshold: money("3"),
                expiry_date: Some(time("2026-12-01")),
                updated_at: Some(time("2026-06-01")),
                ..stock(&product, 1)
            },
            1 => InventoryRecord { buy_price: money("5"), updated_at: Some(time("1950-06-01")), ..stock(&product, 10) },
            2 => InventoryRecord {
                sell_price: money("7"),
                updated_at: Some(time("2026-06-01")),
                ..stock(&product, -100)
            },
            _ => InventoryRecord { category: Some("of January, by Kafka's clock".into()), ..stock(&product, 1_000) },
        })
    })
    .await;
    let all = store.snapshot().await.unwrap();
    assert_eq!((all.products.len(), all.inventory.len()), (24, 24));
    let wanted = ProductRecord { sell_price: money("7"), ..ProductRecord::default() };
    for (product, batch) in all.products.iter().zip(&all.inventory) {
        assert_eq!((&product.record, &batch.record), (&Some(wanted.clone()), &wanted));
        assert_eq!((batch.quantity, batch.expiry_date, batch.movement), (-100, None, time("2026-06-01")));
        assert_eq!((product.stock_sum, product.stock_count), (911, 4), "the mean is over all of them");
    }
}

async fn of_records_of_one_time_the_later_offset_wins(env: &impl TestEnv) {
    let store = env.worker().await;
    let record = |phone: &str| {
        let updated_at = Some(time("2026-06-01"));
        Body::Client(ClientRecord { phone: Some(phone.to_owned().into()), updated_at, ..client("ann") })
    };
    let phone = async || store.snapshot().await.unwrap().clients[0].record.phone.clone().unwrap();
    flush(&*store, CLIENTS, vec![record("1"), record("2")]).await;
    assert_eq!(phone().await, "2");
    flush(&*store, CLIENTS, vec![record("3")]).await;
    assert_eq!(phone().await, "3");
    // Whatever its offset, what came after the topic was made anew is later.
    recreate(&*store, CLIENTS).await;
    flush(&*store, CLIENTS, vec![record("4")]).await;
    assert_eq!(phone().await, "4");
}

async fn batches_of_a_product_have_records_of_their_own(env: &impl TestEnv) {
    let store = env.worker().await;
    let of = |batch: Option<&str>, quantity| {
        Body::Stock(InventoryRecord { batch_no: batch.map(id), ..stock("tea", quantity) })
    };
    flush(&*store, STOCK, vec![of(None, 1), of(Some("b"), 2), of(Some("a"), 3), of(Some("null"), 4)]).await;
    flush(&*store, STOCK, vec![of(Some("b"), 20), of(None, 10)]).await;
    let all = store.snapshot().await.unwrap();
    let batches: Vec<_> = all.inventory.iter().map(|b| (b.batch_number.as_deref(), b.quantity)).collect();
    assert_eq!(batches, [(None, 10), (Some("a"), 3), (Some("b"), 20), (Some("null"), 4)]);
    assert_eq!((all.products[0].stock_sum, all.products[0].stock_count), (40, 6));
}

both!(
    the_latest_record_of_a_client_wins_in_any_order,
    the_latest_record_of_a_batch_wins_in_any_order,
    of_records_of_one_time_the_later_offset_wins,
    batches_of_a_product_have_records_of_their_own,
);
