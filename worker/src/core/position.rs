//! How positions move: where reading starts, what a claim and a completion write.

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, PartitionId},
    settings::OnLostOffsets,
};

/// What Kafka says of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogFacts {
    /// The first offset that is still there.
    pub first: i64,
    /// The offset behind the last event.
    pub end: i64,
    /// The topic's id, where the broker tells it.
    pub topic_id: Option<String>,
}

/// How to go on with a partition.
#[derive(Clone, Debug, PartialEq)]
pub enum Resume {
    /// Read from this offset.
    Read {
        /// The offset.
        position: i64,
        /// What is missing in front of it, for a person; `None` where nothing is.
        note: Option<String>,
    },
    /// Write this checkpoint by compare-and-set, say why, and decide anew.
    Rewrite {
        /// What to write.
        checkpoint: Box<Checkpoint>,
        /// Why, for a person.
        note: String,
    },
    /// Leave the partition alone.
    Stop {
        /// Why and what to do, for a person.
        reason: String,
    },
}

/// Where a partition starts that has no checkpoint yet: where the pipeline was pinned, or, added later, at the beginning
/// of its log.
pub fn beginning(id: PartitionId, pinned: Option<i64>, log: &LogFacts) -> Checkpoint {
    Checkpoint::new(id, pinned.unwrap_or(log.first), log.topic_id.clone())
}

/// Decides how to go on from a checkpoint, given the log as it is. The log must have been looked at after the checkpoint
/// was read: one that was looked at before may end in front of it, and would seem to be made anew.
pub fn resume(checkpoint: &Checkpoint, log: &LogFacts, policy: OnLostOffsets) -> Resume {
    let Checkpoint { id, next, pending, .. } = checkpoint;
    let another = checkpoint.topic_id.is_some() && log.topic_id.is_some() && checkpoint.topic_id != log.topic_id;
    if another || log.end < *next {
        let note = format!(
            "the topic of {id} was deleted and made anew: totals up to offset {next} stay, counting starts at offset {} of the new one{}",
            log.first,
            pending
                .map(|end| format!("; [{next}, {end}) was being applied and may be counted in part"))
                .unwrap_or_default(),
        );
        let checkpoint = Checkpoint {
            incarnation: checkpoint.incarnation + 1,
            topic_id: log.topic_id.clone(),
            next: log.first,
            pending: None,
            ..checkpoint.clone()
        };
        return Resume::Rewrite { checkpoint: Box::new(checkpoint), note };
    }
    if log.first <= *next {
        return Resume::Read { position: *next, note: None };
    }
    let missing = format!("Kafka has deleted the events [{next}, {}) of {id} before they were read", log.first);
    match (policy, pending) {
        (OnLostOffsets::Fail, _) => Resume::Stop {
            reason: format!(
                "{missing}; set kafka.onLostOffsets to Resume to go on without them, and lengthen the topic's retention.ms"
            ),
        },
        // What is left of a claimed range is applied under the original guard.
        (OnLostOffsets::Resume, Some(end)) if *end > log.first => Resume::Read {
            position: log.first,
            note: Some(format!(
                "{missing}; they were being applied and may be counted in part, what is left of [{next}, {end}) is applied now"
            )),
        },
        (OnLostOffsets::Resume, pending) => {
            let partly = pending.map(|end| format!("; [{next}, {end}) was being applied and may be counted in part"));
            let checkpoint = Checkpoint { next: log.first, pending: None, ..checkpoint.clone() };
            Resume::Rewrite {
                checkpoint: Box::new(checkpoint),
                note: format!("{missing}{}", partly.unwrap_or_default()),
            }
        }
    }
}

/// Whether what was read behind a checkpoint is of the topic that has this id now, after it was read.
pub fn is_of_topic(checkpoint: &Checkpoint, standing: Option<&str>) -> bool {
    match (checkpoint.topic_id.as_deref(), standing) {
        (Some(read_from), Some(standing)) => read_from == standing,
        (Some(_), None) => false, // it is gone
        (None, _) => true,        // the broker told no id when reading began
    }
}

/// What identifies a write of a checkpoint.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Who writes, unique per write.
    pub writer: String,
    /// The generation of the writer's settings.
    pub generation: i64,
    /// When.
    pub at: Timestamp,
}

/// The checkpoint after this one, to be written by compare-and-set.
pub fn successor(checkpoint: &Checkpoint, stamp: Stamp) -> Checkpoint {
    Checkpoint {
        version: checkpoint.version + 1,
        writer: stamp.writer,
        generation: stamp.generation,
        updated_at: stamp.at,
        ..checkpoint.clone()
    }
}

/// Claims `[next, end)`. A range that is claimed already is never claimed again: it is applied under the claim it has.
pub fn claim(checkpoint: &Checkpoint, end: i64, stamp: Stamp) -> Option<Checkpoint> {
    checkpoint.pending.is_none().then(|| Checkpoint { pending: Some(end), ..successor(checkpoint, stamp) })
}

/// What a completed range adds to its checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    /// Behind its last offset.
    pub end: i64,
    /// Events in it, rejected ones included.
    pub events: i64,
    /// Rejected ones in it.
    pub rejected: i64,
    /// Copies of invoices in it.
    pub duplicates: i64,
    /// Before when invoices are forgotten from now on.
    pub forgotten: Option<Timestamp>,
    /// The greatest event time in it.
    pub latest_event: Option<Timestamp>,
}

/// Completes a claimed range.
pub fn complete(claimed: &Checkpoint, range: &Tally, stamp: Stamp) -> Checkpoint {
    Checkpoint {
        next: range.end,
        pending: None,
        events: claimed.events + range.events,
        rejected: claimed.rejected + range.rejected,
        duplicates: claimed.duplicates + range.duplicates,
        forgotten: claimed.forgotten.max(range.forgotten),
        latest_event: claimed.latest_event.max(range.latest_event),
        ..successor(claimed, stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::event::Stream;

    fn at(next: i64, pending: Option<i64>) -> Checkpoint {
        let id = PartitionId { stream: Stream::Sales, partition: 3 };
        Checkpoint { pending, version: 7, ..Checkpoint::new(id, next, Some("A".into())) }
    }

    fn read(position: i64) -> Resume {
        Resume::Read { position, note: None }
    }

    fn log(first: i64, end: i64, id: Option<&str>) -> LogFacts {
        LogFacts { first, end, topic_id: id.map(str::to_owned) }
    }

    #[test]
    fn reads_on_where_it_was_also_when_the_broker_tells_no_id() {
        for id in [Some("A"), None] {
            assert_eq!(resume(&at(5, None), &log(0, 9, id), OnLostOffsets::Fail), read(5));
        }
        assert_eq!(resume(&at(5, Some(8)), &log(0, 9, Some("A")), OnLostOffsets::Fail), read(5));
    }

    #[test]
    fn another_topic_of_the_same_name_starts_a_new_incarnation() {
        for facts in [log(2, 50, Some("B")), log(0, 4, Some("A")), log(0, 4, None)] {
            let Resume::Rewrite { checkpoint, note } = resume(&at(5, Some(8)), &facts, OnLostOffsets::Fail) else {
                panic!()
            };
            assert_eq!((checkpoint.incarnation, checkpoint.next, checkpoint.pending), (1, facts.first, None));
            assert!(note.contains("[5, 8)"), "{note}");
        }
    }

    #[test]
    fn lost_offsets_stop_or_are_named_and_passed_and_pending_is_never_dropped_while_any_is_left() {
        let facts = log(10, 50, Some("A"));
        assert!(
            matches!(resume(&at(5, None), &facts, OnLostOffsets::Fail), Resume::Stop { reason } if reason.contains("[5, 10)"))
        );
        let Resume::Rewrite { checkpoint, .. } = resume(&at(5, None), &facts, OnLostOffsets::Resume) else { panic!() };
        assert_eq!((checkpoint.next, checkpoint.incarnation), (10, 0));
        let left = resume(&at(5, Some(12)), &facts, OnLostOffsets::Resume);
        assert!(matches!(left, Resume::Read { position: 10, note: Some(note) } if note.contains("[5, 10)")));
        let Resume::Rewrite { checkpoint, note } = resume(&at(5, Some(8)), &facts, OnLostOffsets::Resume) else {
            panic!()
        };
        assert_eq!((checkpoint.next, checkpoint.pending), (10, None));
        assert!(note.contains("[5, 8)"), "{note}");
    }

    #[test]
    fn a_claimed_range_is_never_claimed_again() {
        let stamp = || Stamp { writer: "w".into(), generation: 1, at: Timestamp::default() };
        let claimed = claim(&at(5, None), 9, stamp()).unwrap();
        assert_eq!((claimed.next, claimed.pending, claimed.version), (5, Some(9), 8));
        assert_eq!(claim(&claimed, 12, stamp()), None);
        let range = Tally { end: 9, events: 4, rejected: 1, ..Tally::default() };
        let done = complete(&claimed, &range, stamp());
        assert_eq!((done.next, done.pending, done.version, done.events, done.rejected), (9, None, 9, 4, 1));
    }
}
