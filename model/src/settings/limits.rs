//! Bounds on memory, pace and retention.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HumanDuration;

/// Bounds on memory, pace and retention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// How many keys (products, clients, …) one batch may hold before its partitions are paused. Under a memory limit
    /// (cgroup) a batch may be full earlier.
    pub batch_keys: usize,
    /// How many bytes of events one batch may stand for before its partitions are paused. Rejected payloads, which are kept,
    /// count eight times.
    pub batch_bytes: usize,
    /// The least time between two flushes of one worker.
    pub flush_every: HumanDuration,
    /// The least time between two publications of the views.
    pub publish_every: HumanDuration,
    /// How often a worker writes its heartbeat.
    pub heartbeat_every: HumanDuration,
    /// How often Kafka's committed offsets follow the positions.
    pub commit_every: HumanDuration,
    /// After how much silence Kafka gives a worker's partitions to others.
    pub session_timeout: HumanDuration,
    /// How long rejected events are kept.
    pub keep_rejected: HumanDuration,
    /// How many threads of one worker check and fold what another reads. More than there are processors help nobody.
    pub folding_threads: usize,
    /// How many write commands one flush has under way at once.
    pub write_connections: usize,
    /// How many updates one write command carries.
    pub updates_per_command: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_keys: 700_000,
            batch_bytes: 2 << 30,
            flush_every: HumanDuration::from_millis(2),
            publish_every: HumanDuration::from_millis(25),
            heartbeat_every: HumanDuration::from_millis(5_000),
            commit_every: HumanDuration::from_millis(1_000),
            session_timeout: HumanDuration::from_millis(10_000),
            keep_rejected: HumanDuration::from_millis(30 * 86_400_000),
            folding_threads: 2,
            write_connections: 4,
            updates_per_command: 1_000,
        }
    }
}
