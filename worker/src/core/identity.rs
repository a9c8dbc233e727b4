//! Whether a log is that of the topic and the cluster that are counted.

use stockstream_model::{
    documents::{Checkpoint, KafkaIds, PartitionId},
    settings::OnRecreatedTopic,
};

use super::position::{LogFacts, Policy, Stop, reset_command};

/// What became of the topic of a checkpoint.
pub(super) enum Change {
    /// It is the same, as far as its ids tell.
    None,
    /// Another took its place, and all of that counts.
    Restart {
        /// What happened, for a person.
        what: String,
        /// What takes the place of what.
        ids: KafkaIds,
    },
    /// Another took its place, and must not count.
    Stop(Stop),
}

/// Compares the ids of a checkpoint with those of the log, as far as both are known.
pub(super) fn change(checkpoint: &Checkpoint, log: &LogFacts, policy: &Policy<'_>) -> Change {
    let id = checkpoint.id;
    let (topics, clusters) = (both(&checkpoint.topic_id, &log.topic_id), both(&checkpoint.cluster_id, &log.cluster_id));
    let (topics, clusters) = (topics.filter(|(old, new)| old != new), clusters.filter(|(old, new)| old != new));
    let what = match (topics, clusters) {
        (None, None) => return Change::None,
        (_, Some((old, new))) => format!("another Kafka cluster answers, {new}, and {id} is counted from {old}"),
        (Some((old, new)), None) => {
            format!("the topic of {id} was deleted and recreated: its id is {new}, and {old} is counted")
        }
    };
    let came_back = topics.is_some_and(|(_, new)| policy.ids.replaced_topics.contains(new))
        || clusters.is_some_and(|(_, new)| policy.ids.replaced_clusters.contains(new));
    if came_back {
        return Change::Stop(stop(id, &what, true));
    }
    if policy.on_recreated_topic == OnRecreatedTopic::Fail {
        return Change::Stop(stop(id, &what, false));
    }
    Change::Restart { what, ids: replacing(checkpoint, log) }
}

/// The ids that take the place of others when a log is counted in the place of that of a checkpoint.
pub(super) fn replacing(checkpoint: &Checkpoint, log: &LogFacts) -> KafkaIds {
    let replaced = |old: &Option<String>, new: &Option<String>| old.iter().filter(|_| old != new).cloned().collect();
    KafkaIds {
        cluster: log.cluster_id.clone(),
        replaced_clusters: replaced(&checkpoint.cluster_id, &log.cluster_id),
        replaced_topics: replaced(&checkpoint.topic_id, &log.topic_id),
    }
}

/// Whether a partition without a checkpoint is of another topic or cluster than those that are counted.
///
/// # Errors
/// Why it must not count then.
pub(super) fn is_of_another(
    id: PartitionId,
    log: &LogFacts,
    standing: &[Checkpoint],
    policy: &Policy<'_>,
) -> Result<bool, Stop> {
    let topics = standing.iter().filter(|of| of.id.stream == id.stream).filter_map(|of| of.topic_id.as_ref());
    let clusters = standing.iter().filter_map(|of| of.cluster_id.as_ref()).chain(policy.ids.cluster.as_ref());
    let other_topic = is_unlike(topics, log.topic_id.as_ref());
    let other_cluster = is_unlike(clusters, log.cluster_id.as_ref());
    if !other_topic && !other_cluster {
        return Ok(false);
    }
    let what = match other_cluster {
        true => format!("another Kafka cluster answers, {}", log.cluster_id.as_deref().unwrap_or_default()),
        false => format!("the topic of {id} was deleted and recreated"),
    };
    let is_in =
        |ids: &std::collections::BTreeSet<String>, new: Option<&String>| new.is_some_and(|new| ids.contains(new));
    let came_back = (other_topic && is_in(&policy.ids.replaced_topics, log.topic_id.as_ref()))
        || (other_cluster && is_in(&policy.ids.replaced_clusters, log.cluster_id.as_ref()));
    match policy.on_recreated_topic {
        OnRecreatedTopic::Restart if !came_back => Ok(true),
        _ => Err(stop(id, &what, came_back)),
    }
}

fn is_unlike<'a>(mut counted: impl Iterator<Item = &'a String>, new: Option<&String>) -> bool {
    let Some(new) = new else { return false };
    let Some(first) = counted.next() else { return false };
    first != new && counted.all(|counted| counted != new)
}

fn stop(id: PartitionId, what: &str, came_back: bool) -> Stop {
    let reset = reset_command(id);
    Stop::doubtful(if came_back {
        format!(
            "{what}; it was counted before another took its place, so nothing of it is counted, whatever \
             kafka.onRecreatedTopic says. Connect to the cluster that is counted, or choose an offset with: {reset}"
        )
    } else {
        format!(
            "{what}. Nothing of it is counted; set kafka.onRecreatedTopic to Restart to count all that is in it on top of the \
             totals, or choose an offset with: {reset}"
        )
    })
}

fn both<'a>(old: &'a Option<String>, new: &'a Option<String>) -> Option<(&'a String, &'a String)> {
    old.as_ref().zip(new.as_ref())
}
