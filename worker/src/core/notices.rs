//! What a person is told where a log and its position do not fit: what happened, what follows from it, and what to do.

use stockstream_model::{
    documents::PartitionId,
    settings::{OnLostOffsets, OnRecreatedTopic},
};
use stockstream_protocol::{
    log::{LogState, Notice, Policy},
    positions::{Cause, OffsetRange, Position},
};

/// How the way out is called that is always there.
pub fn reset_command(id: PartitionId) -> String {
    format!("stockstream pipeline reset {id} --to earliest|latest|OFFSET")
}

/// What happened to a log of which nothing is claimed, and what follows: the partition waits, or it is `moved`.
pub fn sentence(
    id: PartitionId,
    position: &Position,
    log: &LogState,
    policy: &Policy<'_>,
    notice: &Notice,
    moved: bool,
) -> String {
    match notice.cause {
        Cause::Deleted => deleted(id, notice.range, moved),
        Cause::Truncated => truncated(id, position, log, policy, notice.range, moved),
        Cause::Recreated | Cause::Returned => {
            let what = another_log(id, position, log, policy);
            match (notice.cause, moved) {
                (Cause::Recreated, true) => format!(
                    "{what}: totals up to offset {} of {id} stay, counting starts at offset {} of the new log",
                    position.next, log.first
                ),
                (cause, _) => refused(id, &what, cause, is_another_topic(position, log)),
            }
        }
    }
}

/// What is told of a partition that has no position, and whose log is of another topic or cluster than what is counted.
pub fn not_begun(id: PartitionId, log: &LogState, is_of_another_cluster: bool, cause: Cause) -> String {
    let what = match is_of_another_cluster {
        true => format!("another Kafka cluster answers, {}", log.cluster_id.as_deref().unwrap_or_default()),
        false => format!(
            "{id} is not begun: its topic is not the one that the other partitions of {} are counted from. {}",
            id.stream,
            recreated_or_renamed(id)
        ),
    };
    refused(id, &what, cause, !is_of_another_cluster)
}

/// What is told of a part of a claim that its log lost.
pub fn lost_of_a_claim(id: PartitionId, range: OffsetRange) -> String {
    let OffsetRange { start, end } = range;
    format!(
        "Kafka's log lost [{start}, {end}) of {id} while they were being applied: they may be counted in part. What is left of \
         the claim is applied now"
    )
}

fn deleted(id: PartitionId, OffsetRange { start, end }: OffsetRange, moved: bool) -> String {
    let missing = format!("Kafka has deleted the events [{start}, {end}) of {id} before they were read");
    if moved {
        return missing;
    }
    format!("{missing}; set kafka.onLostOffsets to Resume to go on without them, and lengthen the topic's retention.ms")
}

fn truncated(
    id: PartitionId,
    position: &Position,
    log: &LogState,
    policy: &Policy<'_>,
    OffsetRange { start, end }: OffsetRange,
    moved: bool,
) -> String {
    let next = position.next;
    let missing = format!(
        "Kafka's log lost events that it had acknowledged: [{start}, {end}) of {id} were counted here and are lost there"
    );
    match policy.on_lost_offsets {
        OnLostOffsets::Fail => format!(
            "{missing}. Nothing is counted until the log fits again; set kafka.onLostOffsets to Resume to leave out what Kafka \
             writes at these offsets and go on at {next}, or choose an offset with: {}",
            reset_command(id)
        ),
        OnLostOffsets::Resume if moved => format!(
            "{missing}; Kafka has written others at these offsets, which are not counted: counting goes on at {next}"
        ),
        OnLostOffsets::Resume => format!(
            "{missing}. As kafka.onLostOffsets is Resume, what Kafka writes at these offsets is not counted; counting goes on once \
             the log, which ends at {}, has passed {next}",
            log.end
        ),
    }
}

fn another_log(id: PartitionId, position: &Position, log: &LogState, policy: &Policy<'_>) -> String {
    let changed =
        |old: &Option<String>, new: &Option<String>| old.clone().zip(new.clone()).filter(|(old, new)| old != new);
    if let Some((old, new)) = changed(&position.cluster_id, &log.cluster_id) {
        return format!("another Kafka cluster answers, {new}, and {id} is counted from {old}");
    }
    if let Some((old, new)) = changed(&position.topic_id, &log.topic_id) {
        let cause = recreated_or_renamed(id);
        return format!(
            "{id} is counted from the topic with the id {old}, and its topic has the id {new} now. {cause}"
        );
    }
    match policy.on_recreated_topic {
        OnRecreatedTopic::Restart => format!(
            "the log of {id} is shorter than what was counted, and the broker tells no topic ids: it was recreated"
        ),
        OnRecreatedTopic::Fail => format!("the log of {id} is not the one that is counted"),
    }
}

/// How a topic comes to have another id. Kafka does not tell which of them it was: the topic that was counted may be gone.
fn recreated_or_renamed(id: PartitionId) -> String {
    format!("It was deleted and recreated, or kafka.topics.{}.name was changed to that of another topic", id.stream)
}

fn is_another_topic(position: &Position, log: &LogState) -> bool {
    let differ = |old: &Option<String>, new: &Option<String>| old.is_some() && new.is_some() && old != new;
    differ(&position.topic_id, &log.topic_id) && !differ(&position.cluster_id, &log.cluster_id)
}

fn refused(id: PartitionId, what: &str, cause: Cause, is_topic: bool) -> String {
    let reset = reset_command(id);
    let back = if is_topic { "if the name was changed by mistake, put it back; otherwise " } else { "" };
    match cause {
        Cause::Returned => format!(
            "{what}; it was counted before another took its place, so nothing of it is counted, whatever \
             kafka.onRecreatedTopic says. Name the topic and the cluster that are counted, or choose an offset with: {reset}"
        ),
        _ => format!(
            "{what}. Nothing of it is counted; {back}set kafka.onRecreatedTopic to Restart to count all that is in it on top of \
             the totals, or choose an offset with: {reset}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::{Timestamp, documents::KafkaIds, event::EventKind};
    use stockstream_protocol::log::{Decision, decide};

    const ID: PartitionId = PartitionId { stream: EventKind::Sales, partition: 3 };

    fn log(first: i64, end: i64, topic: &str, cluster: &str) -> LogState {
        LogState { first, end, topic_id: Some(topic.into()), cluster_id: Some(cluster.into()), ..LogState::default() }
    }

    /// What is decided on a position at offset 10 of topic A in cluster K, in words.
    fn said(log: &LogState, lost: OnLostOffsets, recreated: OnRecreatedTopic, ids: &KafkaIds) -> String {
        let position = Position::starting_at(10, Some("A".into()), Some("K".into()));
        let policy =
            Policy { on_lost_offsets: lost, on_recreated_topic: recreated, ids, now: Timestamp::from_millis(1) };
        let (notice, moved) = match decide(&position, log, &policy) {
            Decision::Move { position: to, notice: Some(notice), .. } => (notice, to.frozen.is_none()),
            Decision::Wait(notice) => (notice, false),
            other => panic!("{other:?}"),
        };
        sentence(ID, &position, log, &policy, &notice, moved)
    }

    #[test]
    fn every_misfit_is_told_with_what_follows_and_what_to_do() {
        use {OnLostOffsets as Lost, OnRecreatedTopic as Recreated};
        let (none, seen) =
            (KafkaIds::default(), KafkaIds { replaced_topics: ["B".to_owned()].into(), ..KafkaIds::default() });
        let short = log(0, 8, "A", "K");
        for (log, lost, recreated, ids, words) in [
            (log(12, 30, "A", "K"), Lost::Fail, Recreated::Fail, &none, &["[10, 12) of sales/3", "onLostOffsets"][..]),
            (log(12, 30, "A", "K"), Lost::Resume, Recreated::Fail, &none, &["deleted the events [10, 12)"]),
            (
                short.clone(),
                Lost::Fail,
                Recreated::Fail,
                &none,
                &["[8, 10) of sales/3", "go on at 10", "reset sales/3"],
            ),
            (short, Lost::Resume, Recreated::Fail, &none, &["ends at 8", "has passed 10"]),
            (
                log(0, 5, "B", "K"),
                Lost::Fail,
                Recreated::Restart,
                &none,
                &[
                    "sales/3 is counted from the topic with the id A",
                    "the id B now",
                    "another topic: totals up to offset 10",
                ],
            ),
            (
                log(0, 5, "B", "K"),
                Lost::Fail,
                Recreated::Fail,
                &none,
                &[
                    "deleted and recreated, or kafka.topics.sales.name was changed",
                    "put it back",
                    "onRecreatedTopic to Restart",
                ],
            ),
            (log(0, 5, "A", "L"), Lost::Fail, Recreated::Fail, &none, &["another Kafka cluster answers, L"]),
            (log(0, 5, "B", "K"), Lost::Fail, Recreated::Restart, &seen, &["counted before", "reset sales/3"]),
        ] {
            let said = said(&log, lost, recreated, ids);
            assert!(words.iter().all(|words| said.contains(words)), "{log:?}: {said}");
        }
        let said = not_begun(ID, &log(0, 1, "B", "K"), false, Cause::Recreated);
        assert!(
            ["sales/3 is not begun", "or kafka.topics.sales.name"].iter().all(|part| said.contains(part)),
            "{said}"
        );
        assert!(!not_begun(ID, &log(0, 1, "A", "L"), true, Cause::Recreated).contains("put it back"));
    }
}
