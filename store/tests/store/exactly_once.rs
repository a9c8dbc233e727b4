//! Each range once, whoever applies it and how often.

use stockstream_model::documents::{Checkpoint, PartitionId};
use stockstream_store::{Batch, StateStore, StoreError, inspect::Inspect};

use super::{
    bed::Bed,
    events::{Body, MORE_SALES, SALES, STOCK, bought, stock},
    flow::{apply, batch, claim, claim_all, complete, flush, next_of, position, positions, range, try_complete},
};

fn sales(count: usize) -> Vec<Body> {
    (0..count).map(|n| bought(&format!("c{:02}", n % 20), "2026-03-01", "1")).collect()
}

async fn what_clients_bought(store: &impl Inspect) -> Vec<(String, i64)> {
    store.snapshot().await.unwrap().clients.into_iter().map(|client| (client.client_id, client.invoices)).collect()
}

/// Every client with that many invoices.
fn each(invoices: i64) -> Vec<(String, i64)> {
    (0..20).map(|n| (format!("c{n:02}"), invoices)).collect()
}

async fn a_range_that_was_applied_is_told_so_everywhere(bed: &impl Bed) {
    let (store, other) = (bed.worker().await, bed.worker().await);
    let claims =
        [claim(&*store, SALES, 40).await, claim(&*store, STOCK, 1).await, claim(&*store, MORE_SALES, 20).await];
    let bodies = [sales(40), vec![Body::Stock(stock("of ", 5))], sales(20)];
    let batch: Batch = claims.iter().zip(bodies).map(|(claim, bodies)| (claim.id, range(claim, bodies))).collect();
    let report = store.apply(&batch, &claims).await.unwrap();
    // Sales: 20 clients, a product, a day, twice. Stock: a product and a batch.
    assert_eq!((report.changed, report.already), (46, 0));
    let once = store.snapshot().await.unwrap();
    for worker in [&store, &other] {
        let report = worker.apply(&batch, &claims).await.unwrap();
        assert_eq!((report.changed, report.already, report.lost.as_slice()), (0, 46, [].as_slice()));
    }
    for claim in &claims {
        complete(&*other, claim).await;
    }
    let report = store.apply(&batch, &claims).await.unwrap();
    assert_eq!((report.changed, report.already), (0, 46), "a void claim finds its own marks too");
    assert_eq!(store.snapshot().await.unwrap(), once);
}

async fn a_range_applied_in_part_is_finished_by_another(bed: &impl Bed) {
    let (store, other) = (bed.worker().await, bed.worker().await);
    flush(&*store, SALES, sales(20)).await;
    let claimed = claim(&*store, SALES, 60).await;
    let whole = range(&claimed, sales(40));
    let mut part = whole.clone();
    part.clients.retain(|client, _| client.ends_with('1') || client.ends_with('3'));
    part.daily.clear();
    store.apply(&Batch::from([(SALES, part)]), std::slice::from_ref(&claimed)).await.unwrap();
    let found = position(&*other, SALES).await;
    assert_eq!(found, claimed, "what another finds is the claim");
    let report = other.apply(&Batch::from([(SALES, whole)]), &[found]).await.unwrap();
    assert_eq!((report.changed, report.already), (17, 5));
    complete(&*other, &claimed).await;
    assert_eq!(what_clients_bought(&*store).await, each(3));
    let day = store.snapshot().await.unwrap().daily[0].1;
    assert_eq!((day.invoices, day.revenue.to_string().as_str()), (60, "60"));
}

async fn a_key_that_has_some_of_the_ranges_takes_the_others(bed: &impl Bed) {
    let store = bed.worker().await;
    let partitions = [0, 1, 2, 3].map(|partition| PartitionId { partition, ..SALES });
    let claims = claim_all(&*store, &positions(&*store, &partitions).await, &[20; 4]).await;
    for known in [1, 3] {
        apply(&*store, &claims[known], sales(20)).await;
    }
    let whole: Batch = claims.iter().map(|claim| (claim.id, range(claim, sales(20)))).collect();
    let report = store.apply(&whole, &claims).await.unwrap();
    assert_eq!((report.changed, report.already), (44, 44));
    assert_eq!(what_clients_bought(&*store).await, each(4));
    assert_eq!(store.snapshot().await.unwrap().daily[0].1.invoices, 80);
}

async fn a_worker_whose_claim_is_void_loses_its_batch(bed: &impl Bed) {
    let (zombie, heir) = (bed.worker().await, bed.worker().await);
    let claimed = claim(&*zombie, SALES, 40).await;
    let stale = batch(&claimed, sales(40));
    apply(&*heir, &position(&*heir, SALES).await, sales(40)).await;
    complete(&*heir, &claimed).await;
    flush(&*heir, SALES, sales(20)).await;
    let before = heir.snapshot().await.unwrap();
    let report = zombie.apply(&stale, std::slice::from_ref(&claimed)).await.unwrap();
    assert_eq!((report.lost, report.changed), (vec![SALES], 0));
    assert!(!try_complete(&*zombie, &claimed).await);
    assert_eq!(heir.snapshot().await.unwrap(), before);
    // The heir is in the middle of its next range, of which the zombie's keys hold nothing yet.
    let next = claim(&*heir, SALES, 80).await;
    let report = zombie.apply(&stale, &[claimed]).await.unwrap();
    assert_eq!((report.lost, report.changed), (vec![SALES], 0));
    apply(&*heir, &next, sales(20)).await;
    complete(&*heir, &next).await;
    assert_eq!(what_clients_bought(&*heir).await, each(4));
}

async fn a_lost_partition_takes_nothing_from_the_others(bed: &impl Bed) {
    let (zombie, heir) = (bed.worker().await, bed.worker().await);
    let claims = [claim(&*zombie, SALES, 20).await, claim(&*zombie, MORE_SALES, 20).await];
    let mut bad = sales(20);
    bad[7] = Body::Bad("no event".into());
    let stale: Batch = claims.iter().map(|claim| (claim.id, range(claim, bad.clone()))).collect();
    apply(&*heir, &claims[0], bad.clone()).await;
    complete(&*heir, &claims[0]).await;
    flush(&*heir, SALES, sales(20)).await;
    let report = zombie.apply(&stale, &claims).await.unwrap();
    assert_eq!(report.lost, [SALES]);
    complete(&*zombie, &claims[1]).await;
    let mut wanted = each(3);
    wanted[7].1 = 1;
    assert_eq!(what_clients_bought(&*heir).await, wanted);
    let all = heir.snapshot().await.unwrap();
    assert_eq!((all.daily[0].1.invoices, all.products[0].units, all.rejected.len()), (58, 58, 2));
}

async fn a_mark_beyond_a_claim_that_stands_stops_the_partition(bed: &impl Bed) {
    let store = bed.worker().await;
    flush(&*store, SALES, sales(40)).await;
    let before = store.snapshot().await.unwrap();
    // Somebody set the position back by hand.
    let back = Checkpoint { next: 10, pending: Some(20), ..next_of(&position(&*store, SALES).await) };
    assert_eq!(store.swap_checkpoints(std::slice::from_ref(&back)).await.unwrap(), [true]);
    let broken = store.apply(&batch(&back, sales(10)), std::slice::from_ref(&back)).await.unwrap_err();
    let text = broken.to_string();
    assert!(matches!(broken, StoreError::Invariant { .. }) && !broken.is_transient(), "{text}");
    assert!(["s0 = 40", "[10, 20)"].iter().all(|part| text.contains(part)), "{text}");
    assert_eq!(store.snapshot().await.unwrap(), before);
}

async fn a_topic_made_anew_counts_from_its_beginning(bed: &impl Bed) {
    let store = bed.worker().await;
    flush(&*store, SALES, sales(40)).await;
    let standing = position(&*store, SALES).await;
    let anew = Checkpoint { incarnation: standing.incarnation + 1, next: 0, ..next_of(&standing) };
    assert_eq!(store.swap_checkpoints(&[anew]).await.unwrap(), [true]);
    let claimed = claim(&*store, SALES, 20).await;
    for (changed, already) in [(22, 0), (0, 22)] {
        let report = apply(&*store, &claimed, sales(20)).await;
        assert_eq!((report.changed, report.already), (changed, already));
    }
    complete(&*store, &claimed).await;
    assert_eq!(what_clients_bought(&*store).await, each(3), "old totals stay");
}

async fn partitions_and_streams_do_not_share_marks(bed: &impl Bed) {
    let store = bed.worker().await;
    for partition in [1, 10, 11, 101] {
        flush(&*store, PartitionId { partition, ..SALES }, sales(20)).await;
        flush(&*store, PartitionId { partition, ..STOCK }, vec![Body::Stock(stock("of ", 1)); 20]).await;
    }
    assert_eq!(what_clients_bought(&*store).await, each(4));
    let product = &store.snapshot().await.unwrap().products[0];
    assert_eq!((product.units, product.stock_count), (80, 80));
}

both!(
    a_range_that_was_applied_is_told_so_everywhere,
    a_range_applied_in_part_is_finished_by_another,
    a_key_that_has_some_of_the_ranges_takes_the_others,
    a_worker_whose_claim_is_void_loses_its_batch,
    a_lost_partition_takes_nothing_from_the_others,
    a_mark_beyond_a_claim_that_stands_stops_the_partition,
    a_topic_made_anew_counts_from_its_beginning,
    partitions_and_streams_do_not_share_marks,
);
