//! The protocol of a worker: claim, apply, complete.

use std::collections::BTreeMap;

use stockstream_model::{Timestamp, documents::PartitionId};
use stockstream_protocol::{
    claim::{Claim, ClaimRequest},
    positions::{ClaimRules, Counters, Position, Positions},
    update::Update,
};
use stockstream_store::{ApplyReport, Changes, Guard, StateStore};

use super::{
    events::Body,
    fold::{Record, fold},
};

/// Who claims.
const HOLDER: &str = "a worker";

/// Events of some partitions.
pub type Parts = Vec<(PartitionId, Vec<Body>)>;

/// The positions, with one for each of these partitions.
pub async fn positions(store: &impl StateStore, ids: &[PartitionId]) -> Positions {
    store.create_positions(&Positions::default()).await.unwrap();
    for id in ids {
        let update = Update::AddPartition { id: *id, position: Position::default() };
        store.update_positions(&update).await.unwrap();
    }
    store.load_positions().await.unwrap().unwrap()
}

/// The position of a partition.
pub async fn position(store: &impl StateStore, id: PartitionId) -> Position {
    positions(store, &[id]).await.partitions[&id].clone()
}

/// Claims the events of these partitions up to these offsets, with the first lane in which no claim is open. Where somebody else
/// takes the lane or claims in it, it is tried again.
pub async fn claim_all(store: &impl StateStore, ends: &[(PartitionId, i64)]) -> Claim {
    let ids: Vec<_> = ends.iter().map(|(id, _)| *id).collect();
    loop {
        let standing = positions(store, &ids).await;
        let lane = (0..).find(|lane| standing.lanes.get(lane).is_none_or(|lane| !lane.open)).unwrap();
        let expected = standing.lanes.get(&lane).and_then(|lane| lane.holder.clone());
        let update = Update::AcquireLane { lane, expected, holder: HOLDER.into() };
        store.update_positions(&update).await.unwrap();
        let standing = positions(store, &[]).await;
        let read = ends.iter().map(|(id, end)| (*id, (*end, None))).collect();
        let request = ClaimRequest::of_batch(&standing, lane, HOLDER, (ClaimRules::default(), 1), &read);
        if let Some(request) = request
            && store.update_positions(&Update::Claim(request.clone())).await.unwrap()
        {
            return request.claim;
        }
        assert!(ids.iter().all(|id| standing.partitions[id].pending.is_none()), "claimed already: {standing:?}");
    }
}

/// Claims the partition's events up to an offset.
pub async fn claim(store: &impl StateStore, id: PartitionId, end: i64) -> Claim {
    claim_all(store, &[(id, end)]).await
}

/// Completes a claim.
pub async fn complete(store: &impl StateStore, claim: &Claim) {
    assert!(try_complete(store, claim).await, "the claim is complete already");
}

/// Completes a claim if it is still open.
pub async fn try_complete(store: &impl StateStore, claim: &Claim) -> bool {
    let completion = claim.completion(1, |_| <(Counters, Option<Timestamp>)>::default());
    store.update_positions(&Update::Complete(completion)).await.unwrap()
}

/// Begins a partition again, as of another log.
pub async fn recreate(store: &impl StateStore, id: PartitionId) {
    let standing = position(store, id).await;
    let anew = Position { incarnation: standing.incarnation + 1, next: 0, ..standing.clone() };
    let (expected, position) = (Box::new(standing), Box::new(anew));
    assert!(store.update_positions(&Update::Move { id, expected, position, ids: <_>::default() }).await.unwrap());
}

/// What guards the changes of a claim.
pub fn guard(claim: &Claim) -> Guard {
    Guard::of_claim(claim.lane, claim.seq)
}

/// Events at the offsets from `first` on, each produced a second after the one before.
pub fn records(first: i64, bodies: Vec<Body>) -> Vec<Record> {
    let at = |offset| Timestamp::from_millis(1_767_225_600_000 + offset * 1_000); // 2026-01-01
    (first..).zip(bodies).map(|(offset, body)| Record { offset, produced_at: at(offset), body }).collect()
}

/// What the events of a claim change; they are at the first offsets of its ranges.
pub fn changes(claim: &Claim, parts: Parts) -> Changes {
    let mut all = Changes::default();
    for (id, bodies) in parts {
        let range = &claim.partitions[&id];
        all.merge(fold(id, range, &records(range.start, bodies)));
    }
    all
}

/// What the events of a claim of one partition change.
pub fn changes_of(claim: &Claim, bodies: Vec<Body>) -> Changes {
    let id = *claim.partitions.keys().next().unwrap();
    changes(claim, vec![(id, bodies)])
}

/// Applies events of a claim of one partition.
pub async fn apply(store: &impl StateStore, claim: &Claim, bodies: Vec<Body>) -> ApplyReport {
    store.apply(&changes_of(claim, bodies), &guard(claim)).await.unwrap()
}

/// Claims, applies and completes events of some partitions in one batch.
pub async fn flush_all(store: &impl StateStore, parts: Parts) -> ApplyReport {
    let ids: Vec<_> = parts.iter().map(|(id, _)| *id).collect();
    let standing = positions(store, &ids).await;
    let counts: BTreeMap<_, _> = parts.iter().map(|(id, bodies)| (*id, bodies.len() as i64)).collect();
    let ends: Vec<_> = counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(id, count)| (*id, standing.partitions[id].next + count))
        .collect();
    if ends.is_empty() {
        return ApplyReport::default();
    }
    let claim = claim_all(store, &ends).await;
    let parts = parts.into_iter().filter(|(id, _)| claim.partitions.contains_key(id)).collect();
    let report = store.apply(&changes(&claim, parts), &guard(&claim)).await.unwrap();
    assert!(!report.superseded);
    complete(store, &claim).await;
    report
}

/// Claims, applies and completes events of one partition.
pub async fn flush(store: &impl StateStore, id: PartitionId, bodies: Vec<Body>) -> ApplyReport {
    flush_all(store, vec![(id, bodies)]).await
}
