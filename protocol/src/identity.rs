//! Whether a log is that of the topic and the cluster that are counted.

use std::collections::BTreeSet;

use stockstream_model::{
    documents::{KafkaIds, PartitionId},
    settings::OnRecreatedTopic,
};

use crate::{
    log_state::{LogState, Policy},
    positions::{Cause, Position},
};

/// What became of the topic of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// It is the same, as far as ids tell.
    Same,
    /// Another one took its place, and all of it counts.
    Replaced,
    /// Another one took its place, and must not count.
    Refused(Cause),
}

/// Compares the ids of a position with those of the log, as far as both are known.
pub(crate) fn identify(position: &Position, log: &LogState, policy: &Policy<'_>) -> Identity {
    let topic = changed(&position.topic_id, &log.topic_id);
    let cluster = changed(&position.cluster_id, &log.cluster_id);
    verdict(topic, cluster, policy)
}

/// What a new topic or cluster means, if there is one.
fn verdict(topic: Option<&String>, cluster: Option<&String>, policy: &Policy<'_>) -> Identity {
    let returned = topic.is_some_and(|id| policy.ids.replaced_topics.contains(id))
        || cluster.is_some_and(|id| policy.ids.replaced_clusters.contains(id));
    match policy.on_recreated_topic {
        _ if topic.is_none() && cluster.is_none() => Identity::Same,
        _ if returned => Identity::Refused(Cause::Returned),
        OnRecreatedTopic::Fail => Identity::Refused(Cause::Recreated),
        OnRecreatedTopic::Restart => Identity::Replaced,
    }
}

/// The ids that those of a log replace where it takes the place of a position's.
pub fn replaced_ids(position: &Position, log: &LogState) -> KafkaIds {
    let replaced = |old: &Option<String>, new: &Option<String>| old.iter().filter(|_| old != new).cloned().collect();
    KafkaIds {
        cluster: log.cluster_id.clone(),
        replaced_clusters: replaced(&position.cluster_id, &log.cluster_id),
        replaced_topics: replaced(&position.topic_id, &log.topic_id),
    }
}

/// Whether a partition without a position is of another topic or cluster than those that are counted.
///
/// # Errors
/// Why it must not count then.
pub(crate) fn is_of_another(
    id: PartitionId,
    log: &LogState,
    standing: &[(PartitionId, &Position)],
    policy: &Policy<'_>,
) -> Result<bool, Cause> {
    let of_topic = standing.iter().filter(|(other, _)| other.stream == id.stream);
    let topics: BTreeSet<&String> = of_topic.filter_map(|(_, position)| position.topic_id.as_ref()).collect();
    let clusters = standing.iter().filter_map(|(_, position)| position.cluster_id.as_ref());
    let clusters: BTreeSet<&String> = clusters.chain(policy.ids.cluster.as_ref()).collect();
    let topic = log.topic_id.as_ref().filter(|id| !topics.is_empty() && !topics.contains(id));
    let cluster = log.cluster_id.as_ref().filter(|id| !clusters.is_empty() && !clusters.contains(id));
    match verdict(topic, cluster, policy) {
        Identity::Same => Ok(false),
        Identity::Replaced => Ok(true),
        Identity::Refused(cause) => Err(cause),
    }
}

/// The new id, if both are known and differ.
fn changed<'a>(old: &Option<String>, new: &'a Option<String>) -> Option<&'a String> {
    new.as_ref().filter(|new| old.as_ref().is_some_and(|old| old != *new))
}
