//! What a document's marks let through, and what a refusal means: the pure heart of applying a claimed range once.

use stockstream_model::documents::{Checkpoint, PartitionId};

/// The guard of one claimed range: what a document's mark for the partition must not have passed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Guard {
    /// The mark's name.
    pub mark: String,
    /// Where the range begins.
    pub next: i64,
    /// Where it ends, and the mark after it.
    pub end: i64,
}

impl Guard {
    /// The guard of the range that was claimed.
    pub fn of(claim: &Checkpoint) -> Self {
        let Checkpoint { id, incarnation, next, pending, .. } = claim;
        Self { mark: id.mark(*incarnation), next: *next, end: pending.unwrap_or(*next) }
    }

    /// Whether a document with that mark lets the range through.
    pub fn passes(&self, mark: Option<i64>) -> bool {
        mark.is_none_or(|mark| mark <= self.next)
    }
}

/// What to do about a document that refused a claimed range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The range is not in it: apply it (again, after an insert race).
    Apply,
    /// The range is in it: somebody with the same claim applied it.
    Already,
    /// Somebody went on beyond the range, and the claim is void: drop the batch.
    Lost,
    /// Somebody went on beyond the range although the claim stands: an invariant is broken.
    Broken,
}

/// The verdict for a claimed range on a document with that mark. Whether the claim stands must have been read after the
/// mark.
pub fn verdict(guard: &Guard, mark: Option<i64>, claim_stands: bool) -> Verdict {
    match mark {
        Some(mark) if mark == guard.end => Verdict::Already,
        mark if guard.passes(mark) => Verdict::Apply,
        _ if claim_stands => Verdict::Broken,
        _ => Verdict::Lost,
    }
}

/// Whether a claim still stands in what was read.
pub fn stands(claim: &Checkpoint, standing: Option<&Checkpoint>) -> bool {
    standing.is_some_and(|standing| {
        standing.version == claim.version
            && standing.writer == claim.writer
            && standing.incarnation == claim.incarnation
            && (standing.next, standing.pending) == (claim.next, claim.pending)
    })
}

/// What a refused upsert comes to, one verdict per partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The parts (by index) to be applied again.
    pub again: Vec<usize>,
    /// How many parts are in the document.
    pub already: u64,
    /// Partitions whose claim is void.
    pub lost: Vec<PartitionId>,
    /// A part that breaks the invariant, with the mark that shows it.
    pub broken: Option<(usize, i64)>,
}

/// Splits a refused upsert of these parts (by index). `standing` are the checkpoints as they were read after the marks.
pub fn judge<'a>(
    refused: &[usize],
    part: impl Fn(usize) -> (&'a Checkpoint, &'a Guard),
    mark: impl Fn(&Guard) -> Option<i64>,
    standing: &[Checkpoint],
) -> Judgement {
    let mut judgement = Judgement::default();
    for index in refused {
        let (claim, guard) = part(*index);
        let mark = mark(guard);
        let holds = stands(claim, standing.iter().find(|checkpoint| checkpoint.id == claim.id));
        match verdict(guard, mark, holds) {
            Verdict::Apply => judgement.again.push(*index),
            Verdict::Already => judgement.already += 1,
            Verdict::Lost => judgement.lost.push(claim.id),
            Verdict::Broken => judgement.broken = mark.map(|mark| (*index, mark)),
        }
    }
    judgement
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::event::Stream;

    #[test]
    fn a_mark_tells_whether_a_range_is_in() {
        let guard = Guard { mark: "s0".into(), next: 10, end: 20 };
        for stands in [true, false] {
            assert_eq!(verdict(&guard, None, stands), Verdict::Apply);
            assert_eq!(verdict(&guard, Some(10), stands), Verdict::Apply);
            assert_eq!(verdict(&guard, Some(20), stands), Verdict::Already);
        }
        assert_eq!(verdict(&guard, Some(15), true), Verdict::Broken);
        assert_eq!(verdict(&guard, Some(30), false), Verdict::Lost);
    }

    #[test]
    fn a_refused_upsert_is_split_into_one_verdict_per_partition() {
        let claim = |partition, version| Checkpoint {
            pending: Some(20),
            version,
            ..Checkpoint::new(PartitionId { stream: Stream::Sales, partition }, 10, None)
        };
        let claims = [claim(0, 7), claim(1, 7), claim(2, 7)];
        let guards = claims.each_ref().map(Guard::of);
        let mark = |guard: &Guard| match guard.mark.as_str() {
            "s0" => Some(20),
            "s1" => Some(30),
            _ => None,
        };
        let standing = [claim(0, 7), claim(1, 9), claim(2, 7)];
        let judged = judge(&[0, 1, 2], |index| (&claims[index], &guards[index]), mark, &standing);
        let lost = vec![claims[1].id];
        assert_eq!(judged, Judgement { again: vec![2], already: 1, lost, broken: None });
        let judged = judge(&[1], |index| (&claims[index], &guards[index]), mark, &claims);
        assert_eq!(judged.broken, Some((1, 30)));
    }
}
