//! What there is: logs, positions, documents, workers, messages in flight.

use std::collections::BTreeMap;

use stockstream_model::{
    documents::{EpochCheck, LeaderEpoch, PartitionId},
    event::EventKind,
    settings::{OnLostOffsets, OnRecreatedTopic},
};

use crate::{
    claim::{Claim, ClaimRequest, Completion},
    log::LogState,
    positions::{LaneId, OffsetRange, Position, Positions},
    update::Update,
};

/// Documents that events change.
pub const KEYS: usize = 2;

/// How far the check goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub workers: usize,
    pub lanes: LaneId,
    pub partitions: usize,
    /// Records in a partition's log when all have arrived.
    pub length: i64,
    /// Of these, the ones that are there at first.
    pub there: i64,
    pub left: Left,
    pub on_lost_offsets: OnLostOffsets,
    pub on_recreated_topic: OnRecreatedTopic,
}

/// How often something may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Left {
    /// A worker takes a lane that another one holds, dead or not.
    pub steals: u8,
    /// A worker dies and is started again.
    pub crashes: u8,
    /// A write takes effect and is not acknowledged.
    pub unheard: u8,
    /// A write is sent, its sender stops waiting, and it takes effect later.
    pub late: u8,
    /// The first record of a log is deleted.
    pub trims: u8,
    /// A topic is deleted and recreated.
    pub recreations: u8,
    /// A topic that was replaced answers again in the place of the other, or the other does.
    pub returns: u8,
    /// A log loses its end, and goes on under another leader.
    pub cuts: u8,
}

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub logs: Vec<Log>,
    /// The log that was replaced, of each partition.
    pub replaced: Vec<Option<Log>>,
    pub positions: Positions,
    pub documents: Vec<Document>,
    pub workers: Vec<Worker>,
    pub messages: Vec<Message>,
    pub left: Left,
    /// What must have become of each event.
    pub fates: Vec<Fate>,
    /// What happened that must not.
    pub wrong: Option<&'static str>,
}

/// A partition's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Log {
    /// Which topic of that name it is.
    pub topic: usize,
    pub first: i64,
    pub end: i64,
    /// Where the first leader's epoch ends, if the log lost its end then: what lies behind are other records.
    pub cut: Option<i64>,
}

/// A document: its marks, and how often each event was counted into it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Document {
    pub exists: bool,
    pub marks: BTreeMap<LaneId, i64>,
    pub counted: Vec<u8>,
}

/// What the positions say of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// No position is behind it yet.
    Due,
    /// A position is behind it: it counts once.
    Applied,
    /// It was named as lost before anybody folded it: it does not count.
    Lost,
    /// It was named as lost while it was claimed: it may count in some documents.
    Partial,
}

/// A write that takes effect some time.
#[allow(clippy::large_enum_variant)] // each state has a few
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// Of positions; the events that were folded, where it completes a claim.
    Update(Update, u32),
    /// Of a document.
    Change { key: usize, change: Change },
}

/// What a claim changes: which events are folded, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    pub lane: LaneId,
    pub seq: i64,
    pub events: u32,
}

/// A worker's process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Worker {
    pub life: u8,
    pub lane: Option<LaneId>,
    pub task: Task,
}

/// Records that were read: which events, as bits, and for each partition where they end, and of which topic they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fetched {
    pub events: u32,
    pub ends: BTreeMap<PartitionId, (i64, Option<LeaderEpoch>)>,
    pub topics: BTreeMap<PartitionId, usize>,
}

/// What a worker does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Task {
    #[default]
    Idle,
    /// It read the positions, to go on with these partitions.
    Looked {
        positions: Positions,
        partitions: Vec<usize>,
    },
    /// It found that it may read these partitions from these positions.
    Reading {
        positions: Positions,
        partitions: Vec<PartitionId>,
    },
    /// It read records behind these positions.
    Fetched {
        positions: Positions,
        fetched: Fetched,
    },
    Claiming {
        request: ClaimRequest,
        events: u32,
    },
    /// Its claim was refused or not acknowledged.
    Doubting {
        request: ClaimRequest,
        events: u32,
    },
    /// It finishes a claim that it found in these positions.
    Recovering {
        positions: Positions,
        claim: Claim,
    },
    /// It found what the logs still have of that claim.
    Rereading {
        positions: Positions,
        claim: Claim,
        losses: Vec<Update>,
        folds: BTreeMap<PartitionId, OffsetRange>,
    },
    /// It read that.
    Refetched {
        positions: Positions,
        claim: Claim,
        losses: Vec<Update>,
        fetched: Fetched,
    },
    /// It names what they do not have.
    Naming {
        claim: Claim,
        losses: Vec<Update>,
        events: u32,
    },
    Applying {
        claim: Claim,
        change: Change,
        keys: Vec<Entry>,
        losses: Vec<Update>,
    },
    Completing {
        completion: Completion,
        events: u32,
        losses: Vec<Update>,
    },
    Moving {
        update: Update,
    },
}

/// Where the change of one key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    Send,
    /// The filter found no document; it is about to be inserted.
    Insert,
    Refused,
    Done,
}

impl Log {
    /// The epoch of the leader that wrote the record at an offset.
    pub fn epoch_of(&self, offset: i64) -> i32 {
        i32::from(self.cut.is_some_and(|cut| offset >= cut))
    }

    /// The epoch of the last record in front of an offset, as a claim stores it.
    pub fn epoch_before(&self, end: i64) -> Option<LeaderEpoch> {
        (end > 0).then(|| LeaderEpoch { at: end, value: self.epoch_of(end - 1) })
    }

    /// What Kafka reports to who asks for the epoch that a position knows.
    pub fn state(&self, position: Option<&Position>, asks: bool) -> LogState {
        let is_same = |position: &&Position| position.topic_id.as_deref() == Some(&*topic_id(self.topic));
        let known = position.filter(is_same).and_then(Position::known_epoch).filter(|_| asks);
        let epoch = known.map_or(EpochCheck::Unknown, |known| {
            let end = if known.value == 0 { self.cut.unwrap_or(self.end) } else { self.end };
            if end < known.at { EpochCheck::Cut(end) } else { EpochCheck::Fits }
        });
        LogState { first: self.first, end: self.end, topic_id: Some(topic_id(self.topic)), cluster_id: None, epoch }
    }
}

impl Bounds {
    pub fn id(partition: usize) -> PartitionId {
        PartitionId { stream: EventKind::Sales, partition: partition as i32 }
    }

    /// The event that the leader of that epoch wrote there.
    pub fn event(&self, topic: usize, epoch: i32, partition: usize, offset: i64) -> usize {
        let log = topic * self.epochs() + epoch as usize;
        (log * self.partitions + partition) * self.length as usize + offset as usize
    }

    pub fn events(&self) -> usize {
        self.topics() * self.epochs() * self.partitions * self.length as usize
    }

    pub fn topics(&self) -> usize {
        usize::from(self.left.recreations) + 1
    }

    /// How many leaders may write a log, one after the other.
    pub fn epochs(&self) -> usize {
        usize::from(self.left.cuts > 0) + 1
    }

    /// Whether the event changes a document.
    pub fn touches(&self, event: usize, key: usize) -> bool {
        let (offset, partition) = (event % self.length as usize, event / self.length as usize % self.partitions);
        [0b11, 0b10, 0b01][(offset + partition) % 3] >> key & 1 == 1
    }

    /// The records of a log in a range, as bits.
    pub fn records(&self, log: &Log, partition: usize, start: i64, end: i64) -> u32 {
        let bit = |offset| 1 << self.event(log.topic, log.epoch_of(offset), partition, offset);
        (start.max(log.first)..end.min(log.end)).map(bit).sum()
    }

    pub fn start(&self) -> World {
        let log = Log { topic: 0, first: 0, end: self.there, cut: None };
        let document = Document { exists: false, marks: BTreeMap::new(), counted: vec![0; self.events()] };
        let position = |partition| (Self::id(partition), Position::starting_at(0, Some(topic_id(0)), None));
        World {
            logs: vec![log; self.partitions],
            replaced: vec![None; self.partitions],
            positions: Positions { partitions: (0..self.partitions).map(position).collect(), ..Positions::default() },
            documents: vec![document; KEYS],
            workers: vec![Worker::default(); self.workers],
            messages: Vec::new(),
            left: self.left,
            fates: vec![Fate::Due; self.events()],
            wrong: None,
        }
    }
}

pub fn topic_id(topic: usize) -> String {
    topic.to_string()
}

/// The topic that a position counts.
pub fn topic_of(position: &Position) -> usize {
    position.topic_id.as_deref().and_then(|id| id.parse().ok()).unwrap_or_default()
}

pub fn name(worker: usize, life: u8) -> String {
    format!("{worker}.{life}")
}
