//! What Kafka reports of a partition, and what the settings say where that does not fit its position.

use stockstream_model::{
    Timestamp,
    documents::{EpochCheck, KafkaIds},
    settings::{OnLostOffsets, OnRecreatedTopic},
};

/// What Kafka reports of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogState {
    /// The first offset that is still there.
    pub first: i64,
    /// The offset behind the last record.
    pub end: i64,
    /// The topic's id, if the broker reports one.
    pub topic_id: Option<String>,
    /// The cluster's id, if the broker reports one.
    pub cluster_id: Option<String>,
    /// Whether the log still contains the record that [`Position::known_epoch`](crate::positions::Position::known_epoch) names.
    pub epoch: EpochCheck,
}

/// What the settings say where log and position do not fit.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// For events that the log lost.
    pub on_lost_offsets: OnLostOffsets,
    /// For another topic or cluster.
    pub on_recreated_topic: OnRecreatedTopic,
    /// The ids that were counted before.
    pub ids: &'a KafkaIds,
    /// Now, for what is frozen.
    pub now: Timestamp,
}
