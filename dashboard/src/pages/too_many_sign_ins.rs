//! What is said to whoever failed to sign in too often.

use std::time::Duration;

use crate::locale::translate::tf;

/// How many seconds to wait after too many failures, and what is said of it.
pub(crate) fn too_many(wait: Duration) -> (u64, String) {
    let seconds = wait.as_secs().max(1);
    (seconds, tf("Too many sign-ins failed. Wait {} seconds, then try again.", &[&seconds.to_string()]))
}
