//! How positions move: where reading starts, what a claim and a completion write.

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, EpochCheck, FoldRules, KafkaIds, LeaderEpoch, PartitionId},
    settings::{OnLostOffsets, OnRecreatedTopic},
};

use super::identity::{Change, change, is_of_another};

/// What Kafka says of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogFacts {
    /// The first offset that is still there.
    pub first: i64,
    /// The offset behind the last event.
    pub end: i64,
    /// The topic's id, where the broker tells it.
    pub topic_id: Option<String>,
    /// The cluster's id, where the broker tells it.
    pub cluster_id: Option<String>,
    /// Whether the log still holds the record whose leader's epoch the checkpoint knows.
    pub epoch: EpochCheck,
}

/// What decides when log and checkpoint do not fit.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// When events are missing in the log.
    pub on_lost_offsets: OnLostOffsets,
    /// When the log is that of another topic or cluster.
    pub on_recreated_topic: OnRecreatedTopic,
    /// What was counted before.
    pub ids: &'a KafkaIds,
}

/// How to go on with a partition.
#[derive(Clone, Debug, PartialEq)]
pub enum Resume {
    /// Read from this offset.
    Read {
        /// The offset.
        position: i64,
        /// Where what is left of a claimed range ends, if the log no longer holds all of it.
        until: Option<i64>,
        /// What is missing, for a person; `None` where nothing is.
        note: Option<String>,
    },
    /// Note the ids, write this checkpoint by compare-and-set, say why, and decide again.
    Rewrite {
        /// What to write.
        checkpoint: Box<Checkpoint>,
        /// What takes the place of what; to be noted first.
        ids: KafkaIds,
        /// Why, for a person; `None` where nothing is wrong.
        note: Option<String>,
    },
    /// Leave the partition alone, and look at it again later.
    Stop(Stop),
}

/// Why a partition stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Why and what to do, for a person.
    pub reason: String,
    /// Whether it may be that a broker did not know better yet.
    pub is_doubtful: bool,
}

impl Stop {
    pub(crate) fn certain(reason: String) -> Self {
        Self { reason, is_doubtful: false }
    }

    pub(crate) fn doubtful(reason: String) -> Self {
        Self { reason, is_doubtful: true }
    }
}

/// What is told of a way out that is always there.
pub(super) fn reset_command(id: PartitionId) -> String {
    format!("stockstream pipeline reset {id}")
}

/// Where a partition starts that has no checkpoint yet: where the pipeline was pinned, or, added later, at the beginning
/// of its log. `standing` are the checkpoints that there are: a partition of another topic or cluster than theirs starts only
/// where that counts.
///
/// # Errors
/// Why it must not start.
pub fn beginning(
    id: PartitionId,
    pinned: Option<i64>,
    log: &LogFacts,
    standing: &[Checkpoint],
    policy: &Policy<'_>,
) -> Result<Checkpoint, Stop> {
    let start = match is_of_another(id, log, standing, policy)? {
        true => log.first,
        false => pinned.unwrap_or(log.first),
    };
    Ok(Checkpoint { cluster_id: log.cluster_id.clone(), ..Checkpoint::new(id, start, log.topic_id.clone()) })
}

/// Decides how to go on from a checkpoint, given the log as it is. The log must have been looked at after the checkpoint
/// was read: one that was looked at before may end in front of it, and would seem to have lost events.
pub fn resume(checkpoint: &Checkpoint, log: &LogFacts, policy: &Policy<'_>) -> Resume {
    let Checkpoint { id, next, pending, .. } = checkpoint;
    if let Some(end) = pending
        && !checkpoint.fold.are_known()
    {
        let (theirs, ours) = (checkpoint.fold.version, FoldRules::VERSION);
        return Resume::Stop(Stop::certain(format!(
            "[{next}, {end}) of {id} is claimed to be folded by version {theirs}, and this worker knows {ours} and older; run \
             the version of Stockstream that claimed it, or a newer one: it finishes the claim, and the partition goes on"
        )));
    }
    match change(checkpoint, log, policy) {
        Change::None => {}
        Change::Restart { what, ids } => return restart(checkpoint, log, &what, ids),
        Change::Stop(stop) => return Resume::Stop(stop),
    }
    if let Some(from) = lost_from(checkpoint, log) {
        return truncated(checkpoint, log, policy, from);
    }
    if log.first > checkpoint.next {
        return deleted(checkpoint, log, policy.on_lost_offsets);
    }
    let adopts = (checkpoint.topic_id.is_none() && log.topic_id.is_some())
        || (checkpoint.cluster_id.is_none() && log.cluster_id.is_some());
    if adopts && checkpoint.pending.is_none() {
        let topic_id = checkpoint.topic_id.clone().or_else(|| log.topic_id.clone());
        let cluster_id = checkpoint.cluster_id.clone().or_else(|| log.cluster_id.clone());
        let ids = KafkaIds { cluster: cluster_id.clone(), ..KafkaIds::default() };
        return rewrite(Checkpoint { topic_id, cluster_id, ..checkpoint.clone() }, ids, None);
    }
    Resume::Read { position: checkpoint.next, until: None, note: None }
}

/// Whether what was seen of a log may be old: that it lacks events which were counted, or are claimed.
pub fn seems_truncated(checkpoint: &Checkpoint, log: &LogFacts, policy: &Policy<'_>) -> bool {
    matches!(change(checkpoint, log, policy), Change::None) && lost_from(checkpoint, log).is_some()
}

/// From where on the log lacks what was counted or claimed, if it does.
fn lost_from(checkpoint: &Checkpoint, log: &LogFacts) -> Option<i64> {
    let upto = checkpoint.pending.unwrap_or(checkpoint.next);
    match log.epoch {
        EpochCheck::Cut(end) => Some(end),
        EpochCheck::Fits if checkpoint.known_epoch().is_some_and(|epoch| epoch.at == upto) => None,
        EpochCheck::Fits | EpochCheck::Unknown => (log.end < upto).then_some(log.end),
    }
}

fn rewrite(checkpoint: Checkpoint, ids: KafkaIds, note: Option<String>) -> Resume {
    Resume::Rewrite { checkpoint: Box::new(checkpoint), ids, note }
}

/// All of another log counts on top.
fn restart(checkpoint: &Checkpoint, log: &LogFacts, what: &str, ids: KafkaIds) -> Resume {
    let Checkpoint { id, next, pending, .. } = checkpoint;
    let partly = pending.map(|end| format!("; [{next}, {end}) was being applied and may be counted in part"));
    let note = format!(
        "{what}: totals up to offset {next} of {id} stay, counting starts at offset {} of the new log{}",
        log.first,
        partly.unwrap_or_default(),
    );
    rewrite(restarted(checkpoint, log, log.first), ids, Some(note))
}

/// The checkpoint of a new incarnation, which counts the log as it stands from that offset on.
pub(super) fn restarted(checkpoint: &Checkpoint, log: &LogFacts, next: i64) -> Checkpoint {
    Checkpoint {
        incarnation: checkpoint.incarnation + 1,
        topic_id: log.topic_id.clone(),
        cluster_id: log.cluster_id.clone(),
        next,
        pending: None,
        epoch: None,
        ..checkpoint.clone()
    }
}

/// The log holds what was counted up to `from`, and lost or overwrote what is behind. It is never counted again: `next` does
/// not move back, as marks would refuse, or count twice, what comes in the place of what was lost.
fn truncated(checkpoint: &Checkpoint, log: &LogFacts, policy: &Policy<'_>, from: i64) -> Resume {
    let Checkpoint { id, next, pending, .. } = checkpoint;
    let upto = pending.unwrap_or(*next);
    let counted = if from < *next {
        format!("[{from}, {next}) of {id} were counted here and are lost there")
    } else {
        String::new()
    };
    let claimed = pending
        .map(|end| format!("[{}, {end}) of {id} were being applied and may be counted in part", from.max(*next)));
    let missing = [Some(counted).filter(|text| !text.is_empty()), claimed].into_iter().flatten().collect::<Vec<_>>();
    let missing = format!("Kafka's log lost events that it had acknowledged: {}", missing.join("; "));
    if log.topic_id.is_none() && log.end < upto && policy.on_recreated_topic == OnRecreatedTopic::Restart {
        let what = format!(
            "the log of {id} is shorter than what was counted, and the broker tells no topic ids: it was recreated"
        );
        return restart(checkpoint, log, &what, KafkaIds::default());
    }
    if policy.on_lost_offsets == OnLostOffsets::Fail {
        let reason = format!(
            "{missing}. Nothing is counted until the log fits again; set kafka.onLostOffsets to Resume to leave out what Kafka \
             writes at these offsets and go on at {upto}, or choose an offset with: {}",
            reset_command(*id)
        );
        return Resume::Stop(Stop::doubtful(reason));
    }
    let start = log.first.max(*next);
    match pending {
        // What is left of a claimed range is applied under the original guard.
        Some(end) if from > start => Resume::Read {
            position: start,
            until: Some(from.min(*end)),
            note: Some(format!("{missing}; what is left of [{next}, {end}) is applied now")),
        },
        Some(end) => {
            let moved = Checkpoint { next: *end, pending: None, ..checkpoint.clone() };
            rewrite(moved, KafkaIds::default(), Some(missing))
        }
        None if log.end >= *next => {
            let note = format!(
                "{missing}; Kafka has written others at these offsets, which are not counted: counting goes on at {next}"
            );
            rewrite(Checkpoint { epoch: None, ..checkpoint.clone() }, KafkaIds::default(), Some(note))
        }
        None => Resume::Stop(Stop::doubtful(format!(
            "{missing}. As kafka.onLostOffsets is Resume, what Kafka writes at these offsets is not counted; counting goes on once \
             the log, which ends at {}, has passed {next}",
            log.end
        ))),
    }
}

/// The log starts behind the checkpoint.
fn deleted(checkpoint: &Checkpoint, log: &LogFacts, on_lost_offsets: OnLostOffsets) -> Resume {
    let Checkpoint { id, next, pending, .. } = checkpoint;
    let missing = format!("Kafka has deleted the events [{next}, {}) of {id} before they were read", log.first);
    match (on_lost_offsets, pending) {
        (OnLostOffsets::Fail, _) => Resume::Stop(Stop::certain(format!(
            "{missing}; set kafka.onLostOffsets to Resume to go on without them, and lengthen the topic's retention.ms"
        ))),
        // What is left of a claimed range is applied under the original guard.
        (OnLostOffsets::Resume, Some(end)) if *end > log.first => Resume::Read {
            position: log.first,
            until: None,
            note: Some(format!(
                "{missing}; they were being applied and may be counted in part, what is left of [{next}, {end}) is applied now"
            )),
        },
        (OnLostOffsets::Resume, pending) => {
            let partly = pending.map(|end| format!("; [{next}, {end}) was being applied and may be counted in part"));
            let moved = Checkpoint { next: log.first, pending: None, ..checkpoint.clone() };
            rewrite(moved, KafkaIds::default(), Some(format!("{missing}{}", partly.unwrap_or_default())))
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
    let version = checkpoint.version + 1;
    let is_another = checkpoint.version > 0 && checkpoint.generation != stamp.generation;
    Checkpoint {
        version,
        writer: stamp.writer,
        generation: stamp.generation,
        since: if is_another { version } else { checkpoint.since },
        updated_at: stamp.at,
        ..checkpoint.clone()
    }
}

/// Claims `[next, end)`, whose last record was written in that leader's epoch. A range that is claimed already is never
/// claimed again: it is applied under the claim it has.
pub fn claim(checkpoint: &Checkpoint, end: i64, epoch: Option<LeaderEpoch>, stamp: Stamp) -> Option<Checkpoint> {
    let epoch = epoch.filter(|epoch| epoch.at == end);
    checkpoint.pending.is_none().then(|| Checkpoint { pending: Some(end), epoch, ..successor(checkpoint, stamp) })
}

/// Whether what was read again of a claimed range is what was claimed, as far as the epoch of its last record tells.
pub fn is_as_claimed(claimed: &Checkpoint, read: Option<LeaderEpoch>) -> bool {
    match (claimed.known_epoch().filter(|epoch| Some(epoch.at) == claimed.pending), read) {
        (Some(known), Some(read)) => known.at != read.at || known.value == read.value,
        _ => true,
    }
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
mod tests;
