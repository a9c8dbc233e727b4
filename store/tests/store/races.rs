//! Workers that write the same documents at the same time.

use std::sync::Arc;

use futures_util::future::join_all;
use stockstream_model::{
    documents::PartitionId,
    event::{ClientRecord, InventoryRecord, Sale},
};
use stockstream_store::{StateStore, inspect::Inspect};

use super::{
    events::{Body, CLIENTS, SALES, STOCK, client, id, line, money, sale, stock},
    flow::{changes, claim_all, complete, flush_all, guard},
    test_env::TestEnv,
};

const KEYS: i64 = 30;
const WORKERS: usize = 4;

/// An event for each of the keys, by way of every kind of document.
fn bodies(stream: PartitionId, keys: std::ops::Range<i64>) -> Vec<Body> {
    let event = |key: i64| {
        let name = format!("k{key:03}");
        match stream {
            STOCK => Body::Stock(InventoryRecord { buy_price: money("1"), ..stock(&name, 3) }),
            CLIENTS => Body::Client(ClientRecord { name: Some("n".into()), ..client(&name) }),
            _ => Body::Sale(Sale { client_id: Some(id(&name)), ..sale("2026-03-01", vec![line(&name, 2, "1.5")]) }),
        }
    };
    keys.map(event).collect()
}

async fn workers<B: TestEnv>(env: &B) -> Vec<Arc<B::Store>> {
    let mut stores = Vec::new();
    for _ in 0..WORKERS {
        stores.push(env.worker().await);
    }
    stores
}

fn partition(of: PartitionId, partition: usize) -> PartitionId {
    PartitionId { partition: partition as i32, ..of }
}

async fn workers_with_partitions_of_their_own_share_all_keys(env: &impl TestEnv) {
    let stores = workers(env).await;
    let rounds = 6;
    let work = stores.iter().enumerate().map(|(index, store)| async move {
        for round in 0..rounds {
            // Half of the keys are new in each round: who is first inserts them.
            let keys = round * KEYS / 2..round * KEYS / 2 + KEYS;
            let parts = [SALES, STOCK, CLIENTS].map(|of| (partition(of, index), bodies(of, keys.clone())));
            flush_all(&**store, parts.into()).await;
        }
    });
    join_all(work).await;
    let all = stores[0].snapshot().await.unwrap();
    assert_eq!(all.products.len() as i64, KEYS / 2 * (rounds + 1));
    for (index, (product, client)) in all.products.iter().zip(&all.clients).enumerate() {
        let edge = (index as i64) < KEYS / 2 || index as i64 >= KEYS / 2 * rounds;
        let times = WORKERS as i64 * if edge { 1 } else { 2 };
        assert_eq!((product.units, product.revenue.units()), (2 * times, 30_000 * times), "{}", product.product_id);
        assert_eq!((product.stock_sum, product.stock_count, client.invoices), (3 * times, times, times));
        assert_eq!(product.days.values().map(|day| day.invoices).sum::<i64>(), times);
    }
    let day = &all.daily[0].1;
    let invoices = WORKERS as i64 * rounds * KEYS;
    assert_eq!((day.invoices, day.units, day.revenue.units()), (invoices, 2 * invoices, 30_000 * invoices));
    assert!(all.inventory.iter().all(|batch| batch.version.partition == WORKERS as i32 - 1));
}

async fn workers_with_the_same_claim_apply_it_once(env: &impl TestEnv) {
    let stores = workers(env).await;
    let rounds = 5;
    for round in 0..rounds {
        let ends: Vec<_> = (0..3).map(|index| (partition(SALES, index), (round + 1) * KEYS)).collect();
        let claim = &claim_all(&*stores[0], &ends).await;
        let parts = ends.iter().map(|(id, _)| (*id, bodies(SALES, round..round + KEYS))).collect();
        let changes = &changes(claim, parts);
        let work = stores.iter().map(|store| async move { store.apply(changes, &guard(claim)).await.unwrap() });
        let reports = join_all(work).await;
        assert!(reports.iter().all(|report| !report.superseded), "{reports:?}");
        let changed: u64 = reports.iter().map(|report| report.changed).sum();
        assert_eq!(changed, 2 * KEYS as u64 + 1, "{reports:?}");
        complete(&*stores[0], claim).await;
    }
    let all = stores[0].snapshot().await.unwrap();
    let units: i64 = all.products.iter().map(|product| product.units).sum();
    let invoices: i64 = all.clients.iter().map(|client| client.invoices).sum();
    assert_eq!((units, invoices, all.daily[0].1.invoices), (6 * KEYS * rounds, 3 * KEYS * rounds, 3 * KEYS * rounds));
}

async fn what_one_applied_in_part_others_finish_together(env: &impl TestEnv) {
    let stores = workers(env).await;
    flush_all(&*stores[0], vec![(SALES, bodies(SALES, 0..KEYS))]).await;
    for third in 0..3 {
        let next = KEYS * (third + 1);
        let claim = &claim_all(&*stores[0], &[(SALES, next + KEYS)]).await;
        let whole = &changes(claim, vec![(SALES, bodies(SALES, 0..KEYS))]);
        let mut part = whole.clone();
        part.products.retain(|key, _| key.as_bytes()[3] % 3 == third as u8);
        part.clients.retain(|key, _| key.as_bytes()[3] % 3 != third as u8);
        let first = stores[0].apply(&part, &guard(claim)).await.unwrap();
        let work = stores.iter().map(|store| async move { store.apply(whole, &guard(claim)).await.unwrap() });
        let changed: u64 = join_all(work).await.iter().map(|report| report.changed).sum();
        // Of a statement that some keys refused it is only known how many.
        assert_eq!(first.changed + changed, 2 * KEYS as u64 + 1);
        complete(&*stores[0], claim).await;
    }
    let all = stores[0].snapshot().await.unwrap();
    assert!(all.products.iter().all(|product| product.units == 8), "{:?}", all.products);
    assert!(all.clients.iter().all(|client| client.invoices == 4), "{:?}", all.clients);
}

both!(
    workers_with_partitions_of_their_own_share_all_keys,
    workers_with_the_same_claim_apply_it_once,
    what_one_applied_in_part_others_finish_together,
);
