//! Copies of invoices: what a claimed range holds of them, and when invoices are forgotten.

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, Heartbeat, PartitionId},
    event::Stream,
    settings::Span,
};
use stockstream_store::Progress;

/// Sales may lie so far behind the latest of their partition, in milliseconds, before a copy may count again.
const LATE: u64 = 3_600_000;

/// Before when the invoices of a partition are forgotten whose latest sale, of the time it has under its claim, is this.
pub fn forgotten(latest: Timestamp, within: Span) -> Timestamp {
    latest.plus_millis(-((within.millis() + LATE) as i64))
}

/// What a partition begins with that was added later: whatever is forgotten already, it knows nothing of. One of those
/// that the pipeline began with is waited for instead.
pub fn inherited(id: PartitionId, is_first: bool, standing: &[Checkpoint]) -> Option<Timestamp> {
    let of_sales = standing.iter().filter(|checkpoint| checkpoint.id.stream == Stream::Sales);
    (id.stream == Stream::Sales && !is_first).then(|| of_sales.filter_map(|checkpoint| checkpoint.forgotten).min())?
}

/// What is to be forgotten.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forgetting {
    /// Invoices before this are of no use to any claim that stands or may come, nor to one that is void and does not know.
    pub before: Option<Timestamp>,
    /// Partitions at rest that would keep others from forgetting: to be written by compare-and-set.
    pub rested: Vec<Checkpoint>,
}

/// Decides what is to be forgotten from what all partitions of sales have forgotten: a claim goes by what its partition had
/// forgotten when it was written, and a partition never remembers again.
///
/// They are kept for a window more: a worker that stood still in a flush, and whose range others went on with, may ask for a
/// copy again. Were its invoice deleted, the copy would be named as a sale that counts; by then nobody looks at such a name.
pub fn forgetting(progress: &Progress, within: Span) -> Forgetting {
    let of_sales = || progress.checkpoints.iter().filter(|checkpoint| checkpoint.id.stream == Stream::Sales);
    let first = progress.start.iter().flat_map(|start| start.next.keys());
    let unread = |id: &PartitionId| id.stream == Stream::Sales && of_sales().all(|checkpoint| checkpoint.id != *id);
    if first.into_iter().any(unread) {
        return Forgetting::default();
    }
    let busy = of_sales().filter(|checkpoint| !is_at_rest(checkpoint, &progress.workers));
    let reached = busy.map(|checkpoint| checkpoint.forgotten).min().flatten();
    let raise = |checkpoint: &Checkpoint| {
        let (own, reached) = (checkpoint.forgotten, reached?);
        let is_behind = own.is_none_or(|own| own.plus_millis(LATE as i64) < reached);
        let raised = Checkpoint { forgotten: Some(reached), ..checkpoint.clone() };
        (is_behind && is_at_rest(checkpoint, &progress.workers)).then_some(raised)
    };
    let forgotten = of_sales().map(|checkpoint| checkpoint.forgotten).min().flatten();
    let within = of_sales().filter_map(|checkpoint| checkpoint.deduplicate).fold(within, Span::max);
    Forgetting {
        before: forgotten.map(|forgotten| forgotten.plus_millis(-(within.millis() as i64))),
        rested: of_sales().filter_map(raise).collect(),
    }
}

/// Whether nothing of the partition is claimed, and its worker says that there is nothing to read.
fn is_at_rest(checkpoint: &Checkpoint, workers: &[Heartbeat]) -> bool {
    let mut partitions = workers.iter().flat_map(|worker| &worker.partitions);
    let at_end = checkpoint.next;
    checkpoint.pending.is_none()
        && partitions.any(|of| of.id == checkpoint.id && of.next == at_end && of.log_end == Some(at_end))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use stockstream_model::documents::{PartitionStatus, StartPositions};

    const HOUR: i64 = 3_600_000;

    fn hours(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * HOUR)
    }

    fn sales(partition: i32) -> PartitionId {
        PartitionId { stream: Stream::Sales, partition }
    }

    fn at(partition: i32, forgotten: Option<i64>) -> Checkpoint {
        Checkpoint { forgotten: forgotten.map(hours), ..Checkpoint::new(sales(partition), 5, None) }
    }

    fn progress(checkpoints: &[Checkpoint], log_ends: &[i64]) -> Progress {
        let status = |(checkpoint, end): (&Checkpoint, &i64)| PartitionStatus {
            id: checkpoint.id,
            next: checkpoint.next,
            log_end: Some(*end),
        };
        let partitions = checkpoints.iter().zip(log_ends).map(status).collect();
        let worker = Heartbeat {
            worker: "w".into(),
            started_at: hours(0),
            at: hours(0),
            generation: 1,
            publisher: true,
            events_per_second: 0.0,
            freshness_ms: None,
            partitions,
            problems: Vec::new(),
            stalls: Vec::new(),
        };
        Progress { checkpoints: checkpoints.to_vec(), workers: vec![worker], ..Progress::default() }
    }

    fn found(progress: &Progress) -> (Option<i64>, Vec<(i32, i64)>) {
        let Forgetting { before, rested } = forgetting(progress, Span::from_millis(2 * HOUR as u64));
        let hours = |at: Timestamp| at.millis() / HOUR;
        let raised = rested.iter().map(|raised| (raised.id.partition, hours(raised.forgotten.unwrap()))).collect();
        (before.map(hours), raised)
    }

    #[test]
    fn what_the_slowest_partition_still_needs_is_kept() {
        assert_eq!(found(&progress(&[at(0, Some(9)), at(1, Some(4))], &[9, 9])), (Some(2), vec![]));
        let wider = Checkpoint { deduplicate: Some(Span::from_millis(3 * HOUR as u64)), ..at(0, Some(9)) };
        assert_eq!(found(&progress(&[wider, at(1, Some(4))], &[9, 9])), (Some(1), vec![]), "by another's window");
        assert_eq!(found(&progress(&[at(0, Some(9)), at(1, None)], &[9, 9])), (None, vec![]));
        let mut unread = progress(&[at(0, Some(9))], &[9]);
        unread.start = Some(StartPositions { next: BTreeMap::from([(sales(0), 0), (sales(1), 0)]) });
        assert_eq!(found(&unread), (None, vec![]));
    }

    #[test]
    fn a_partition_at_rest_does_not_keep_others_from_forgetting() {
        let (busy, rests) = (at(0, Some(9)), at(1, None));
        assert_eq!(found(&progress(&[busy.clone(), rests.clone()], &[9, 5])), (None, vec![(1, 9)]));
        assert_eq!(found(&progress(&[busy.clone(), at(1, Some(8))], &[9, 5])), (Some(6), vec![]), "not for so little");
        let claimed = Checkpoint { pending: Some(5), ..rests.clone() };
        assert_eq!(found(&progress(&[busy, claimed], &[9, 5])), (None, vec![]));
        assert_eq!(found(&progress(&[at(0, Some(9)), rests], &[5, 5])), (None, vec![]), "nothing comes at all");
    }

    #[test]
    fn only_a_partition_that_was_added_later_inherits() {
        let standing = [at(0, Some(9)), at(1, None), at(2, Some(4))];
        assert_eq!(inherited(sales(3), false, &standing), Some(hours(4)));
        assert_eq!(inherited(sales(3), true, &standing), None);
        assert_eq!(inherited(PartitionId { stream: Stream::Clients, partition: 3 }, false, &standing), None);
    }
}
