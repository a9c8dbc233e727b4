//! The positions document: the offset that every partition is applied up to, and which claims are open.

use std::collections::BTreeMap;

pub use stockstream_model::documents::Cause;
use stockstream_model::{
    Timestamp,
    documents::{FoldRules, KafkaIds, LeaderEpoch, LostRange, PartitionId},
    settings::HumanDuration,
};

/// The number of a lane. A worker holds one lane; documents carry one mark per lane.
pub type LaneId = u32;

/// How many lost ranges a partition remembers; their sum is kept for all.
pub const LOST_RANGES: usize = 16;

/// All that the exactly-once protocol knows of the input. One document, never deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Positions {
    /// Every partition that was ever read.
    pub partitions: BTreeMap<PartitionId, Position>,
    /// Every lane that was ever held. Never removed, so that `seq` never goes back.
    pub lanes: BTreeMap<LaneId, Lane>,
    /// Ids of the topics and clusters that were counted.
    pub seen: KafkaIds,
}

/// A partition: events before `next` are applied, `[next, pending.end)` is claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// Kafka's id of the topic, if the broker reports one.
    pub topic_id: Option<String>,
    /// Kafka's id of the cluster, if the broker reports one.
    pub cluster_id: Option<String>,
    /// How often the log behind this position was replaced by another one.
    pub incarnation: i64,
    /// The first offset that is not applied.
    pub next: i64,
    /// The leader epoch of the last applied record. Valid only where its offset equals `next`.
    pub epoch: Option<LeaderEpoch>,
    /// The open claim on this partition.
    pub pending: Option<Pending>,
    /// Why no claim may be made on this partition.
    pub frozen: Option<Frozen>,
    /// Ranges that Kafka lost before they were applied, or that may be applied in part.
    pub lost: Lost,
    /// Totals over everything that was applied.
    pub counters: Counters,
    /// Claims on this partition overlook invoices from before. Only grows, and only while nothing is claimed or with a completion.
    pub forgotten: Option<Timestamp>,
}

/// A claimed range: `[next, end)` of its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pending {
    /// The offset behind the last claimed record.
    pub end: i64,
    /// The leader epoch of the last claimed record, if the broker reports one.
    pub epoch: Option<LeaderEpoch>,
    /// The lane that claimed it.
    pub lane: LaneId,
    /// The sequence number of the claim in its lane.
    pub seq: i64,
}

/// A lane: the sequence of claims of one worker at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The worker that may claim with it.
    pub holder: Option<String>,
    /// The sequence number of its last claim. Never goes back, whoever holds the lane.
    pub seq: i64,
    /// Whether that claim is still open.
    pub open: bool,
    /// The rules that the open claim must be folded by, whoever finishes it.
    pub rules: ClaimRules,
    /// The settings by which its last claim derived fields.
    pub derivation: Derivation,
}

/// Which generation of settings derived the fields that a lane's claims wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Derivation {
    /// The generation of whoever claimed or completed last.
    pub generation: i64,
    /// Changes with every change of the generation, and never takes a value again; 0 before the first change.
    pub since: i64,
}

/// What the changes of a claim depend on besides its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClaimRules {
    /// The version of the fold, and how far event times may lie ahead.
    pub fold: FoldRules,
    /// The window in which a second event of an invoice is a duplicate; `None`: every sale counts.
    pub deduplicate: Option<HumanDuration>,
    /// When it was claimed: a sale without a Kafka timestamp has this time, and none is later.
    pub claimed_at: Timestamp,
}

/// Why a partition takes no claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frozen {
    /// What happened.
    pub cause: Cause,
    /// The offsets that it is about.
    pub range: OffsetRange,
    /// When it was found.
    pub since: Timestamp,
}

/// Offsets `[start, end)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OffsetRange {
    /// The first offset.
    pub start: i64,
    /// Behind the last offset.
    pub end: i64,
}

/// What was lost of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lost {
    /// The last ranges, newest last, at most [`LOST_RANGES`].
    pub ranges: Vec<LostRange>,
    /// Offsets in all ranges that were ever lost.
    pub offsets: i64,
}

/// Totals of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    /// Events applied, rejected ones included.
    pub events: i64,
    /// Of these, rejected.
    pub rejected: i64,
    /// Of these, duplicates of an invoice.
    pub duplicates: i64,
    /// The greatest event time.
    pub latest_event: Option<Timestamp>,
}

impl OffsetRange {
    /// The range, unless it is empty.
    pub fn new(start: i64, end: i64) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }
}

impl Lost {
    /// Adds a range.
    pub fn add(&mut self, incarnation: i64, range: OffsetRange, cause: Cause) {
        self.offsets += range.end - range.start;
        self.ranges.push(LostRange { incarnation, from: range.start, to: range.end, cause: Some(cause) });
        let excess = self.ranges.len().saturating_sub(LOST_RANGES);
        self.ranges.drain(..excess);
    }

    /// Whether the range is among the last ones, whatever cause it was named for.
    pub fn names(&self, incarnation: i64, range: OffsetRange) -> bool {
        let same = |of: &LostRange| (of.incarnation, of.from, of.to) == (incarnation, range.start, range.end);
        self.ranges.iter().any(same)
    }
}

impl Counters {
    /// Adds what a completed claim applied.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.rejected += other.rejected;
        self.duplicates += other.duplicates;
        self.latest_event = self.latest_event.max(other.latest_event);
    }
}

impl Positions {
    /// The greatest event time of all partitions; none before a claim with one was complete.
    pub fn latest_event(&self) -> Option<Timestamp> {
        self.partitions.values().filter_map(|position| position.counters.latest_event).max()
    }

    /// The open claim on a partition.
    pub fn pending(&self, id: &PartitionId) -> Option<Pending> {
        self.partitions.get(id).and_then(|position| position.pending)
    }

    /// Whether that claim of that lane is open.
    pub fn is_open(&self, lane: LaneId, seq: i64) -> bool {
        self.lanes.get(&lane).is_some_and(|lane| lane.open && lane.seq == seq)
    }
}

impl Lane {
    /// The derivation that its next claim writes, by settings of that generation.
    pub fn claimed_by(&self, generation: i64) -> Derivation {
        if self.seq == 0 {
            return Derivation { generation, since: 0 };
        }
        self.derivation.followed_by(generation, 2 * self.seq + 2)
    }

    /// The derivation that the completion of its open claim writes.
    pub fn completed_by(&self, generation: i64) -> Derivation {
        self.derivation.followed_by(generation, 2 * self.seq + 1)
    }
}

impl Derivation {
    fn followed_by(self, generation: i64, now: i64) -> Self {
        if generation == self.generation { self } else { Self { generation, since: now } }
    }
}

impl Pending {
    /// Whether it is of that claim.
    pub fn is_of(&self, lane: LaneId, seq: i64) -> bool {
        (self.lane, self.seq) == (lane, seq)
    }
}

impl Position {
    /// A partition that starts at an offset.
    pub fn starting_at(next: i64, topic_id: Option<String>, cluster_id: Option<String>) -> Self {
        Self { next, topic_id, cluster_id, ..Self::default() }
    }

    /// Whether a claim may be made on it.
    pub fn is_claimable(&self) -> bool {
        self.pending.is_none() && self.frozen.is_none()
    }

    /// The leader epoch that the log must still contain, with its offset: that of the last claimed record, or of the last
    /// applied one where nothing is claimed.
    pub fn known_epoch(&self) -> Option<LeaderEpoch> {
        let (epoch, at) = self.pending.map_or((self.epoch, self.next), |pending| (pending.epoch, pending.end));
        epoch.filter(|epoch| epoch.at == at && epoch.at > 0)
    }
}
