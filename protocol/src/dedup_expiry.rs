//! Duplicates of invoices: which partitions still need to know which of them, and when invoices are forgotten.

use std::collections::BTreeMap;

use stockstream_model::{
    Timestamp,
    documents::{Heartbeat, PartitionId, StartPositions},
    event::EventKind,
    settings::HumanDuration,
};

use crate::positions::{Position, Positions};

/// Sales may lie so far behind the latest of their partition, in milliseconds, before a duplicate may count again.
const LATE: u64 = 3_600_000;

/// Before when the invoices of a partition are forgotten whose latest sale, of the time it has under its claim, is this.
pub fn forgotten(latest: Timestamp, within: HumanDuration) -> Timestamp {
    latest.plus_millis(-((within.millis() + LATE) as i64))
}

/// What a partition begins with that was added later: whatever is forgotten already, it knows nothing of. One of those
/// that the pipeline began with is waited for instead.
pub fn initial_dedup_watermark(id: PartitionId, is_first: bool, standing: &Positions) -> Option<Timestamp> {
    let of_sales = standing.partitions.iter().filter(|(id, _)| id.stream == EventKind::Sales);
    (id.stream == EventKind::Sales && !is_first)
        .then(|| of_sales.filter_map(|(_, position)| position.forgotten).min())?
}

/// What is to be forgotten.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpiryPlan {
    /// Invoices before this are of no use to any claim that stands or may come, nor to one that is void and does not know.
    pub before: Option<Timestamp>,
    /// Partitions at rest that would keep others from forgetting, and what they are raised to by compare-and-set.
    pub raised: BTreeMap<PartitionId, Timestamp>,
}

/// Decides what is to be forgotten from what all partitions of sales have forgotten: a claim goes by what its partition had
/// forgotten when it was written, and a partition never remembers again.
///
/// They are kept for a window more: a worker that stood still in a flush, and whose claim others went on with, may ask for a
/// duplicate again. Were its invoice deleted, the duplicate would be named as a sale that counts; by then nobody looks at such a
/// name.
pub fn forgetting(
    positions: &Positions,
    start: Option<&StartPositions>,
    workers: &[Heartbeat],
    within: HumanDuration,
) -> ExpiryPlan {
    let of_sales = || positions.partitions.iter().filter(|(id, _)| id.stream == EventKind::Sales);
    let first = start.iter().flat_map(|start| start.next.keys());
    let unread = |id: &PartitionId| id.stream == EventKind::Sales && !positions.partitions.contains_key(id);
    if first.into_iter().any(unread) {
        return ExpiryPlan::default();
    }
    let busy = of_sales().filter(|(id, position)| !is_idle(**id, position, workers));
    let reached = busy.map(|(_, position)| position.forgotten).min().flatten();
    let raise = |(id, position): (&PartitionId, &Position)| {
        let (own, reached) = (position.forgotten, reached?);
        let is_behind = own.is_none_or(|own| own.plus_millis(LATE as i64) < reached);
        (is_behind && is_idle(*id, position, workers)).then_some((*id, reached))
    };
    let forgotten = of_sales().map(|(_, position)| position.forgotten).min().flatten();
    let within = positions.lanes.values().filter_map(|lane| lane.rules.deduplicate).fold(within, HumanDuration::max);
    ExpiryPlan {
        before: forgotten.map(|forgotten| forgotten.plus_millis(-(within.millis() as i64))),
        raised: of_sales().filter_map(raise).collect(),
    }
}

/// Whether nothing of the partition is claimed, and its worker says that there is nothing to read.
fn is_idle(id: PartitionId, position: &Position, workers: &[Heartbeat]) -> bool {
    let mut partitions = workers.iter().flat_map(|worker| &worker.partitions);
    let at_end = position.next;
    position.pending.is_none() && partitions.any(|of| of.id == id && of.next == at_end && of.log_end == Some(at_end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::positions::{ClaimRules, Lane, Pending};
    use stockstream_model::documents::PartitionStatus;

    const HOUR: i64 = 3_600_000;

    fn hours(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * HOUR)
    }

    fn sales(partition: i32) -> PartitionId {
        PartitionId { stream: EventKind::Sales, partition }
    }

    fn at(forgotten: Option<i64>) -> Position {
        Position { forgotten: forgotten.map(hours), ..Position::starting_at(5, None, None) }
    }

    /// Partitions of sales in order, and a worker that tells where their logs end.
    fn standing(of: &[Position], log_ends: &[i64]) -> (Positions, Vec<Heartbeat>) {
        let status = |((partition, position), end): ((i32, &Position), &i64)| PartitionStatus {
            id: sales(partition),
            next: position.next,
            log_end: Some(*end),
        };
        let worker = Heartbeat {
            worker: "w".into(),
            started_at: hours(0),
            at: hours(0),
            generation: 1,
            publisher: true,
            partitions: (0..).zip(of).zip(log_ends).map(status).collect(),
            ..Heartbeat::default()
        };
        let partitions = (0..).map(sales).zip(of.iter().cloned()).collect();
        (Positions { partitions, ..Positions::default() }, vec![worker])
    }

    fn found(
        positions: &Positions,
        start: Option<&StartPositions>,
        workers: &[Heartbeat],
    ) -> (Option<i64>, Vec<(i32, i64)>) {
        let ExpiryPlan { before, raised } =
            forgetting(positions, start, workers, HumanDuration::from_millis(2 * HOUR as u64));
        let hours = |at: Timestamp| at.millis() / HOUR;
        (before.map(hours), raised.iter().map(|(id, to)| (id.partition, hours(*to))).collect())
    }

    fn of(partitions: &[Position], log_ends: &[i64]) -> (Option<i64>, Vec<(i32, i64)>) {
        let (positions, workers) = standing(partitions, log_ends);
        found(&positions, None, &workers)
    }

    #[test]
    fn what_the_slowest_partition_still_needs_is_kept() {
        assert_eq!(of(&[at(Some(9)), at(Some(4))], &[9, 9]), (Some(2), vec![]));
        let (mut positions, workers) = standing(&[at(Some(9)), at(Some(4))], &[9, 9]);
        let rules =
            ClaimRules { deduplicate: Some(HumanDuration::from_millis(3 * HOUR as u64)), ..ClaimRules::default() };
        positions.lanes.insert(0, Lane { rules, ..Lane::default() });
        assert_eq!(found(&positions, None, &workers), (Some(1), vec![]), "by another's window");
        assert_eq!(of(&[at(Some(9)), at(None)], &[9, 9]), (None, vec![]));
        let (positions, workers) = standing(&[at(Some(9))], &[9]);
        let start = StartPositions { next: BTreeMap::from([(sales(0), 0), (sales(1), 0)]) };
        assert_eq!(found(&positions, Some(&start), &workers), (None, vec![]));
    }

    #[test]
    fn a_partition_at_rest_does_not_keep_others_from_forgetting() {
        let (busy, rests) = (at(Some(9)), at(None));
        assert_eq!(of(&[busy.clone(), rests.clone()], &[9, 5]), (None, vec![(1, 9)]));
        assert_eq!(of(&[busy.clone(), at(Some(8))], &[9, 5]), (Some(6), vec![]), "not for so little");
        let pending = Some(Pending { end: 6, epoch: None, lane: 0, seq: 1 });
        let claimed = Position { pending, ..rests.clone() };
        assert_eq!(of(&[busy, claimed], &[9, 5]), (None, vec![]));
        assert_eq!(of(&[at(Some(9)), rests], &[5, 5]), (None, vec![]), "nothing comes at all");
    }

    #[test]
    fn only_a_partition_that_was_added_later_inherits() {
        let (positions, _) = standing(&[at(Some(9)), at(None), at(Some(4))], &[]);
        assert_eq!(initial_dedup_watermark(sales(3), false, &positions), Some(hours(4)));
        assert_eq!(initial_dedup_watermark(sales(3), true, &positions), None);
        assert_eq!(
            initial_dedup_watermark(PartitionId { stream: EventKind::Clients, partition: 3 }, false, &positions),
            None
        );
    }
}
