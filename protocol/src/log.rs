//! What a partition's log says about its position: whether reading may go on, and what is lost of an open claim.
//!
//! The log is looked at after the positions were read. A log that was looked at before may end in front of a position that
//! moved meanwhile, and would seem to have lost events.

use stockstream_model::{
    documents::{EpochCheck, KafkaIds, LeaderEpoch, PartitionId},
    settings::{OnLostOffsets, OnRecreatedTopic},
};

pub use crate::{
    identity::replaced_ids,
    log_state::{LogState, Policy},
};
use crate::{
    identity::{Identity, identify},
    positions::{Cause, Frozen, OffsetRange, Position},
};

/// How to go on with a partition on which nothing is claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Read from the position.
    Read,
    /// Write this position in the place of the one that was read, then decide again.
    Move {
        /// The position to write.
        position: Box<Position>,
        /// Ids that it replaces.
        ids: KafkaIds,
        /// What is lost or counted on top.
        notice: Option<Notice>,
    },
    /// Do not read, and look again later.
    Wait(Notice),
}

/// What happened to a log, for a message to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Notice {
    /// What happened.
    pub cause: Cause,
    /// The offsets that it is about.
    pub range: OffsetRange,
}

/// What a log still contains of a claimed range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remainder {
    /// What can be folded.
    pub fold: Option<OffsetRange>,
    /// What is lost.
    pub lost: Vec<Loss>,
}

/// What a log lost of a claimed range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The offsets.
    pub range: OffsetRange,
    /// What happened to them.
    pub cause: Cause,
    /// Whether the partition freezes for it.
    pub freeze: Option<Frozen>,
}

/// Decides how to go on with a partition on which nothing is claimed.
pub fn decide(position: &Position, log: &LogState, policy: &Policy<'_>) -> Decision {
    match identify(position, log, policy) {
        Identity::Same => {}
        Identity::Replaced => return restart(position, log),
        Identity::Refused(cause) => {
            return freeze(position, cause, OffsetRange { start: position.next, end: position.next }, policy);
        }
    }
    if let Some(from) = cut_at(position, position.next, log) {
        return truncated(position, log, from, policy);
    }
    if log.first > position.next {
        let range = OffsetRange { start: position.next, end: log.first };
        return match policy.on_lost_offsets {
            OnLostOffsets::Fail => freeze(position, Cause::Deleted, range, policy),
            OnLostOffsets::Resume => {
                let mut moved = Position { next: log.first, epoch: None, frozen: None, ..position.clone() };
                moved.lost.add(position.incarnation, range, Cause::Deleted);
                write(moved, Some(Notice { cause: Cause::Deleted, range }))
            }
        };
    }
    if let Some(Frozen { cause, range, .. }) = &position.frozen {
        // What was deleted stays lost however well the log fits now: it is for the setting to say that this may be.
        let stays =
            *cause == Cause::Deleted && log.first > range.start && policy.on_lost_offsets == OnLostOffsets::Fail;
        return match stays {
            true => Decision::Wait(Notice { cause: *cause, range: *range }),
            false => write(Position { frozen: None, ..position.clone() }, None),
        };
    }
    let adopted = Position {
        topic_id: position.topic_id.clone().or_else(|| log.topic_id.clone()),
        cluster_id: position.cluster_id.clone().or_else(|| log.cluster_id.clone()),
        ..position.clone()
    };
    if adopted != *position {
        let ids = KafkaIds { cluster: adopted.cluster_id.clone(), ..KafkaIds::default() };
        return Decision::Move { position: Box::new(adopted), ids, notice: None };
    }
    Decision::Read
}

/// Decides what of a claimed range can still be folded. `None` where nothing is claimed.
///
/// That the log ends in front of the claim must have been reported for some time: a leader that was just elected may not know
/// of the last records yet.
pub fn remainder(position: &Position, log: &LogState, policy: &Policy<'_>) -> Option<Remainder> {
    let (start, end) = (position.next, position.pending?.end);
    let fails = policy.on_lost_offsets == OnLostOffsets::Fail;
    let frozen = |cause, range| Frozen { cause, range, since: policy.now };
    let whole = OffsetRange { start, end };
    match identify(position, log, policy) {
        Identity::Same => {}
        Identity::Replaced => {
            let loss = Loss { range: whole, cause: Cause::Recreated, freeze: None };
            return Some(Remainder { fold: None, lost: vec![loss] });
        }
        Identity::Refused(cause) => {
            let loss = Loss { range: whole, cause, freeze: Some(frozen(cause, whole)) };
            return Some(Remainder { fold: None, lost: vec![loss] });
        }
    }
    let cut = cut_at(position, end, log).unwrap_or(end).clamp(start, end);
    let first = log.first.clamp(start, cut);
    let lost = [(Cause::Deleted, start, first), (Cause::Truncated, cut, end)];
    let lost = lost.into_iter().filter_map(|(cause, start, end)| {
        let range = OffsetRange::new(start, end)?;
        Some(Loss { range, cause, freeze: fails.then(|| frozen(cause, range)) })
    });
    Some(Remainder { fold: OffsetRange::new(first, cut), lost: lost.collect() })
}

/// Whether what was read again of a claimed range ends in the record that was claimed, as far as leader epochs tell.
pub fn is_as_claimed(claimed: Option<LeaderEpoch>, read: Option<LeaderEpoch>) -> bool {
    match (claimed, read) {
        (Some(claimed), Some(read)) => claimed.at != read.at || claimed.value == read.value,
        _ => true,
    }
}

/// From which offset on the log lacks what was applied or claimed up to `upto`, if it does.
fn cut_at(position: &Position, upto: i64, log: &LogState) -> Option<i64> {
    match log.epoch {
        EpochCheck::Cut(end) => Some(end),
        EpochCheck::Fits if position.known_epoch().is_some_and(|epoch| epoch.at == upto) => None,
        EpochCheck::Fits | EpochCheck::Unknown => (log.end < upto).then_some(log.end),
    }
}

/// The log lost or overwrote what is behind `from`. None of it is counted again: `next` never moves back.
fn truncated(position: &Position, log: &LogState, from: i64, policy: &Policy<'_>) -> Decision {
    let range = OffsetRange { start: from.min(position.next), end: position.next };
    if log.topic_id.is_none() && log.end < position.next && policy.on_recreated_topic == OnRecreatedTopic::Restart {
        return restart(position, log);
    }
    let notice = Notice { cause: Cause::Truncated, range };
    match policy.on_lost_offsets {
        OnLostOffsets::Fail => freeze(position, Cause::Truncated, range, policy),
        // Other records took these offsets, and do not count.
        OnLostOffsets::Resume if log.end >= position.next => {
            let mut moved = Position { epoch: None, frozen: None, ..position.clone() };
            if let Some(range) = OffsetRange::new(range.start, range.end) {
                moved.lost.add(position.incarnation, range, Cause::Truncated);
            }
            write(moved, Some(notice))
        }
        OnLostOffsets::Resume => Decision::Wait(notice),
    }
}

/// Everything in another log counts on top.
fn restart(position: &Position, log: &LogState) -> Decision {
    let restarted = Position {
        topic_id: log.topic_id.clone(),
        cluster_id: log.cluster_id.clone(),
        incarnation: position.incarnation + 1,
        next: log.first,
        epoch: None,
        frozen: None,
        ..position.clone()
    };
    let range = OffsetRange { start: position.next, end: position.next };
    let notice = Some(Notice { cause: Cause::Recreated, range });
    Decision::Move { position: Box::new(restarted), ids: replaced_ids(position, log), notice }
}

fn freeze(position: &Position, cause: Cause, range: OffsetRange, policy: &Policy<'_>) -> Decision {
    let notice = Notice { cause, range };
    match &position.frozen {
        Some(frozen) if frozen.cause == cause => Decision::Wait(notice),
        _ => write(
            Position { frozen: Some(Frozen { cause, range, since: policy.now }), ..position.clone() },
            Some(notice),
        ),
    }
}

fn write(position: Position, notice: Option<Notice>) -> Decision {
    Decision::Move { position: Box::new(position), ids: KafkaIds::default(), notice }
}

/// A partition that is read for the first time, at its pinned offset or, where it was added later, at its first one.
///
/// # Errors
/// Why it must not be read: it is of another topic or cluster than what is counted.
pub fn beginning(
    id: PartitionId,
    pinned: Option<i64>,
    log: &LogState,
    standing: &[(PartitionId, &Position)],
    policy: &Policy<'_>,
) -> Result<Position, Cause> {
    let is_another = crate::identity::is_of_another(id, log, standing, policy)?;
    let start = if is_another { log.first } else { pinned.unwrap_or(log.first) };
    Ok(Position::starting_at(start, log.topic_id.clone(), log.cluster_id.clone()))
}
