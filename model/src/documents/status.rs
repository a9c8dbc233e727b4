//! What is written for people and tools: the state of the views, heartbeats, rejected events.

use schemars::JsonSchema;
use serde::Serialize;

use super::PartitionId;
use crate::{Day, Timestamp, event::Reason};

/// A computed public view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The ranking of products.
    ProductWinners,
    /// Stock at risk.
    LossRiskProducts,
}

impl View {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::ProductWinners, Self::LossRiskProducts];

    /// The collection's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProductWinners => "product_winners",
            Self::LossRiskProducts => "loss_risk_products",
        }
    }

    /// The view of that collection.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.name() == name)
    }
}

/// Whether a view shows the newest result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewCondition {
    /// Nothing was ever published.
    Empty,
    /// It shows the newest result.
    Published,
    /// The newest result was empty, so the one before stays.
    Kept,
}

impl ViewCondition {
    /// The name as stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Published => "published",
            Self::Kept => "kept",
        }
    }

    /// The condition of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Empty, Self::Published, Self::Kept].into_iter().find(|condition| condition.name() == name)
    }
}

/// The `views` document of a view.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct ViewState {
    /// The view.
    pub view: View,
    /// The last revision that a publisher claimed.
    pub revision: i64,
    /// The revision that readers follow.
    pub pointer: i64,
    /// Whether it shows the newest result.
    pub condition: ViewCondition,
    /// Why it is kept or empty, for a person.
    pub why: Option<String>,
    /// Since when the condition holds.
    pub since: Option<Timestamp>,
    /// When a result was last compared with what stands.
    pub checked_at: Option<Timestamp>,
    /// When rows were last written.
    pub published_at: Option<Timestamp>,
    /// How many rows it has.
    pub rows: i64,
    /// The day to which days were counted.
    pub as_of: Option<Day>,
    /// Rows of `loss_risk_products` that carry a revision below this one were written by a publisher that others had overtaken:
    /// they hold for nothing. 0 while there never was such a publisher.
    #[serde(skip)]
    pub fence: i64,
}

impl ViewState {
    /// The state of a view that was never published.
    pub fn new(view: View) -> Self {
        Self {
            view,
            revision: 0,
            pointer: 0,
            condition: ViewCondition::Empty,
            why: None,
            since: None,
            checked_at: None,
            published_at: None,
            rows: 0,
            as_of: None,
            fence: 0,
        }
    }
}

/// What a worker says of one of its partitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartitionStatus {
    /// The partition.
    pub id: PartitionId,
    /// The first offset that is not applied.
    pub next: i64,
    /// The offset behind the last event in Kafka, when known.
    pub log_end: Option<i64>,
}

impl PartitionStatus {
    /// How many offsets are not applied yet, when known.
    pub fn lag(&self) -> Option<i64> {
        self.log_end.map(|end| (end - self.next).max(0))
    }
}

/// A worker's sign of life in `workers`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heartbeat {
    /// The worker, unique per process.
    pub worker: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When this was written.
    pub at: Timestamp,
    /// The generation of its settings.
    pub generation: i64,
    /// Whether it publishes the views.
    pub publisher: bool,
    /// Events per second since the heartbeat before.
    pub events_per_second: f64,
    /// Milliseconds from an event's Kafka timestamp to its being applied, of the last flush.
    pub freshness_ms: Option<i64>,
    /// Its partitions.
    pub partitions: Vec<PartitionStatus>,
    /// What stopped a partition or keeps it from moving, if anything does.
    pub problems: Vec<String>,
    /// Those of the problems that are over when their cause is: the partition then moves on by itself.
    pub stalls: Vec<String>,
    /// Those of the problems that keep no partition from moving.
    pub warnings: Vec<String>,
}

/// An event that was refused, in `rejected_events`.
#[derive(Clone, Debug, PartialEq)]
pub struct RejectedEvent {
    /// The topic.
    pub topic: String,
    /// The topic's incarnation.
    pub incarnation: i64,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The kind of the rejection.
    pub reason: Reason,
    /// The field, as `items[2].quantity`; empty for the whole document.
    pub path: String,
    /// What is wrong, for a person.
    pub message: String,
    /// The event as it came.
    pub payload: Vec<u8>,
    /// The record's Kafka timestamp.
    pub produced_at: Option<Timestamp>,
    /// When it was refused.
    pub rejected_at: Timestamp,
}

impl RejectedEvent {
    /// Its identity: `topic/incarnation/partition/offset`.
    pub fn id(&self) -> String {
        format!("{}/{}/{}/{}", self.topic, self.incarnation, self.partition, self.offset)
    }
}
