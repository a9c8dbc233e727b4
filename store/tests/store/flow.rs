//! The protocol of a worker: claim, apply, complete.

use std::{
    slice::from_ref,
    sync::atomic::{AtomicU64, Ordering},
};

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, PartitionId},
};
use stockstream_store::{ApplyReport, Batch, Range, StateStore};

use super::{
    events::Body,
    fold::{Record, fold},
};

/// A text that nobody wrote yet.
pub fn writer() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("writer {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What is to be written after that checkpoint, by a writer of its own.
pub fn next_of(standing: &Checkpoint) -> Checkpoint {
    Checkpoint { version: standing.version + 1, writer: writer(), ..standing.clone() }
}

/// The partitions' checkpoints, in that order, made at their beginning where there is none.
pub async fn positions(store: &impl StateStore, ids: &[PartitionId]) -> Vec<Checkpoint> {
    let new: Vec<_> = ids.iter().map(|id| Checkpoint::new(*id, 0, None)).collect();
    store.create_checkpoints(&new).await.unwrap();
    let standing = store.checkpoints().await.unwrap();
    ids.iter().map(|id| standing.iter().find(|checkpoint| checkpoint.id == *id).unwrap().clone()).collect()
}

/// The partition's checkpoint.
pub async fn position(store: &impl StateStore, id: PartitionId) -> Checkpoint {
    positions(store, &[id]).await.swap_remove(0)
}

/// Claims the events behind these positions up to these offsets.
pub async fn claim_all(store: &impl StateStore, standing: &[Checkpoint], ends: &[i64]) -> Vec<Checkpoint> {
    let claim = |(standing, end): (&Checkpoint, &i64)| {
        assert_eq!(standing.pending, None, "{} is claimed already", standing.id);
        Checkpoint { pending: Some(*end), ..next_of(standing) }
    };
    let claims: Vec<_> = standing.iter().zip(ends).map(claim).collect();
    assert_eq!(store.swap_checkpoints(&claims).await.unwrap(), vec![true; claims.len()]);
    claims
}

/// Claims the partition's events up to an offset.
pub async fn claim(store: &impl StateStore, id: PartitionId, end: i64) -> Checkpoint {
    claim_all(store, &[position(store, id).await], &[end]).await.swap_remove(0)
}

/// Moves the partitions behind their claims.
pub async fn complete_all(store: &impl StateStore, claims: &[Checkpoint]) {
    let done: Vec<_> = claims.iter().map(done).collect();
    assert_eq!(store.swap_checkpoints(&done).await.unwrap(), vec![true; done.len()], "a claim is void");
}

/// Moves the partition behind its claim.
pub async fn complete(store: &impl StateStore, claim: &Checkpoint) {
    complete_all(store, from_ref(claim)).await;
}

/// Moves the partition behind its claim if it still stands.
pub async fn try_complete(store: &impl StateStore, claim: &Checkpoint) -> bool {
    store.swap_checkpoints(&[done(claim)]).await.unwrap()[0]
}

fn done(claim: &Checkpoint) -> Checkpoint {
    Checkpoint { next: claim.pending.unwrap(), pending: None, ..next_of(claim) }
}

/// Events at the offsets from `first` on, each produced a second after the one before.
pub fn records(first: i64, bodies: Vec<Body>) -> Vec<Record> {
    let at = |offset| Timestamp::from_millis(1_767_225_600_000 + offset * 1_000); // 2026-01-01
    (first..).zip(bodies).map(|(offset, body)| Record { offset, produced_at: at(offset), body }).collect()
}

/// The claimed range, folded; its events are at its first offsets.
pub fn range(claim: &Checkpoint, bodies: Vec<Body>) -> Range {
    fold(claim, &records(claim.next, bodies))
}

/// A batch of one range.
pub fn batch(claim: &Checkpoint, bodies: Vec<Body>) -> Batch {
    Batch::from([(claim.id, range(claim, bodies))])
}

/// Applies a batch of one range.
pub async fn apply(store: &impl StateStore, claim: &Checkpoint, bodies: Vec<Body>) -> ApplyReport {
    store.apply(&batch(claim, bodies), from_ref(claim)).await.unwrap()
}

/// Claims, applies and completes events of some partitions in one batch.
pub async fn flush_all(store: &impl StateStore, parts: Vec<(PartitionId, Vec<Body>)>) -> ApplyReport {
    let (ids, bodies): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let standing = positions(store, &ids).await;
    let ends: Vec<_> = standing.iter().zip(&bodies).map(|(at, bodies)| at.next + bodies.len() as i64).collect();
    let claims = claim_all(store, &standing, &ends).await;
    let batch = claims.iter().zip(bodies).map(|(claim, bodies)| (claim.id, range(claim, bodies))).collect();
    let report = store.apply(&batch, &claims).await.unwrap();
    assert_eq!(report.lost, []);
    complete_all(store, &claims).await;
    report
}

/// Claims, applies and completes events of one partition.
pub async fn flush(store: &impl StateStore, id: PartitionId, bodies: Vec<Body>) -> ApplyReport {
    flush_all(store, vec![(id, bodies)]).await
}
