use stockstream_model::Timestamp;

/// Something that fails now and is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Since when it fails.
    pub since: Timestamp,
    /// What happened, where, and what to do.
    pub message: String,
}
