//! What was read and is to be flushed.

use stockstream_protocol::claim::ClaimedRange;

/// What was read of a partition.
#[derive(Clone, Debug)]
pub(crate) struct ReadRange {
    /// The range that is to be claimed.
    pub range: ClaimedRange,
    /// The topic that it was read from, where the broker told its id.
    pub topic_id: Option<String>,
}
