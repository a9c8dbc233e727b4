//! Which sales of an invoice count, where duplicates do not.

use stockstream_model::{Timestamp, documents::PartitionId, settings::HumanDuration};
use stockstream_protocol::{
    claim::ClaimedRange,
    dedup::{DedupCandidate, DedupWindow},
};
use stockstream_store::StateStore;

use super::{
    events::{MORE_SALES, SALES},
    test_env::TestEnv,
};

const HOUR: i64 = 3_600_000;

fn hours(hours: i64) -> Timestamp {
    Timestamp::from_millis(hours * HOUR)
}

/// A claimed range of a partition.
#[derive(Clone, Copy)]
struct Claimed(PartitionId, ClaimedRange);

fn claim(id: PartitionId, forgotten: Option<i64>) -> Claimed {
    let forgotten = forgotten.map(hours);
    Claimed(id, ClaimedRange { incarnation: 0, start: 0, end: 1_000, epoch: None, forgotten })
}

/// A sale of a claim by which duplicates lie an hour apart at most.
fn asking(Claimed(id, range): &Claimed, invoice: &str, offset: i64, at: i64) -> DedupCandidate {
    let (within, claimed_at) = (HumanDuration::from_millis(HOUR as u64), hours(1_000));
    let rule = DedupWindow { within, forgotten: range.forgotten, claimed_at };
    DedupCandidate::new(invoice.into(), id.partition, range, rule, (offset, Some(hours(at))))
}

async fn the_first_of_an_invoice_counts_and_again_when_asked_again(env: &impl TestEnv) {
    let (a, b) = (env.worker().await, env.worker().await);
    let (one, other) = (claim(SALES, None), claim(MORE_SALES, None));
    let first = [asking(&one, "a", 0, 50), asking(&one, "b", 1, 50), asking(&one, "a", 2, 51)];
    let second = [asking(&other, "b", 1, 51), asking(&other, "c", 2, 51), asking(&other, "a", 3, 52)];
    assert_eq!(a.deduplicate(&[]).await.unwrap(), [false; 0]);
    for _ in 0..2 {
        assert_eq!(a.deduplicate(&first).await.unwrap(), [true, true, false]);
        assert_eq!(b.deduplicate(&second).await.unwrap(), [false, true, true], "two hours later is another sale");
        assert_eq!(b.deduplicate(&first).await.unwrap(), [true, true, false], "whoever asks");
    }
}

async fn another_incarnation_is_another_sale(env: &impl TestEnv) {
    let store = env.worker().await;
    let old = claim(SALES, None);
    let new = Claimed(old.0, ClaimedRange { incarnation: 1, ..old.1 });
    assert_eq!(store.deduplicate(&[asking(&old, "a", 0, 50)]).await.unwrap(), [true]);
    assert_eq!(store.deduplicate(&[asking(&new, "a", 0, 50)]).await.unwrap(), [false]);
}

async fn ids_are_told_apart_byte_by_byte(env: &impl TestEnv) {
    let store = env.worker().await;
    let claim = claim(SALES, None);
    let long = "x".repeat(511);
    let ids = ["a", "A", "a ", "$a", "a.b", "$where", "é", "e\u{301}", "1", "01", &long, &format!("{long}y")];
    let ask: Vec<DedupCandidate> = (0..).zip(ids).map(|(offset, id)| asking(&claim, id, offset, 50)).collect();
    assert_eq!(store.deduplicate(&ask).await.unwrap(), vec![true; ids.len()]);
    let again: Vec<DedupCandidate> = (100..).zip(ids).map(|(offset, id)| asking(&claim, id, offset, 50)).collect();
    assert_eq!(store.deduplicate(&again).await.unwrap(), vec![false; ids.len()]);
}

async fn of_two_workers_with_the_same_invoices_each_is_taken_by_one(env: &impl TestEnv) {
    let (a, b) = (env.worker().await, env.worker().await);
    let claims = [claim(SALES, None), claim(MORE_SALES, None)];
    // Far from the first, so that documents that stand must grow as well.
    for at in [50, 60, 70] {
        let ask = |claim: &Claimed| -> Vec<DedupCandidate> {
            (0..40).map(|n| asking(claim, &format!("invoice {}", n % 30), 100 * at + n, at)).collect()
        };
        let (of_a, of_b) = (ask(&claims[0]), ask(&claims[1]));
        let (by_a, by_b) = tokio::join!(a.deduplicate(&of_a), b.deduplicate(&of_b));
        let (by_a, by_b) = (by_a.unwrap(), by_b.unwrap());
        for n in 0..30 {
            let counts = [by_a.get(n), by_a.get(n + 30), by_b.get(n), by_b.get(n + 30)];
            let count = counts.into_iter().flatten().filter(|counts| **counts).count();
            assert_eq!(count, 1, "invoice {n} at {at}: {counts:?}");
        }
        assert_eq!(b.deduplicate(&of_a).await.unwrap(), by_a, "and stays taken by that one");
        assert_eq!(a.deduplicate(&of_b).await.unwrap(), by_b);
    }
}

async fn what_is_old_is_forgotten_so_many_at_once(env: &impl TestEnv) {
    let store = env.worker().await;
    let one = claim(SALES, None);
    let taken = [
        asking(&one, "a", 0, 50),
        asking(&one, "b", 1, 50),
        asking(&one, "c", 2, 50),
        asking(&one, "a", 3, 60),
        asking(&one, "d", 4, 55),
    ];
    assert_eq!(store.deduplicate(&taken).await.unwrap(), [true; 5]);
    assert_eq!(store.expire_invoices(hours(50), 10).await.unwrap(), 0);
    assert_eq!(store.expire_invoices(hours(51), 1).await.unwrap(), 1);
    assert_eq!(store.expire_invoices(hours(51), 10).await.unwrap(), 1, "a was sold again later");
    assert_eq!(store.expire_invoices(hours(51), 10).await.unwrap(), 0);
    let copies =
        [asking(&one, "a", 10, 50), asking(&one, "b", 11, 50), asking(&one, "c", 12, 50), asking(&one, "d", 13, 55)];
    assert_eq!(store.deduplicate(&copies).await.unwrap(), [false, true, true, false]);
}

both!(
    the_first_of_an_invoice_counts_and_again_when_asked_again,
    another_incarnation_is_another_sale,
    ids_are_told_apart_byte_by_byte,
    of_two_workers_with_the_same_invoices_each_is_taken_by_one,
    what_is_old_is_forgotten_so_many_at_once,
);
