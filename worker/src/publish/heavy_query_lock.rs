//! Reads of thousands of documents: one at a time.

use std::time::Duration;

/// For how long what reads thousands of documents waits for another that does; that one may wait for a database that refuses
/// something which this one does not need.
pub(super) const COURTESY: Duration = Duration::from_secs(60);
