//! Positions as readers see them: a checkpoint for each partition.

use stockstream_model::documents::Checkpoint;

use crate::positions::{Position, Positions};

/// The state of every partition, in their order.
pub fn checkpoints(positions: &Positions) -> Vec<Checkpoint> {
    let updated_at = positions.lanes.values().map(|lane| lane.rules.claimed_at).max().unwrap_or_default();
    // Whoever claims next may do so by the widest window that anybody claimed by.
    let deduplicate = positions.lanes.values().filter_map(|lane| lane.rules.deduplicate).max();
    let checkpoint = |(id, position): (&_, &Position)| {
        let Position { topic_id, cluster_id, incarnation, next, epoch, pending, counters, forgotten, lost, .. } =
            position;
        let lane = pending.and_then(|pending| positions.lanes.get(&pending.lane));
        Checkpoint {
            incarnation: *incarnation,
            topic_id: topic_id.clone(),
            cluster_id: cluster_id.clone(),
            pending: pending.map(|pending| pending.end),
            epoch: pending.map_or(*epoch, |pending| pending.epoch),
            writer: lane.and_then(|lane| lane.holder.clone()).unwrap_or_default(),
            events: counters.events,
            rejected: counters.rejected,
            duplicates: counters.duplicates,
            lost: lost.ranges.clone(),
            lost_offsets: lost.offsets,
            latest_event: counters.latest_event,
            deduplicate,
            fold: lane.map(|lane| lane.rules.fold).unwrap_or_default(),
            forgotten: *forgotten,
            updated_at,
            ..Checkpoint::new(*id, *next, None)
        }
    };
    positions.partitions.iter().map(checkpoint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::positions::{ClaimRules, Lane, OffsetRange, Pending};
    use stockstream_model::{
        Timestamp,
        documents::{Cause, LeaderEpoch, LostRange, PartitionId},
        event::EventKind,
    };

    #[test]
    fn a_claimed_partition_shows_where_its_claim_ends_and_who_made_it() {
        let id = |partition| PartitionId { stream: EventKind::Sales, partition };
        let epoch = |at| Some(LeaderEpoch { at, value: 1 });
        let pending = Pending { end: 9, epoch: epoch(9), lane: 1, seq: 4 };
        let claimed = Position { pending: Some(pending), ..Position::starting_at(5, Some("T".into()), None) };
        let rules = ClaimRules { claimed_at: Timestamp::from_millis(7), ..ClaimRules::default() };
        let lane = Lane { holder: Some("w".into()), seq: 4, open: true, rules, ..Lane::default() };
        let positions = Positions {
            partitions: [
                (id(1), Position { epoch: epoch(3), ..Position::starting_at(3, None, None) }),
                (id(0), claimed),
            ]
            .into(),
            lanes: [(1, lane)].into(),
            ..Positions::default()
        };
        let found: Vec<_> = checkpoints(&positions)
            .into_iter()
            .map(|of| (of.id.partition, of.next, of.pending, of.known_epoch().map(|epoch| epoch.at), of.writer))
            .collect();
        assert_eq!(found, [(0, 5, Some(9), Some(9), "w".to_owned()), (1, 3, None, Some(3), String::new())]);
    }

    #[test]
    fn what_was_lost_is_shown() {
        let mut position = Position::starting_at(5, None, None);
        position.lost.add(2, OffsetRange { start: 3, end: 5 }, Cause::Deleted);
        let id = PartitionId { stream: EventKind::Clients, partition: 0 };
        let shown = checkpoints(&Positions { partitions: [(id, position)].into(), ..Positions::default() });
        let range = LostRange { incarnation: 2, from: 3, to: 5, cause: Some(Cause::Deleted) };
        assert_eq!((&shown[0].lost[..], shown[0].lost_offsets), (&[range][..], 2));
    }
}
