//! What Kafka lost of a partition.

use schemars::JsonSchema;
use serde::Serialize;

/// What happened to a log. A partition that is frozen for it goes on by the setting that is named, by a reset, or when the log fits
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum Cause {
    /// Kafka deleted events before they were applied (`kafka.onLostOffsets`).
    Deleted,
    /// The log ends before the position, or was overwritten (`kafka.onLostOffsets`).
    Truncated,
    /// The topic was recreated, or another cluster answers (`kafka.onRecreatedTopic`).
    Recreated,
    /// A topic or cluster answers that was replaced before. No setting clears it.
    Returned,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Deleted, Self::Truncated, Self::Recreated, Self::Returned];

    /// Its name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deleted => "Deleted",
            Self::Truncated => "Truncated",
            Self::Recreated => "Recreated",
            Self::Returned => "Returned",
        }
    }

    /// The cause of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

/// Offsets that Kafka lost before they were applied, or while they were: those may be applied in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct LostRange {
    /// The incarnation of the log whose offsets they are: another log may lose the same offsets again.
    pub incarnation: i64,
    /// The first offset.
    pub from: i64,
    /// Behind the last offset.
    pub to: i64,
    /// What happened; null where a version that did not note it named the range.
    pub cause: Option<Cause>,
}
