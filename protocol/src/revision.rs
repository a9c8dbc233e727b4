//! The revisions of a view.

use stockstream_model::documents::ViewState;

/// Whether the revision after the one that was seen may be claimed.
pub fn is_claimable(standing: &ViewState, seen: i64) -> bool {
    standing.revision == seen
}

/// Whether the revision that was claimed last was completed. If not, its publisher died, or is still at it.
pub fn is_complete(view: &ViewState) -> bool {
    view.revision == view.pointer
}

/// Whether a view is still as it was seen. Only then may something be said of it: what was found since is not older than
/// what another publisher found.
pub fn is_as_seen(standing: &ViewState, seen: &ViewState) -> bool {
    let token = |view: &ViewState| (view.view, view.revision, view.pointer, view.checked_at);
    token(standing) == token(seen)
}

/// Whether the pointer may move there: only forward, and only where nothing was said since the view was seen.
pub fn may_point(standing: &ViewState, seen: &ViewState, to: i64) -> bool {
    standing.pointer < to && standing.checked_at == seen.checked_at
}

/// Whether the pointer is at a revision that one publisher claimed: if it is, that publisher moved it.
pub fn is_at(standing: &ViewState, revision: i64) -> bool {
    standing.pointer == revision
}
