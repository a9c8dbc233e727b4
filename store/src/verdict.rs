//! What a refused guard means: the pure heart of applying a claimed range once.

use stockstream_model::documents::Checkpoint;

/// What to do about a document that refused a claimed range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The range is not in it: apply it (again, after an insert race).
    Apply,
    /// The range is in it: somebody with the same claim applied it.
    Already,
    /// Somebody went on beyond the range, and the claim is void: drop the batch.
    Lost,
    /// Somebody went on beyond the range although the claim stands: an invariant is broken.
    Broken,
}

/// The verdict for the range `[next, end)` on a document with that mark. Whether the claim stands must have been read
/// after the mark.
pub(crate) fn verdict(mark: Option<i64>, next: i64, end: i64, claim_stands: bool) -> Verdict {
    match mark {
        Some(mark) if mark == end => Verdict::Already,
        Some(mark) if mark > next && claim_stands => Verdict::Broken,
        Some(mark) if mark > next => Verdict::Lost,
        _ => Verdict::Apply,
    }
}

/// Whether a claim still stands in what was read.
pub(crate) fn stands(claim: &Checkpoint, standing: Option<&Checkpoint>) -> bool {
    standing.is_some_and(|standing| {
        standing.version == claim.version
            && standing.writer == claim.writer
            && standing.incarnation == claim.incarnation
            && (standing.next, standing.pending) == (claim.next, claim.pending)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_whether_a_range_is_in() {
        for stands in [true, false] {
            assert_eq!(verdict(None, 10, 20, stands), Verdict::Apply);
            assert_eq!(verdict(Some(10), 10, 20, stands), Verdict::Apply);
            assert_eq!(verdict(Some(20), 10, 20, stands), Verdict::Already);
        }
        assert_eq!(verdict(Some(15), 10, 20, true), Verdict::Broken);
        assert_eq!(verdict(Some(30), 10, 20, false), Verdict::Lost);
    }
}
