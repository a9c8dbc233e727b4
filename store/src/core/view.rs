//! The revisions of a view.

use stockstream_model::documents::ViewState;

/// Whether the revision after the one that was seen may be claimed.
pub fn is_claimable(standing: &ViewState, seen: i64) -> bool {
    standing.revision == seen
}

/// Whether the pointer may move there: only forward.
pub fn is_forward(standing: &ViewState, to: i64) -> bool {
    standing.pointer < to
}

/// Whether the pointer is at a revision that one publisher claimed: if it is, that publisher moved it.
pub fn is_at(standing: &ViewState, revision: i64) -> bool {
    standing.pointer == revision
}
