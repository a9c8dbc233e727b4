//! How far a pipeline is, from positions in MongoDB and logs in Kafka.

use std::collections::BTreeMap;

use stockstream_model::documents::PartitionId;

use crate::reconcile::observed::{DatabaseFacts, Observed};

/// Where each partition stands: the offset of the next event to apply. Every partition that has a position or a log.
pub(super) fn positions(facts: &Observed, database: &DatabaseFacts) -> BTreeMap<PartitionId, i64> {
    // A partition that was added later starts at its beginning.
    let mut next = facts.log_starts.clone();
    if let Some(start) = &database.start {
        next.extend(&start.next);
    }
    next.extend(database.checkpoints.iter().map(|checkpoint| (checkpoint.id, checkpoint.next)));
    next
}

/// Events in Kafka that are not in the database yet; `None` while that is not known of every partition: half a sum would
/// look like good news.
pub(super) fn lag(facts: &Observed) -> Option<i64> {
    let (topics, database) = (facts.topics.as_ref().ok()?, facts.database.as_ref().ok()?);
    database.start.as_ref()?;
    let positions = positions(facts, database);
    let of_partition = |id: PartitionId| {
        let (first, end, next) = (*facts.log_starts.get(&id)?, *facts.log_ends.get(&id)?, *positions.get(&id)?);
        // A log that ends before the position is that of a topic made anew, and is read from its beginning.
        Some(end - if end < next { first } else { next.max(first) })
    };
    let mut sum = 0;
    for topic in topics {
        for partition in 0..topic.partitions? {
            sum += of_partition(PartitionId { stream: topic.stream, partition })?;
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use stockstream_model::event::EventKind;

    use super::*;
    use crate::reconcile::fixtures::{Fixture, id, waits};

    fn lag_with(change: impl FnOnce(&mut Fixture)) -> Option<i64> {
        lag(&Fixture::ready().with(change).facts)
    }

    #[test]
    fn lag_is_the_sum_over_all_partitions() {
        assert_eq!(lag_with(|_| {}), Some(9 * 7));
        let no_checkpoint = |fixture: &mut Fixture| fixture.facts.database.as_mut().unwrap().checkpoints.truncate(8);
        assert_eq!(lag_with(no_checkpoint), Some(8 * 7 + 17), "it starts where it was pinned");
    }

    #[test]
    fn a_partition_that_nothing_is_known_of_makes_the_lag_unknown() {
        let forgotten =
            |fixture: &mut Fixture| fixture.facts.log_ends.retain(|known, _| *known != id(EventKind::Sales, 0));
        assert_eq!(lag_with(forgotten), None);
        assert_eq!(lag_with(|fixture| *fixture = fixture.clone().without(&[EventKind::Clients])), None);
        assert_eq!(lag_with(|fixture| fixture.facts.topics = Err(waits("BrokerUnreachable", ""))), None);
        assert_eq!(lag_with(|fixture| fixture.facts.database = Err(waits("DatabaseUnreachable", ""))), None);
        assert_eq!(lag_with(|fixture| fixture.facts.database.as_mut().unwrap().start = None), None);
    }

    #[test]
    fn what_kafka_has_deleted_is_no_lag_and_a_topic_made_anew_is_all_lag() {
        let ends = |first, end| {
            move |fixture: &mut Fixture| {
                fixture.facts.log_starts.insert(id(EventKind::Sales, 0), first);
                fixture.facts.log_ends.insert(id(EventKind::Sales, 0), end);
            }
        };
        assert_eq!(lag_with(ends(105, 107)), Some(8 * 7 + 2));
        assert_eq!(lag_with(ends(0, 40)), Some(8 * 7 + 40));
    }

    #[test]
    fn a_partition_that_was_added_starts_at_its_beginning() {
        let added = |fixture: &mut Fixture| {
            fixture.facts.topics.as_mut().unwrap()[0].partitions = Some(4);
            fixture.facts.log_starts.insert(id(EventKind::Sales, 3), 5);
            fixture.facts.log_ends.insert(id(EventKind::Sales, 3), 25);
        };
        assert_eq!(lag_with(added), Some(9 * 7 + 20));
    }
}
