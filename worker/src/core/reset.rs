//! A position that a person moves: its log gets a new incarnation, so any offset may be chosen; what that counts twice or loses is
//! said first.

use stockstream_model::documents::{KafkaIds, PartitionId};
use stockstream_protocol::{
    log::{LogState, replaced_ids},
    positions::{Pending, Position},
};

/// What a reset does.
#[derive(Clone, Debug, PartialEq)]
pub struct Reset {
    /// The position to be written in the place of the one that was read.
    pub position: Position,
    /// What takes the place of what.
    pub ids: KafkaIds,
    /// What it counts twice or loses, a sentence each.
    pub effects: Vec<String>,
}

/// Where counting goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// At the first event of the log.
    Earliest,
    /// Behind the last event of the log.
    Latest,
    /// At that offset.
    Offset(i64),
}

/// Moves a partition to an offset of the log as it stands.
///
/// # Errors
/// Why that cannot be done, for a person.
pub fn reset(id: PartitionId, standing: Option<&Position>, log: &LogState, target: Target) -> Result<Reset, String> {
    let to = match target {
        Target::Earliest => log.first,
        Target::Latest => log.end,
        Target::Offset(offset) if (log.first..=log.end).contains(&offset) => offset,
        Target::Offset(offset) => {
            return Err(format!(
                "the log of {id} has no offset {offset}: it begins at {} and ends at {}",
                log.first, log.end
            ));
        }
    };
    let Some(standing) = standing else {
        return Err(format!("{id} has no position yet; a worker gives it one when it first reads the partition"));
    };
    let next = standing.next;
    if let Some(Pending { end, .. }) = standing.pending {
        return Err(format!(
            "[{next}, {end}) of {id} is being applied; a worker finishes that, also one that is started now: try again then"
        ));
    }
    let is_same = |old: &Option<String>, new: &Option<String>| old.is_none() || new.is_none() || old == new;
    let is_same = is_same(&standing.topic_id, &log.topic_id) && is_same(&standing.cluster_id, &log.cluster_id);
    let mut effects = Vec::new();
    if !is_same {
        effects.push(format!(
            "what [{to}, {}) of the new log holds counts on top; of it, what was copied from the old log counts twice",
            log.end
        ));
        if to > log.first {
            effects.push(format!("[{}, {to}) of the new log is never counted", log.first));
        }
    } else if to < next {
        effects.push(format!("[{to}, {next}) counts a second time, but for what Kafka lost of it and wrote anew"));
    } else if to > next {
        effects.push(format!("[{next}, {to}) is never counted"));
    } else {
        effects.push("nothing counts twice, nothing is left out".into());
    }
    let position = Position {
        topic_id: log.topic_id.clone(),
        cluster_id: log.cluster_id.clone(),
        incarnation: standing.incarnation + 1,
        next: to,
        epoch: None,
        frozen: None,
        ..standing.clone()
    };
    Ok(Reset { position, ids: replaced_ids(standing, log), effects })
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::event::Stream;

    const ID: PartitionId = PartitionId { stream: Stream::Sales, partition: 3 };

    fn at(next: i64) -> Position {
        Position { incarnation: 2, ..Position::starting_at(next, Some("A".into()), None) }
    }

    fn log(first: i64, end: i64, topic: &str) -> LogState {
        LogState { first, end, topic_id: Some(topic.into()), ..LogState::default() }
    }

    #[test]
    fn a_reset_begins_an_incarnation_at_the_offset_and_says_what_that_costs() {
        let to = |target| reset(ID, Some(&at(8)), &log(2, 20, "A"), target).unwrap();
        for (target, next, effect) in [
            (Target::Earliest, 2, "[2, 8) counts a second time"),
            (Target::Offset(8), 8, "nothing counts twice"),
            (Target::Latest, 20, "[8, 20) is never counted"),
        ] {
            let Reset { position, effects, ids } = to(target);
            assert_eq!((position.incarnation, position.next), (3, next));
            assert!(effects[0].contains(effect), "{effects:?}");
            assert_eq!(ids, KafkaIds::default());
        }
    }

    #[test]
    fn a_reset_onto_another_topic_notes_the_one_it_takes_the_place_of() {
        let reset = reset(ID, Some(&at(8)), &log(0, 3, "B"), Target::Offset(1)).unwrap();
        assert_eq!((reset.position.topic_id.as_deref(), reset.position.next), (Some("B"), 1));
        assert_eq!(reset.ids.replaced_topics, ["A".to_owned()].into());
        let effects = reset.effects.join("; ");
        assert!(["[1, 3)", "[0, 1) of the new log is never"].iter().all(|part| effects.contains(part)), "{effects}");
    }

    #[test]
    fn an_offset_that_the_log_lacks_and_a_claim_that_is_open_are_refused() {
        let refused = |offset| reset(ID, Some(&at(8)), &log(2, 20, "A"), Target::Offset(offset)).unwrap_err();
        assert!(refused(1).contains("begins at 2 and ends at 20") && refused(21).contains("no offset 21"));
        assert!(reset(ID, None, &log(2, 20, "A"), Target::Earliest).unwrap_err().contains("no position yet"));
        let pending = Some(Pending { end: 12, epoch: None, lane: 0, seq: 3 });
        let claimed = Position { pending, ..at(8) };
        assert!(reset(ID, Some(&claimed), &log(2, 20, "A"), Target::Latest).unwrap_err().contains("[8, 12)"));
    }
}
