//! From the state of versions before lanes to positions: their workers are waited for, what one that died left claimed is finished
//! by its marks and its rules, every checkpoint is sealed, and the positions are written once.

use std::{collections::BTreeMap, time::Duration};

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, FoldRules, PartitionId},
};
use stockstream_protocol::{
    claim::{Claim, ClaimedRange},
    positions::{ClaimRules, Counters, Derivation, LaneId, Pending, Position, Positions},
};
use stockstream_store::{
    Guard, StateStore, StoreError,
    checkpoints::{is_sealed, sealed},
};

use crate::{
    flush::Applied,
    recovery::{ClaimReader, Terms, Unfinished},
    retry::Backoff,
};

const PAUSE: Duration = Duration::from_secs(1);
/// That problem's name.
const MIGRATION: &str = "migration";
/// No lane has this number: a claim of before has none.
const NO_LANE: LaneId = LaneId::MAX;

/// Makes sure that there are positions.
///
/// # Errors
/// What the store refuses, whatever is tried.
pub(crate) async fn migrate<S: StateStore, R: ClaimReader>(
    terms: Terms<'_, S>,
    reader: &mut R,
) -> Result<(), StoreError> {
    let mut backoff = Backoff::default();
    while terms.store.load_positions().await?.is_none() {
        let pause = match step(terms, reader).await {
            Ok(Step::Done) => break,
            Ok(Step::Again) => continue,
            Ok(Step::Wait(why)) => {
                tell(terms, &why);
                PAUSE
            }
            Err(Unfinished::Store { source }) if !source.is_transient() => return Err(source),
            Err(error) => {
                tell(terms, &format!("the state of the version before cannot be taken over yet: {error}"));
                backoff.pause()
            }
        };
        tokio::time::sleep(pause).await;
    }
    terms.shared.problems.remove(MIGRATION);
    Ok(())
}

enum Step {
    Done,
    Again,
    /// Why it is not time.
    Wait(String),
}

fn tell<S: StateStore>(terms: Terms<'_, S>, why: &str) {
    // It counts as ready: a rollout replaces the workers that it waits for only then.
    terms.shared.runs();
    if terms.shared.problems.add(MIGRATION, why) {
        tracing::warn!("{why}");
    }
}

async fn step<S: StateStore, R: ClaimReader>(terms: Terms<'_, S>, reader: &mut R) -> Result<Step, Unfinished> {
    let store = terms.store;
    let workers = store.old_workers().await?;
    if !workers.is_empty() {
        return Ok(Step::Wait(format!(
            "waiting for workers of the version before to end: {}. A rollout ends them by itself; end those that it does not",
            workers.join(", ")
        )));
    }
    let standing = store.old_checkpoints().await?;
    for checkpoint in standing.iter().filter(|checkpoint| !is_sealed(checkpoint)) {
        let finished = match checkpoint.pending {
            None => checkpoint.clone(),
            Some(end) if !checkpoint.fold.are_known() => {
                return Ok(Step::Wait(unknown_rules(checkpoint, end)));
            }
            Some(_) => match finish(terms, reader, checkpoint).await? {
                Some(finished) => finished,
                None => return Ok(Step::Again),
            },
        };
        let writer = format!("{} {}", terms.shared.worker, Timestamp::now().millis());
        if !store.write_old_checkpoint(&sealed(&finished, writer)).await? {
            return Ok(Step::Again);
        }
    }
    let seen = store.old_kafka_ids().await?;
    let sealed = store.old_checkpoints().await?;
    if !sealed.iter().all(is_sealed) {
        return Ok(Step::Again);
    }
    let partitions = sealed.iter().map(|checkpoint| (checkpoint.id, position(checkpoint))).collect();
    store.create_positions(&Positions { partitions, lanes: BTreeMap::new(), seen }).await?;
    if !sealed.is_empty() {
        tracing::info!(partitions = sealed.len(), "the state of the version before is taken over");
    }
    Ok(Step::Done)
}

/// Finishes a claim of before. The checkpoint as its completion leaves it; `None` where somebody else went on.
async fn finish<S: StateStore, R: ClaimReader>(
    terms: Terms<'_, S>,
    reader: &mut R,
    checkpoint: &Checkpoint,
) -> Result<Option<Checkpoint>, Unfinished> {
    let positions = Positions { partitions: [(checkpoint.id, position(checkpoint))].into(), ..Positions::default() };
    let seen = terms.store.old_kafka_ids().await?;
    let positions = Positions { seen, ..positions };
    let applied = terms.apply(reader, &positions, &claim(checkpoint), &Guard::of_checkpoint(checkpoint)).await?;
    let Some(applied) = applied else { return Ok(None) };
    let applied = applied.get(&checkpoint.id).copied().unwrap_or_default();
    Ok(Some(completed(checkpoint, &applied)))
}

fn completed(checkpoint: &Checkpoint, Applied { counters, forgotten }: &Applied) -> Checkpoint {
    let Counters { events, rejected, duplicates, latest_event } = *counters;
    Checkpoint {
        next: checkpoint.pending.unwrap_or(checkpoint.next),
        pending: None,
        events: checkpoint.events + events,
        rejected: checkpoint.rejected + rejected,
        duplicates: checkpoint.duplicates + duplicates,
        latest_event: checkpoint.latest_event.max(latest_event),
        forgotten: checkpoint.forgotten.max(*forgotten),
        ..checkpoint.clone()
    }
}

/// A claim of before as one of a lane that there is not.
fn claim(checkpoint: &Checkpoint) -> Claim {
    let Checkpoint { id, incarnation, next, pending, forgotten, .. } = checkpoint;
    let (end, epoch) = (pending.unwrap_or(*next), checkpoint.known_epoch().filter(|epoch| Some(epoch.at) == *pending));
    let range = ClaimedRange { incarnation: *incarnation, start: *next, end, epoch, forgotten: *forgotten };
    let rules =
        ClaimRules { fold: checkpoint.fold, deduplicate: checkpoint.deduplicate, claimed_at: checkpoint.updated_at };
    let derivation = Derivation::default();
    Claim { lane: NO_LANE, seq: 0, rules, derivation, partitions: [(*id, range)].into() }
}

/// The position that a checkpoint says, a claim too.
fn position(checkpoint: &Checkpoint) -> Position {
    let Checkpoint { events, rejected, duplicates, latest_event, .. } = *checkpoint;
    let epoch = checkpoint.known_epoch();
    let pending = checkpoint.pending.filter(|end| *end > checkpoint.next).map(|end| Pending {
        end,
        epoch: epoch.filter(|epoch| epoch.at == end),
        lane: NO_LANE,
        seq: 0,
    });
    Position {
        topic_id: checkpoint.topic_id.clone(),
        cluster_id: checkpoint.cluster_id.clone(),
        incarnation: checkpoint.incarnation,
        next: checkpoint.next,
        epoch: epoch.filter(|epoch| epoch.at == checkpoint.next),
        pending,
        counters: Counters { events, rejected, duplicates, latest_event },
        forgotten: checkpoint.forgotten,
        ..Position::default()
    }
}

fn unknown_rules(checkpoint: &Checkpoint, end: i64) -> String {
    let Checkpoint { id, next, fold, .. } = checkpoint;
    format!(
        "[{next}, {end}) of {id} is claimed to be folded by version {}, and this worker knows {} and older; run the version of \
         Stockstream that claimed it, or a newer one: it finishes the claim",
        fold.version,
        FoldRules::VERSION
    )
}

/// Makes sure that no version before lanes begins to count these partitions.
///
/// # Errors
/// What the store answered, or that such a version has begun already.
pub(crate) async fn seal<S: StateStore>(store: &S, new: &[PartitionId]) -> Result<(), Unfinished> {
    store.seal_new(new).await?;
    let standing = store.old_checkpoints().await?;
    match standing.iter().find(|checkpoint| new.contains(&checkpoint.id) && !is_sealed(checkpoint)) {
        Some(open) => {
            Err(Unfinished::Logs { reason: format!("a worker of the version before counts {}; end it", open.id) })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::{documents::LeaderEpoch, event::EventKind};

    #[test]
    fn a_claim_of_before_keeps_its_range_and_its_rules_and_its_completion_moves_the_position() {
        let id = PartitionId { stream: EventKind::Sales, partition: 2 };
        let at = Timestamp::from_millis(9);
        let epoch = Some(LeaderEpoch { at: 12, value: 3 });
        let checkpoint = Checkpoint {
            pending: Some(12),
            epoch,
            events: 4,
            incarnation: 1,
            updated_at: at,
            ..Checkpoint::new(id, 8, Some("T".into()))
        };
        let claim = claim(&checkpoint);
        let range = claim.partitions[&id];
        assert_eq!((range.incarnation, range.start, range.end, range.epoch), (1, 8, 12, epoch));
        assert_eq!((claim.rules.claimed_at, claim.rules.fold), (at, FoldRules::FIRST));
        let open = position(&checkpoint);
        assert_eq!((open.next, open.pending.map(|pending| pending.end), open.known_epoch()), (8, Some(12), epoch));
        let applied = Applied { counters: Counters { events: 3, ..Counters::default() }, forgotten: None };
        let done = position(&completed(&checkpoint, &applied));
        assert_eq!((done.next, done.pending, done.counters.events, done.known_epoch()), (12, None, 7, epoch));
        let sealed = position(&sealed(&completed(&checkpoint, &applied), "w".into()));
        assert_eq!(sealed, done, "a seal is no claim");
    }
}
