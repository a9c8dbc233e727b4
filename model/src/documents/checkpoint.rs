//! Positions: which events of a partition count already, and which range is being applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{FoldRules, LostRange};
use crate::{Timestamp, event::EventKind, settings::HumanDuration};

/// A partition of a stream's topic. Prints as the checkpoint's id, `sales/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    /// The stream.
    pub stream: EventKind,
    /// The number of the partition in its topic.
    pub partition: i32,
}

impl PartitionId {
    /// The name of the high-water mark that documents carry for it, in that incarnation of the topic: `s3`, or `s3r1`
    /// after the topic was recreated once.
    pub fn mark(&self, incarnation: i64) -> String {
        let (letter, partition) = (self.stream.letter(), self.partition);
        if incarnation == 0 { format!("{letter}{partition}") } else { format!("{letter}{partition}r{incarnation}") }
    }

    /// From the id of a checkpoint.
    pub fn from_text(text: &str) -> Option<Self> {
        let (stream, partition) = text.split_once('/')?;
        Some(Self { stream: EventKind::from_name(stream)?, partition: partition.parse().ok()? })
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stream, self.partition)
    }
}

/// The epoch of a partition's leader (KIP-320) that wrote the record in front of an offset. It counts at that offset alone:
/// whoever moves the position without writing it leaves nothing false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaderEpoch {
    /// The offset behind that record.
    pub at: i64,
    /// The epoch.
    pub value: i32,
}

/// What a partition's leader answers to the question whether its log still holds a record of an epoch (KIP-320).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EpochCheck {
    /// Nobody asked, or the broker does not tell.
    #[default]
    Unknown,
    /// The log still holds the record.
    Fits,
    /// The log lost the record: up to this offset it holds what it held, behind it other records or none. 0 where the
    /// leader knows of no such epoch.
    Cut(i64),
}

/// The position of a partition: events before `next` are applied; `[next, pending)` is being applied by somebody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// The partition.
    pub id: PartitionId,
    /// Counts how often the topic was deleted and made anew.
    pub incarnation: i64,
    /// Kafka's id of the topic, where the broker tells it.
    pub topic_id: Option<String>,
    /// Kafka's id of the cluster, where the broker tells it.
    pub cluster_id: Option<String>,
    /// The first offset that is not applied.
    pub next: i64,
    /// The end of the range that is claimed, if one is.
    pub pending: Option<i64>,
    /// The leader's epoch of the claim's last record; without a claim, of the last record that was applied.
    pub epoch: Option<LeaderEpoch>,
    /// Grows by one at every write: the compare-and-set's token. Never reset.
    pub version: i64,
    /// Who wrote it last, unique per write: tells a writer that lost its acknowledgement that the write was its own.
    pub writer: String,
    /// Events applied since the pipeline began.
    pub events: i64,
    /// Of these, rejected.
    pub rejected: i64,
    /// Of these, copies of an invoice that had counted.
    pub duplicates: i64,
    /// The last ranges that Kafka lost, newest last.
    pub lost: Vec<LostRange>,
    /// Offsets in all ranges that were ever lost.
    pub lost_offsets: i64,
    /// How far copies of an invoice lie apart at most, by the settings of whoever claimed last: whoever finishes the claim
    /// goes by it. `None`: every sale counts.
    pub deduplicate: Option<HumanDuration>,
    /// By which rules the claimed range is folded.
    pub fold: FoldRules,
    /// Whoever claims here no longer knows of invoices that counted before. Only grows.
    pub forgotten: Option<Timestamp>,
    /// The greatest event time among them.
    pub latest_event: Option<Timestamp>,
    /// The generation of the settings of who wrote it last.
    pub generation: i64,
    /// The version with which writes of that generation began; 0 where none of another came before.
    pub since: i64,
    /// When it was written.
    pub updated_at: Timestamp,
}

impl Checkpoint {
    /// A checkpoint that was never written, at a position.
    pub fn new(id: PartitionId, next: i64, topic_id: Option<String>) -> Self {
        Self {
            id,
            incarnation: 0,
            topic_id,
            cluster_id: None,
            next,
            pending: None,
            epoch: None,
            version: 0,
            writer: String::new(),
            events: 0,
            rejected: 0,
            duplicates: 0,
            lost: Vec::new(),
            lost_offsets: 0,
            deduplicate: None,
            fold: FoldRules::FIRST,
            forgotten: None,
            latest_event: None,
            generation: 0,
            since: 0,
            updated_at: Timestamp::default(),
        }
    }

    /// The leader's epoch that the log must still hold, at the offset where it counts: at the end of what is claimed, or
    /// where nothing is known of that, at the first offset that is not applied.
    pub fn known_epoch(&self) -> Option<LeaderEpoch> {
        self.epoch.filter(|epoch| epoch.at > 0 && (Some(epoch.at) == self.pending || epoch.at == self.next))
    }
}

/// Ids that Kafka gave to what this pipeline counts and counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KafkaIds {
    /// The id of the cluster whose events are counted.
    pub cluster: Option<String>,
    /// Clusters that were counted before another took their place.
    pub replaced_clusters: BTreeSet<String>,
    /// Topics that were counted before another took their place.
    pub replaced_topics: BTreeSet<String>,
}

/// Where a new pipeline started, for all partitions there were: written once, before the first event is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartPositions {
    /// The first offset to read, by partition. A partition that is not here was added later and starts at its beginning.
    pub next: BTreeMap<PartitionId, i64>,
}
