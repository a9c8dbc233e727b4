//! Workers that write the same documents at the same time.

use std::sync::Arc;

use futures_util::future::join_all;
use stockstream_model::{
    documents::PartitionId,
    event::{ClientRecord, InventoryRecord, Sale},
};
use stockstream_store::{Batch, StateStore, inspect::Inspect};

use super::{
    bed::Bed,
    events::{Body, CLIENTS, SALES, STOCK, client, id, line, money, sale, stock},
    flow::{claim_all, complete_all, flush_all, positions, range},
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

async fn workers<B: Bed>(bed: &B) -> Vec<Arc<B::Store>> {
    let mut stores = Vec::new();
    for _ in 0..WORKERS {
        stores.push(bed.worker().await);
    }
    stores
}

fn partition(of: PartitionId, partition: usize) -> PartitionId {
    PartitionId { partition: partition as i32, ..of }
}

async fn workers_with_partitions_of_their_own_share_all_keys(bed: &impl Bed) {
    let stores = workers(bed).await;
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

async fn workers_with_the_same_claims_apply_them_once(bed: &impl Bed) {
    let stores = workers(bed).await;
    let rounds = 5;
    for round in 0..rounds {
        let standing = positions(&*stores[0], &[0, 1, 2].map(|index| partition(SALES, index))).await;
        let claims = claim_all(&*stores[0], &standing, &[(round + 1) * KEYS; 3]).await;
        // Each worker has all claims in a batch, or two of them, or one.
        let work = stores.iter().enumerate().map(|(index, store)| {
            let mine = if index == 0 { &claims[..] } else { &claims[index - 1..(index + 1).min(3)] };
            let batch: Batch =
                mine.iter().map(|claim| (claim.id, range(claim, bodies(SALES, round..round + KEYS)))).collect();
            async move { store.apply(&batch, mine).await.unwrap() }
        });
        let reports = join_all(work).await;
        assert!(reports.iter().all(|report| report.lost.is_empty()), "{reports:?}");
        let changed: u64 = reports.iter().map(|report| report.changed).sum();
        assert_eq!(changed, 3 * (2 * KEYS as u64 + 1), "{reports:?}");
        complete_all(&*stores[0], &claims).await;
    }
    let all = stores[0].snapshot().await.unwrap();
    let units: i64 = all.products.iter().map(|product| product.units).sum();
    let invoices: i64 = all.clients.iter().map(|client| client.invoices).sum();
    assert_eq!((units, invoices, all.daily[0].1.invoices), (6 * KEYS * rounds, 3 * KEYS * rounds, 3 * KEYS * rounds));
}

async fn keys_of_different_partitions_change_together_and_once(bed: &impl Bed) {
    let store = bed.worker().await;
    let ids = [0, 1, 2].map(|index| partition(SALES, index));
    flush_all(&*store, vec![(ids[0], bodies(SALES, 0..KEYS))]).await;
    let mut units = vec![2; KEYS as usize];
    // Of each partition some keys, in the second round those that had none of it before.
    for second in [false, true] {
        let has = |index: usize, key: i64| (key % (index as i64 + 1) == 0) != second;
        let standing = positions(&*store, &ids).await;
        let ends: Vec<i64> = standing.iter().map(|at| at.next + KEYS).collect();
        let claims = claim_all(&*store, &standing, &ends).await;
        let (mut batch, mut changes) = (Batch::new(), 0);
        for (index, claim) in claims.iter().enumerate() {
            let keys: Vec<i64> = (0..KEYS).filter(|key| has(index, *key)).collect();
            keys.iter().for_each(|key| units[*key as usize] += 2);
            changes += 2 * keys.len() as u64 + u64::from(!keys.is_empty());
            let sold = keys.iter().flat_map(|key| bodies(SALES, *key..key + 1)).collect();
            batch.insert(claim.id, range(claim, sold));
        }
        // A partition alone, as by a worker that dies then; all of them; all of them again.
        let first = store.apply(&[(ids[1], batch[&ids[1]].clone())].into(), &claims[1..2]).await.unwrap();
        let rest = store.apply(&batch, &claims).await.unwrap();
        let again = store.apply(&batch, &claims).await.unwrap();
        // Of a statement that some keys refused it is only known how many.
        assert_eq!((first.already, rest.changed + rest.already), (0, changes));
        assert_eq!((again.changed, again.already), (0, changes));
        complete_all(&*store, &claims).await;
    }
    let all = store.snapshot().await.unwrap();
    assert_eq!(all.products.iter().map(|product| product.units).collect::<Vec<_>>(), units);
    let invoices: Vec<i64> = all.clients.iter().map(|client| 2 * client.invoices).collect();
    assert_eq!(invoices, units);
}

both!(
    workers_with_partitions_of_their_own_share_all_keys,
    workers_with_the_same_claims_apply_them_once,
    keys_of_different_partitions_change_together_and_once
);
