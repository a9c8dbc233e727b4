//! What there is: logs, the database, workers.

use stockstream_model::{
    documents::{Checkpoint, EpochCheck, KafkaIds, LeaderEpoch, PartitionId},
    event::Stream,
    settings::{OnLostOffsets, OnRecreatedTopic},
};

use crate::{
    core::{
        flight::{Applying, Claiming, Completing},
        position::{LogFacts, Tally},
    },
    folding::{Folded, Rules},
    source::slot::Slot,
};

/// Documents that events change.
pub const KEYS: usize = 2;

/// How far the check goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub workers: usize,
    pub partitions: usize,
    /// Events in a partition's log when all have come.
    pub length: i64,
    /// Of these, the ones that are there at first.
    pub there: i64,
    /// An offset that holds no event.
    pub gap: Option<i64>,
    pub left: Left,
    pub policy: OnLostOffsets,
    pub recreated: OnRecreatedTopic,
}

/// How often something may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Left {
    /// A partition is given to a worker; whoever had it does not notice.
    pub moves: u8,
    /// A worker dies and is started again.
    pub crashes: u8,
    /// A write is done and not acknowledged.
    pub unheard: u8,
    /// The first event of a log is deleted.
    pub trims: u8,
    /// A topic is deleted and made anew.
    pub remakes: u8,
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
    pub checkpoints: Vec<Checkpoint>,
    /// What the database knows of topics.
    pub ids: KafkaIds,
    pub documents: Vec<Document>,
    pub workers: Vec<Worker>,
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
    /// Where the first leader's epoch ends, if the log lost its end then: what lies behind are other events.
    pub cut: Option<i64>,
}

impl Log {
    /// The epoch of the leader that is, or of the one that wrote the record at an offset.
    pub fn epoch(&self, offset: Option<i64>) -> i32 {
        i32::from(self.cut.is_some_and(|cut| offset.is_none_or(|offset| offset >= cut)))
    }

    /// What the leader answers who asks for an epoch.
    pub fn check(&self, asked: Option<LeaderEpoch>) -> EpochCheck {
        let Some(asked) = asked else { return EpochCheck::Unknown };
        let end = if asked.value == 0 { self.cut.unwrap_or(self.end) } else { self.end };
        if end < asked.at { EpochCheck::Cut(end) } else { EpochCheck::Fits }
    }
}

/// A document: its marks, and how often each event was counted into it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Document {
    pub is_there: bool,
    pub marks: Vec<(String, i64)>,
    pub counted: Vec<u8>,
}

/// What an event's place says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// No position is behind it yet.
    Due,
    /// A position is behind it: it counts.
    Passed,
    /// It was named as lost.
    Missing,
    /// It was named as one that may count in part.
    Partly,
}

/// A worker's process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Worker {
    pub life: u8,
    pub parts: Vec<Part>,
    pub flush: Option<Flush>,
}

/// A partition, as a worker has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Part {
    #[default]
    None,
    /// It was assigned, or must be begun again.
    Waiting,
    /// One of the two was looked at.
    Looked(Option<Checkpoint>, Option<LogFacts>),
    /// A checkpoint is to be written before anything is read, and what is named then; what is noted besides, until it is.
    Rewriting(Checkpoint, Named, Option<KafkaIds>),
    /// What was replaced is to be noted, too late.
    Noting(KafkaIds),
    Reading {
        slot: Slot<Seen>,
        position: i64,
        /// The leader's epoch that the client knows.
        epoch: i32,
        /// Whether a record was read that is of another topic than the checkpoint's.
        is_foreign: bool,
    },
    Stopped,
}

/// What a note names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Named {
    pub topic: usize,
    pub missing: Vec<(i64, i64)>,
    pub partly: Vec<(i64, i64)>,
}

/// A folded range: which events are in it, as bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    pub events: u32,
    pub end: i64,
    pub epoch: Option<LeaderEpoch>,
}

impl Folded for Seen {
    fn after(_: &Checkpoint, next: i64, _: Rules) -> Self {
        Self { events: 0, end: next, epoch: None }
    }

    fn end(&self) -> i64 {
        self.end
    }

    fn end_at(&mut self, end: i64) {
        self.end = end;
    }

    fn is_empty(&self) -> bool {
        self.events == 0
    }
}

impl Seen {
    pub fn tally(&self) -> Tally {
        Tally { end: self.end, events: self.events.count_ones().into(), ..Tally::default() }
    }
}

/// A flush under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flush {
    pub ranges: Vec<(PartitionId, Seen)>,
    /// Partitions whose topic is another by now.
    pub gone: Vec<PartitionId>,
    pub phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// With what was acknowledged of each compare-and-set.
    Claiming(Claiming, Vec<Option<bool>>),
    Applying(Applying, Round),
    Completing(Completing, Vec<Option<bool>>),
}

/// Where the upserts of a batch are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Round {
    pub entries: Vec<Entry>,
    pub void: Vec<PartitionId>,
    /// Checkpoints that were read too early.
    pub early: Option<Vec<Checkpoint>>,
}

/// Where the upsert of one key is, with its parts by index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// By a statement for several keys, which gives each the marks of all parts and makes no document.
    Together(Vec<usize>),
    Send(Vec<usize>),
    /// The filter found no document; it is about to be inserted.
    Insert(Vec<usize>),
    Refused(Vec<usize>),
    /// Its marks were read.
    Marked(Vec<usize>, Vec<(String, i64)>),
    Done,
}

impl Entry {
    /// Whether a command for it is sent next.
    pub fn is_to_be_sent(&self) -> bool {
        matches!(self, Self::Together(_) | Self::Send(_) | Self::Insert(_))
    }
}

impl Bounds {
    pub fn id(partition: usize) -> PartitionId {
        PartitionId { stream: Stream::Sales, partition: partition as i32 }
    }

    /// The event that the leader of that epoch wrote there.
    pub fn event(&self, topic: usize, epoch: i32, partition: usize, offset: i64) -> usize {
        let log = topic * self.epochs() + epoch as usize;
        (log * self.partitions + partition) * self.length as usize + offset as usize
    }

    pub fn events(&self) -> usize {
        (usize::from(self.left.remakes) + 1) * self.epochs() * self.partitions * self.length as usize
    }

    /// How many leaders may write a log, one after the other.
    pub fn epochs(&self) -> usize {
        usize::from(self.left.cuts > 0) + 1
    }

    /// Which documents the event changes, as bits.
    pub fn keys(&self, event: usize) -> u8 {
        let (offset, partition) = (event % self.length as usize, event / self.length as usize % self.partitions);
        if self.gap == Some(offset as i64) { 0 } else { [0b11, 0b10, 0b01][(offset + partition) % 3] }
    }

    pub fn start(&self) -> World {
        let log = Log { topic: 0, first: 0, end: self.there, cut: None };
        let document = Document { is_there: false, marks: Vec::new(), counted: vec![0; self.events()] };
        let worker = Worker { life: 0, parts: vec![Part::None; self.partitions], flush: None };
        let checkpoint = |partition| Checkpoint::new(Self::id(partition), 0, Some(topic_id(0)));
        World {
            logs: vec![log; self.partitions],
            replaced: vec![None; self.partitions],
            ids: KafkaIds::default(),
            checkpoints: (0..self.partitions).map(checkpoint).collect(),
            documents: vec![document; KEYS],
            workers: vec![worker; self.workers],
            left: self.left,
            fates: vec![Fate::Due; self.events()],
            wrong: None,
        }
    }
}

pub fn topic_id(topic: usize) -> String {
    topic.to_string()
}

/// The topic that a checkpoint counts.
pub fn topic_of(checkpoint: &Checkpoint) -> usize {
    checkpoint.topic_id.as_deref().and_then(|id| id.parse().ok()).unwrap_or_default()
}
