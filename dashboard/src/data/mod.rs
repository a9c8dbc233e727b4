//! What handlers ask the database through: shared answers, answers kept for when it is away, and what changed.

pub(crate) mod fingerprint;
pub(crate) mod lru;
pub(crate) mod overview;
pub(crate) mod partitions;
pub(crate) mod shared_cache;
pub(crate) mod stale_cache;
pub(crate) mod state;
pub(crate) mod watcher;
