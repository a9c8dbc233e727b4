//! Finishing claims that somebody left open: what is left of their ranges is read again, folded by the rules of the claim, applied
//! and completed. Several workers may do so at once, whoever made the claim too: each change is guarded by the claim's mark.

mod reader;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

pub(crate) use reader::KafkaReader;
use stockstream_kafka::KafkaError;
use stockstream_model::{
    Timestamp,
    documents::{KafkaIds, LeaderEpoch, PartitionId},
    settings::Settings,
};
use stockstream_protocol::{
    claim::Claim,
    log::{self, LogState, Policy, Remainder, is_as_claimed, remainder},
    positions::{OffsetRange, Positions},
    update::Update,
};
use stockstream_store::{Guard, StateStore, StoreError, batch::Slice, fail_point};

use crate::{
    core::{memory::Budget, notices::lost_of_a_claim},
    flush::{
        Applied,
        deduplicate::{Settled, settle},
    },
    fold::{FoldedBatch, LogThrottle, Rules},
    state::WorkerState,
};

/// How long it is looked again whether a log really does not fit: what a broker says first may be old.
pub(crate) const DOUBT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);
/// Claims are read so many times at most, whatever memory their keys take then.
const MOST_SLICES: u64 = 256;

/// Why a claim was not finished now. Whoever needs it finished tries again.
#[derive(Debug, snafu::Snafu)]
pub(crate) enum Unfinished {
    /// Kafka did not answer, or not as it must.
    #[snafu(transparent)]
    Kafka { source: KafkaError },
    /// The database did not answer.
    #[snafu(transparent)]
    Store { source: StoreError },
    /// Logs changed while they were read, or nothing is known of one.
    #[snafu(display("{reason}"))]
    Logs { reason: String },
}

/// A record of a claimed range.
#[derive(Clone, Debug)]
pub(crate) struct Reread {
    pub id: PartitionId,
    pub offset: i64,
    pub produced_at: Option<Timestamp>,
    pub epoch: Option<i32>,
    pub payload: Vec<u8>,
}

/// Reads the logs of a claim again.
pub(crate) trait ClaimReader: Send {
    /// What Kafka says of these partitions' logs now.
    fn logs(
        &mut self,
        positions: &Positions,
        ids: &[PartitionId],
    ) -> impl Future<Output = Result<BTreeMap<PartitionId, LogState>, Unfinished>> + Send;

    /// Begins to read these ranges.
    fn begin(
        &mut self,
        ranges: &BTreeMap<PartitionId, OffsetRange>,
    ) -> impl Future<Output = Result<(), Unfinished>> + Send;

    /// Some more records of them; `None` once all ranges are read to their ends.
    fn more(&mut self) -> impl Future<Output = Result<Option<Vec<Reread>>, Unfinished>> + Send;

    /// Whether the topics of these partitions are those of the positions. Asked after the last record.
    fn are_current(
        &mut self,
        positions: &Positions,
        ids: &[PartitionId],
    ) -> impl Future<Output = Result<bool, Unfinished>> + Send;
}

/// What finishing a claim depends on besides the claim.
pub(crate) struct Terms<'a, S> {
    pub store: &'a S,
    pub shared: &'a WorkerState,
    pub settings: &'a Settings,
    /// What a pass over a claim may hold.
    pub budget: Budget,
}

// Derived, these would ask the same of the store.
impl<S> Clone for Terms<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Terms<'_, S> {}

/// What was applied of a claim, by partition.
pub(crate) type AppliedRanges = BTreeMap<PartitionId, Applied>;

impl<S: StateStore> Terms<'_, S> {
    /// Finishes an open claim. It may be complete already, or be completed by somebody else meanwhile.
    ///
    /// # Errors
    /// Why it was not finished.
    pub async fn finish<R: ClaimReader>(
        self,
        reader: &mut R,
        positions: &Positions,
        claim: &Claim,
    ) -> Result<(), Unfinished> {
        let Self { store, shared, .. } = self;
        let ids: Vec<_> = claim.partitions.iter().map(|(id, of)| format!("{id} [{}, {})", of.start, of.end)).collect();
        tracing::info!(lane = claim.lane, seq = claim.seq, ranges = ids.join(" "), "finishing an open claim");
        let guard = Guard::of_claim(claim.lane, claim.seq);
        let Some(applied) = self.apply(reader, positions, claim, &guard).await? else { return Ok(()) };
        let generation = shared.generation.load(std::sync::atomic::Ordering::Relaxed);
        let completion = claim.completion(generation, |id| {
            applied.get(id).map_or_else(Default::default, |of| (of.counters, of.forgotten))
        });
        store.update_positions(&Update::Complete(completion)).await?;
        Ok(())
    }

    /// Reads, folds and applies what is left of a claim. `None` where it turned out to be complete.
    pub async fn apply<R: ClaimReader>(
        self,
        reader: &mut R,
        positions: &Positions,
        claim: &Claim,
        guard: &Guard,
    ) -> Result<Option<AppliedRanges>, Unfinished> {
        let remains = self.remains(reader, positions, claim).await?;
        let mut slices = 1;
        loop {
            match self.pass(reader, positions, claim, (guard, &remains), slices).await? {
                Pass::Applied(applied) => return Ok(Some(applied)),
                Pass::Complete => return Ok(None),
                // Each pass keeps fewer keys. What was applied is known by its mark.
                Pass::TooMany => slices *= 2,
            }
        }
    }

    /// Applies all keys, in so many slices.
    async fn pass<R: ClaimReader>(
        self,
        reader: &mut R,
        positions: &Positions,
        claim: &Claim,
        (guard, remains): (&Guard, &Remains),
        slices: u64,
    ) -> Result<Pass, Unfinished> {
        let ids: Vec<PartitionId> = remains.folds.keys().copied().collect();
        let mut applied = AppliedRanges::new();
        for index in 0..slices {
            let slice = Slice { index, of: slices };
            let Some(folded) = self.fold(reader, claim, &remains.folds, slice).await? else {
                return Ok(Pass::TooMany);
            };
            let epochs_fit = folded
                .epochs
                .iter()
                .all(|(id, read)| is_as_claimed(claim.partitions.get(id).and_then(|range| range.epoch), Some(*read)));
            if !epochs_fit || !reader.are_current(positions, &ids).await? {
                return Err(changed("a log changed while it was read"));
            }
            if index == 0 && guard.is_of_lane() && !self.name(claim, guard, &remains.losses).await? {
                return Ok(Pass::Complete);
            }
            if !folded.settled.is_empty() && !self.is_open(claim, guard).await? {
                return Ok(Pass::Complete);
            }
            let report = self.store.apply(&folded.folding.changes, guard).await?;
            fail_point("amid-recovery");
            self.shared.metrics.documents.inc_by(report.changed);
            self.shared.metrics.already.inc_by(report.already);
            if report.superseded {
                return Ok(Pass::Complete);
            }
            applied = folded.applied();
        }
        Ok(Pass::Applied(applied))
    }

    /// What the logs still have of a claim. That one ends in front of it has to be said for some time.
    async fn remains<R: ClaimReader>(
        self,
        reader: &mut R,
        positions: &Positions,
        claim: &Claim,
    ) -> Result<Remains, Unfinished> {
        let ids: Vec<PartitionId> = claim.partitions.keys().copied().collect();
        let began = Instant::now();
        loop {
            let logs = reader.logs(positions, &ids).await?;
            let remains = self.remains_of(positions, claim, &logs)?;
            if remains.is_certain() || began.elapsed() >= DOUBT {
                return Ok(remains);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn remains_of(
        self,
        positions: &Positions,
        claim: &Claim,
        logs: &BTreeMap<PartitionId, LogState>,
    ) -> Result<Remains, Unfinished> {
        let policy = policy(self.settings, &positions.seen);
        let mut remains = Remains::default();
        for id in claim.partitions.keys() {
            let (Some(position), Some(log)) = (positions.partitions.get(id), logs.get(id)) else {
                return Err(changed(&format!("nothing is known of the log of {id}")));
            };
            let Some(Remainder { fold, lost }) = remainder(position, log, &policy) else { continue };
            remains.folds.extend(fold.map(|fold| (*id, fold)));
            for log::Loss { range, cause, freeze } in lost {
                let (lane, seq, incarnation) = (claim.lane, claim.seq, position.incarnation);
                let is_certain = log.first >= range.end;
                let update = Update::LoseClaimed { lane, seq, id: *id, incarnation, range, cause, freeze };
                remains.losses.push(Loss { id: *id, range, update, is_certain });
            }
        }
        Ok(remains)
    }

    /// Folds the keys of a slice. `None` where they are too many.
    async fn fold<R: ClaimReader>(
        self,
        reader: &mut R,
        claim: &Claim,
        folds: &BTreeMap<PartitionId, OffsetRange>,
        slice: Slice,
    ) -> Result<Option<RangeBuffer>, Unfinished> {
        let Self { store, shared, settings, budget } = self;
        let rules = Rules { fold: claim.rules.fold, deduplicate: claim.rules.deduplicate };
        let (mut folded, mut told) = (RangeBuffer::default(), LogThrottle::default());
        reader.begin(folds).await?;
        while let Some(records) = reader.more().await? {
            shared.tick_if_running(); // reading again is no reason to be restarted
            for record in &records {
                let Some(range) = claim.partitions.get(&record.id) else { continue };
                let topic = &settings.kafka.topics.of(record.id.stream).name;
                folded.folding.fold(
                    record.id,
                    std::iter::once(record.of(range.incarnation, topic)),
                    rules,
                    Timestamp::now(),
                    &mut told,
                );
                if let Some(value) = record.epoch {
                    folded.epochs.insert(record.id, LeaderEpoch { at: record.offset + 1, value });
                }
            }
            if !folded.folding.held.is_empty() {
                for (id, settled) in settle(store, shared, &mut folded.folding, claim).await {
                    folded.settled.entry(id).or_default().add(settled);
                }
            }
            if slice.of > 1 {
                folded.folding.changes.keep(slice);
            }
            if budget.is_exceeded(&folded.folding.changes) && slice.of < MOST_SLICES {
                return Ok(None);
            }
        }
        Ok(Some(folded))
    }

    /// Names what is lost, before the first change of what is left. `false` where the claim is complete.
    async fn name(self, claim: &Claim, guard: &Guard, losses: &[Loss]) -> Result<bool, Unfinished> {
        for Loss { id, range, update, .. } in losses {
            if self.store.update_positions(update).await? {
                tracing::warn!(partition = %id, "{}", lost_of_a_claim(*id, *range));
            } else if !self.is_open(claim, guard).await? {
                return Ok(false); // otherwise it is named already
            }
        }
        Ok(true)
    }

    /// Whether nobody completed the claim. One of before lanes is completed before there are positions.
    async fn is_open(self, claim: &Claim, guard: &Guard) -> Result<bool, StoreError> {
        let positions = self.store.load_positions().await?;
        Ok(match guard.is_of_lane() {
            true => positions.is_some_and(|positions| claim.is_open_in(&positions)),
            false => positions.is_none(),
        })
    }
}

/// What the settings say where log and position do not fit.
pub(crate) fn policy<'a>(settings: &Settings, ids: &'a KafkaIds) -> Policy<'a> {
    let kafka = &settings.kafka;
    Policy {
        on_lost_offsets: kafka.on_lost_offsets,
        on_recreated_topic: kafka.on_recreated_topic,
        ids,
        now: Timestamp::now(),
    }
}

fn changed(reason: &str) -> Unfinished {
    Unfinished::Logs { reason: format!("{reason}; it is looked at again") }
}

/// What came of applying all keys in some slices.
enum Pass {
    Applied(AppliedRanges),
    /// The claim is complete already.
    Complete,
    /// A slice has more keys than fit the memory.
    TooMany,
}

/// What the logs still have of a claim, and what they lost.
#[derive(Default)]
struct Remains {
    folds: BTreeMap<PartitionId, OffsetRange>,
    losses: Vec<Loss>,
}

struct Loss {
    id: PartitionId,
    range: OffsetRange,
    update: Update,
    /// Whether the log begins behind it: such a thing does not pass.
    is_certain: bool,
}

impl Remains {
    fn is_certain(&self) -> bool {
        self.losses.iter().all(|loss| loss.is_certain)
    }
}

/// What was folded of a claim.
#[derive(Default)]
struct RangeBuffer {
    folding: FoldedBatch,
    settled: BTreeMap<PartitionId, Settled>,
    /// The leader epochs of the last records.
    epochs: BTreeMap<PartitionId, LeaderEpoch>,
}

impl RangeBuffer {
    fn applied(&self) -> AppliedRanges {
        let of = |id: &PartitionId| (*id, Applied::of(*id, &self.folding, &self.settled));
        self.folding.partitions.keys().map(of).collect()
    }
}

impl Reread {
    fn of<'a>(&'a self, incarnation: i64, topic: &'a str) -> crate::core::fold::Record<'a> {
        let Self { id, offset, produced_at, payload, .. } = self;
        crate::core::fold::Record { id: *id, incarnation, topic, offset: *offset, produced_at: *produced_at, payload }
    }
}
