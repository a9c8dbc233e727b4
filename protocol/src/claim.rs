//! Claims: a worker's whole batch, over any number of partitions, claimed, applied and completed as one.

use std::collections::{BTreeMap, BTreeSet};

use stockstream_model::{
    Timestamp,
    documents::{LeaderEpoch, PartitionId},
};

use crate::positions::{ClaimRules, Counters, Derivation, Lane, LaneId, Pending, Position, Positions};

/// A claim, as it is requested and as it is found in the positions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The lane.
    pub lane: LaneId,
    /// Its sequence number: one above that of the lane's last claim.
    pub seq: i64,
    /// The rules that it is folded by.
    pub rules: ClaimRules,
    /// The settings that its derived fields follow.
    pub derivation: Derivation,
    /// The claimed range of each partition.
    pub partitions: BTreeMap<PartitionId, ClaimedRange>,
}

/// A claim that is to be opened. Only the lane's holder may; once it is open, anyone may finish it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimRequest {
    /// The worker that holds the lane.
    pub holder: String,
    /// The claim.
    pub claim: Claim,
}

/// The claimed range of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClaimedRange {
    /// The incarnation of its log.
    pub incarnation: i64,
    /// The first offset.
    pub start: i64,
    /// Behind the last offset.
    pub end: i64,
    /// The leader epoch of the last record.
    pub epoch: Option<LeaderEpoch>,
    /// Which invoices it overlooks ([`Position::forgotten`]).
    pub forgotten: Option<Timestamp>,
}

/// What became of a claim that was refused, or not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// It is open: apply it.
    Open,
    /// It may still be made: send the same claim again.
    Retry,
    /// These lanes have open claims that stand in its way. Finish them, then look again.
    Blocked(BTreeSet<LaneId>),
    /// Never: drop the whole batch and read again from the positions.
    Rejected,
}

/// The completion of a claim. It names every partition of the claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Completion {
    /// The claim's lane.
    pub lane: LaneId,
    /// The claim's sequence number.
    pub seq: i64,
    /// The settings that the derived fields of whoever completes follow.
    pub derivation: Derivation,
    /// What was applied, by partition.
    pub partitions: BTreeMap<PartitionId, Applied>,
}

/// What a completed claim applied of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Applied {
    /// Behind the last claimed offset.
    pub end: i64,
    /// The leader epoch of the last claimed record.
    pub epoch: Option<LeaderEpoch>,
    /// What it adds to the partition's totals.
    pub counters: Counters,
    /// Invoices from before are overlooked from now on, if that is later than what stands.
    pub forgotten: Option<Timestamp>,
}

/// What a document's mark says of a change that the document refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkVerdict {
    /// The change was applied before.
    Applied,
    /// The document appeared between the look for it and its insertion: send the change again.
    Retry,
    /// The claim is complete, and the lane has gone on: drop what is left of the batch.
    Superseded,
}

/// Reads the mark of a claim's lane in a document that refused a change of the claim.
pub fn judge_mark(mark: Option<i64>, seq: i64) -> MarkVerdict {
    match mark {
        Some(mark) if mark == seq => MarkVerdict::Applied,
        Some(mark) if mark > seq => MarkVerdict::Superseded,
        Some(_) | None => MarkVerdict::Retry,
    }
}

/// Whether a document with this mark takes a change of the claim.
pub fn accepts(mark: Option<i64>, seq: i64) -> bool {
    mark.is_none_or(|mark| mark < seq)
}

impl ClaimedRange {
    /// Whether the position may be claimed from here on.
    pub fn may_be_claimed(&self, position: &Position) -> bool {
        position.is_claimable()
            && (position.incarnation, position.next, position.forgotten)
                == (self.incarnation, self.start, self.forgotten)
    }
}

impl ClaimRequest {
    /// The claim that follows the last one of a lane, by settings of that generation.
    pub fn next(
        lane: LaneId,
        last: &Lane,
        holder: &str,
        (rules, generation): (ClaimRules, i64),
        partitions: BTreeMap<PartitionId, ClaimedRange>,
    ) -> Self {
        let (seq, derivation) = (last.seq + 1, last.claimed_by(generation));
        Self { holder: holder.to_owned(), claim: Claim { lane, seq, rules, derivation, partitions } }
    }

    /// The claim of a batch that was read from these positions: `read` tells for each partition where the batch ends, and the
    /// leader epoch of its last record. `None` where the positions do not allow it.
    pub fn of_batch(
        positions: &Positions,
        lane: LaneId,
        holder: &str,
        (rules, generation): (ClaimRules, i64),
        read: &BTreeMap<PartitionId, (i64, Option<LeaderEpoch>)>,
    ) -> Option<Self> {
        let range = |(id, (end, epoch)): (&PartitionId, &(i64, Option<LeaderEpoch>))| {
            let position = positions.partitions.get(id)?;
            let epoch = epoch.filter(|epoch| epoch.at == *end);
            let (incarnation, start, forgotten) = (position.incarnation, position.next, position.forgotten);
            (start < *end).then_some((*id, ClaimedRange { incarnation, start, end: *end, epoch, forgotten }))
        };
        let partitions = read.iter().map(range).collect::<Option<BTreeMap<_, _>>>()?;
        let request = Self::next(lane, positions.lanes.get(&lane)?, holder, (rules, generation), partitions);
        (!request.claim.partitions.is_empty() && request.condition(positions)).then_some(request)
    }

    /// Whether the claim may be opened.
    pub(crate) fn condition(&self, positions: &Positions) -> bool {
        let Claim { lane, seq, partitions, .. } = &self.claim;
        let is_next = |lane: &Lane| lane.holder.as_ref() == Some(&self.holder) && lane.seq + 1 == *seq && !lane.open;
        positions.lanes.get(lane).is_some_and(is_next)
            && partitions
                .iter()
                .all(|(id, range)| positions.partitions.get(id).is_some_and(|position| range.may_be_claimed(position)))
    }

    /// Decides what became of this claim after it was refused or not acknowledged, from positions that were read since.
    pub fn outcome(&self, positions: &Positions) -> ClaimOutcome {
        if self.claim.is_open_in(positions) {
            return ClaimOutcome::Open;
        }
        if self.condition(positions) {
            return ClaimOutcome::Retry;
        }
        let blocking = blocking_lanes(positions, self.claim.lane, self.claim.partitions.keys());
        if blocking.is_empty() { ClaimOutcome::Rejected } else { ClaimOutcome::Blocked(blocking) }
    }
}

impl Claim {
    /// The open claim of a lane.
    pub fn open_in(positions: &Positions, lane: LaneId) -> Option<Self> {
        let Lane { seq, rules, derivation, .. } = positions.lanes.get(&lane).filter(|lane| lane.open)?;
        let range = |(id, position): (&PartitionId, &Position)| {
            let Pending { end, epoch, .. } = position.pending.filter(|pending| pending.is_of(lane, *seq))?;
            let (incarnation, start, forgotten) = (position.incarnation, position.next, position.forgotten);
            Some((*id, ClaimedRange { incarnation, start, end, epoch, forgotten }))
        };
        let partitions = positions.partitions.iter().filter_map(range).collect();
        Some(Self { lane, seq: *seq, rules: *rules, derivation: *derivation, partitions })
    }

    /// Whether exactly this claim is open, its rules too. A unique name per holder would not do: an earlier claim may take effect
    /// late.
    pub fn is_open_in(&self, positions: &Positions) -> bool {
        Self::open_in(positions, self.lane).as_ref() == Some(self)
    }

    /// Completes the claim, by settings of that generation, with what was applied of each partition: its totals, and before when
    /// invoices are overlooked from now on.
    pub fn completion(
        &self,
        generation: i64,
        applied: impl Fn(&PartitionId) -> (Counters, Option<Timestamp>),
    ) -> Completion {
        let Self { lane, seq, derivation, .. } = *self;
        let of_lane = Lane { seq, derivation, ..Lane::default() };
        let applied = |(id, range): (&PartitionId, &ClaimedRange)| {
            let (counters, forgotten) = applied(id);
            (*id, Applied { end: range.end, epoch: range.epoch, counters, forgotten })
        };
        Completion {
            lane,
            seq,
            derivation: of_lane.completed_by(generation),
            partitions: self.partitions.iter().map(applied).collect(),
        }
    }
}

impl Completion {
    /// Whether the claim is still open.
    pub(crate) fn condition(&self, positions: &Positions) -> bool {
        let is_claimed = |(id, applied): (&PartitionId, &Applied)| {
            let pending = positions.pending(id);
            pending.is_some_and(|pending| pending.is_of(self.lane, self.seq) && pending.end == applied.end)
        };
        positions.is_open(self.lane, self.seq) && self.partitions.iter().all(is_claimed)
    }
}

/// Lanes whose open claims a worker finishes before it claims anything: those on the partitions that it reads, and the one in
/// its own lane, also where that is on partitions of others.
pub fn blocking_lanes<'a>(
    positions: &Positions,
    own: LaneId,
    partitions: impl IntoIterator<Item = &'a PartitionId>,
) -> BTreeSet<LaneId> {
    let on_partitions = partitions.into_iter().filter_map(|id| positions.pending(id)).map(|pending| pending.lane);
    let own = positions.lanes.get(&own).filter(|lane| lane.open).map(|_| own);
    on_partitions.chain(own).collect()
}

/// The lane that a worker acquires: one that it holds already, then the first that nobody holds, then one whose holder is not
/// `alive`, then a new one while there are fewer than `at_most`. Every lane costs documents a mark, so those that are there come
/// first. Lanes with an open claim come last: whoever reads its partitions finishes it, and until then, which may be long where a log
/// cannot be read, nothing else can be claimed with the lane. `None` while all are held by live workers, or have claims open that
/// only another version can finish.
pub fn choose_lane<'a>(
    positions: &'a Positions,
    holder: &str,
    is_alive: impl Fn(&str) -> bool,
    at_most: LaneId,
) -> Option<(LaneId, Option<&'a str>)> {
    let lanes = || positions.lanes.iter();
    let held = |(lane, of): (&LaneId, &'a Lane)| (*lane, of.holder.as_deref());
    let is_dead = |of: &Lane| of.holder.as_deref().is_none_or(|held_by| !is_alive(held_by));
    let own = lanes().find(|(_, of)| of.holder.as_deref() == Some(holder));
    let free = || lanes().find(|(_, of)| of.holder.is_none() && !of.open);
    let dead = || lanes().find(|(_, of)| is_dead(of) && !of.open);
    let new = || (0..at_most).find(|lane| !positions.lanes.contains_key(lane)).map(|lane| (lane, None));
    let open = || lanes().find(|(_, of)| is_dead(of) && of.rules.fold.are_known());
    own.or_else(free).or_else(dead).map(held).or_else(new).or_else(|| open().map(held))
}
