//! A position that a person moves: its log gets a new incarnation, so any offset may be chosen; what that counts twice or loses is
//! said first.

use stockstream_model::documents::{KafkaIds, PartitionId};

use crate::{
    log::{LogState, replaced_ids},
    positions::{Cause, OffsetRange, Pending, Position},
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

/// Moves a partition to an offset of the log as it stands. `start` is the offset that the pipeline began at, where that is known.
///
/// # Errors
/// Why that cannot be done, for a person.
pub fn reset(
    id: PartitionId,
    standing: Option<&Position>,
    start: Option<i64>,
    log: &LogState,
    target: Target,
) -> Result<Reset, String> {
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
    let effects = if is_same { in_the_same_log(standing, start, log, to) } else { in_another_log(next, log, to) };
    let mut lost = standing.lost.clone();
    if is_same && let Some(range) = OffsetRange::new(next, log.first) {
        lost.add(standing.incarnation, range, Cause::Deleted);
    }
    let position = Position {
        lost,
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

fn in_another_log(next: i64, log: &LogState, to: i64) -> Vec<String> {
    let LogState { first, end, .. } = log;
    let mut effects = Vec::new();
    if to < *end {
        effects.push(format!(
            "what [{to}, {end}) of the new log holds counts on top; of it, what was copied from the old log counts twice"
        ));
    }
    if to > *first {
        effects.push(format!("[{first}, {to}) of the new log is never counted"));
    }
    effects.push(format!("of the old log, what lay at offset {next} and behind is never counted"));
    effects
}

fn in_the_same_log(standing: &Position, start: Option<i64>, log: &LogState, to: i64) -> Vec<String> {
    let (next, end) = (standing.next, standing.next.min(log.end));
    let mut effects = Vec::new();
    let mut at = to;
    for (new, why) in uncounted(standing, start) {
        let (from, upto) = (new.start.max(at), new.end.min(end));
        if from >= upto {
            continue;
        }
        effects.extend(OffsetRange::new(at, from).map(|range| twice(standing, range)));
        effects.push(format!("[{from}, {upto}) counts for the first time: {why}"));
        at = upto;
    }
    effects.extend(OffsetRange::new(at, end).map(|range| twice(standing, range)));
    if let Some(range) = overwritten(standing)
        && let Some(OffsetRange { start, end }) = OffsetRange::new(range.start, range.end.min(to).min(log.end))
    {
        effects.push(format!("[{start}, {end}) is never counted: Kafka wrote it in the place of what it lost"));
    }
    if let Some(OffsetRange { start, end }) = OffsetRange::new(next, log.first) {
        effects.push(format!("[{start}, {end}) is never counted: Kafka has deleted it"));
    }
    if let Some(OffsetRange { start, end }) = OffsetRange::new(next.max(log.first), to) {
        effects.push(format!("[{start}, {end}) is never counted"));
    }
    if effects.is_empty() {
        effects.push("nothing counts twice, nothing is left out".into());
    }
    if standing.topic_id.is_none() || log.topic_id.is_none() {
        effects.push("the broker tells no topic id: that this is the log that was counted is taken for granted".into());
    }
    effects
}

fn twice(standing: &Position, OffsetRange { start, end }: OffsetRange) -> String {
    match standing.incarnation {
        0 => format!("[{start}, {end}) counts a second time"),
        _ => format!(
            "[{start}, {end}) counts a second time, as far as it was counted: it is not known where counting of this log began, \
             since its position was reset before, or another log replaced"
        ),
    }
}

/// What of the log in front of the position was never counted, in order, and why.
fn uncounted(standing: &Position, start: Option<i64>) -> Vec<(OffsetRange, &'static str)> {
    // Of a later incarnation it is not known where it began.
    let before = start.filter(|_| standing.incarnation == 0).and_then(|start| OffsetRange::new(i64::MIN, start));
    let mut ranges: Vec<_> = before.map(|range| (range, "the pipeline began behind it")).into_iter().collect();
    let lost = standing.lost.ranges.iter().filter(|lost| lost.incarnation == standing.incarnation);
    ranges.extend(lost.map(|lost| {
        (OffsetRange { start: lost.from, end: lost.to }, "what was there was lost, and Kafka wrote it anew")
    }));
    ranges.extend(overwritten(standing).map(|range| (range, "Kafka wrote it in the place of what it lost")));
    ranges.sort_by_key(|(range, _)| *range);
    ranges
}

/// What the log held in front of the position and lost. What is there now was never counted.
fn overwritten(standing: &Position) -> Option<OffsetRange> {
    standing.frozen.as_ref().filter(|frozen| frozen.cause == Cause::Truncated).map(|frozen| frozen.range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::positions::Frozen;
    use stockstream_model::{Timestamp, event::EventKind};

    const ID: PartitionId = PartitionId { stream: EventKind::Sales, partition: 3 };

    fn at(next: i64) -> Position {
        Position { incarnation: 2, ..Position::starting_at(next, Some("A".into()), None) }
    }

    fn log(first: i64, end: i64, topic: &str) -> LogState {
        LogState { first, end, topic_id: Some(topic.into()), ..LogState::default() }
    }

    #[test]
    fn a_reset_begins_an_incarnation_at_the_offset_and_says_what_that_costs() {
        let to = |target| reset(ID, Some(&at(8)), None, &log(2, 20, "A"), target).unwrap();
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
        let reset = reset(ID, Some(&at(8)), None, &log(0, 3, "B"), Target::Offset(1)).unwrap();
        assert_eq!((reset.position.topic_id.as_deref(), reset.position.next), (Some("B"), 1));
        assert_eq!(reset.ids.replaced_topics, ["A".to_owned()].into());
        let effects = reset.effects.join("; ");
        assert!(["[1, 3)", "[0, 1) of the new log is never"].iter().all(|part| effects.contains(part)), "{effects}");
    }

    #[test]
    fn an_offset_that_the_log_lacks_and_a_claim_that_is_open_are_refused() {
        let refused = |offset| reset(ID, Some(&at(8)), None, &log(2, 20, "A"), Target::Offset(offset)).unwrap_err();
        assert!(refused(1).contains("begins at 2 and ends at 20") && refused(21).contains("no offset 21"));
        assert!(reset(ID, None, None, &log(2, 20, "A"), Target::Earliest).unwrap_err().contains("no position yet"));
        let pending = Some(Pending { end: 12, epoch: None, lane: 0, seq: 3 });
        let claimed = Position { pending, ..at(8) };
        assert!(reset(ID, Some(&claimed), None, &log(2, 20, "A"), Target::Latest).unwrap_err().contains("[8, 12)"));
    }

    /// What it says of a position at offset 8 of the first incarnation, which began at offset 4.
    fn effects(change: impl FnOnce(&mut Position), log: &LogState, target: Target) -> Vec<String> {
        let mut standing = Position::starting_at(8, Some("A".into()), None);
        change(&mut standing);
        reset(ID, Some(&standing), Some(4), log, target).unwrap().effects
    }

    #[test]
    fn what_was_never_counted_is_not_said_to_count_a_second_time() {
        let (whole, cut) = (log(0, 20, "A"), log(0, 6, "A"));
        let (earliest, from) = (Target::Earliest, Target::Offset);
        let frozen = |position: &mut Position| {
            let range = OffsetRange { start: 6, end: 8 };
            position.frozen = Some(Frozen { cause: Cause::Truncated, range, since: Timestamp::default() });
        };
        let lost = |position: &mut Position| position.lost.add(0, OffsetRange { start: 5, end: 6 }, Cause::Truncated);
        let begun = "[0, 4) counts for the first time: the pipeline began behind it";
        for (said, expected) in [
            (effects(|_| {}, &whole, earliest), &[begun, "[4, 8) counts a second time"][..]),
            (effects(|_| {}, &whole, from(6)), &["[6, 8) counts a second time"]),
            (
                effects(lost, &whole, from(4)),
                &["[4, 5) counts a second", "[5, 6) counts for the first", "[6, 8) counts a second"],
            ),
            (effects(frozen, &whole, from(5)), &["[5, 6) counts a second time", "[6, 8) counts for the first time"]),
            (effects(frozen, &whole, from(7)), &["[7, 8) counts for the first time", "[6, 7) is never counted"]),
            (effects(frozen, &whole, from(8)), &["[6, 8) is never counted: Kafka wrote it"]),
            // What the log lost cannot count.
            (effects(frozen, &cut, from(5)), &["[5, 6) counts a second time"]),
            (effects(frozen, &cut, from(6)), &["nothing counts twice"]),
            // Forward.
            (effects(|_| {}, &whole, from(9)), &["[8, 9) is never counted"]),
            (
                effects(|_| {}, &log(12, 20, "A"), from(15)),
                &["[8, 12) is never counted: Kafka has deleted it", "[12, 15) is never counted"],
            ),
        ] {
            assert_eq!(said.len(), expected.len(), "{said:?}");
            assert!(said.iter().zip(expected).all(|(said, part)| said.contains(part)), "{said:?}: {expected:?}");
        }
        let deleted = reset(ID, Some(&at(8)), None, &log(12, 20, "A"), from(15)).unwrap().position.lost;
        assert_eq!((deleted.offsets, deleted.ranges[0].from, deleted.ranges[0].to), (4, 8, 12));
        let of_another = effects(|_| {}, &log(0, 3, "B"), Target::Latest).join("; ");
        assert!(!of_another.contains("on top") && of_another.contains("old log, what lay at offset 8"), "{of_another}");
        let unknown = effects(|position| position.topic_id = None, &whole, from(8)).join("; ");
        assert!(unknown.contains("nothing counts twice") && unknown.contains("taken for granted"), "{unknown}");
    }
}
