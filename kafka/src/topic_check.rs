//! What is wrong with a topic: one truth for the worker, which stops at the first problem, and for whoever wants to know
//! of all topics at once.

use std::collections::BTreeMap;

use rdkafka::{
    ClientContext,
    admin::{AdminClient, AdminOptions, ResourceSpecifier},
    consumer::Consumer,
    metadata::MetadataPartition,
    types::RDKafkaErrorCode as Code,
};
use stockstream_model::{
    event::EventKind,
    settings::{Kafka, Topic},
};

use crate::{
    KafkaError, MetadataClient,
    error::{MissingTopic, REQUEST_TIMEOUT},
    metadata_client::ask,
};

/// What was found out about a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicCheck {
    /// What it carries.
    pub stream: EventKind,
    /// How many partitions it has; `None` when it does not exist or may not be described.
    pub partitions: Option<i32>,
    /// The broker that leads each partition, of those that have one.
    pub leaders: BTreeMap<i32, i32>,
    /// What is wrong with it.
    pub problem: Option<TopicProblem>,
}

/// What is wrong with a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicProblem {
    /// It does not exist, or this user may not know that it does.
    Missing,
    /// This user may not describe or not read it.
    Forbidden,
    /// It has no leader yet: it was made just now.
    NoLeader,
    /// Some partitions have no leader: the brokers that hold them are away. The others can be read.
    PartitionsWithoutLeader {
        /// Which, in order.
        partitions: Vec<i32>,
    },
    /// It has fewer partitions than are asked for.
    TooFewPartitions {
        /// How many there are.
        has: i32,
        /// How many are asked for.
        wanted: i32,
    },
    /// Its history changes under the totals.
    Compacted {
        /// Its `cleanup.policy`.
        policy: String,
    },
}

impl TopicProblem {
    /// As an error, with what to do.
    pub fn error(&self, settings: &Kafka, stream: EventKind) -> KafkaError {
        let topic = settings.topics.of(stream).name.clone();
        let servers = settings.bootstrap_servers.join(",");
        let command = self.command(settings, stream).unwrap_or_default();
        let message = match self {
            Self::Missing => return missing_topics(settings, &[stream]),
            Self::NoLeader => {
                return KafkaError::Unreachable { servers, message: format!("topic {topic} has no leader yet") };
            }
            Self::PartitionsWithoutLeader { partitions } => {
                let numbers = partitions.iter().map(i32::to_string).collect::<Vec<_>>().join(", ");
                format!("partitions {numbers} have no leader; start the brokers that hold them")
            }
            Self::Forbidden => return KafkaError::ForbiddenTopic { stream, topic, command },
            Self::TooFewPartitions { has, wanted } => format!(
                "it has {has} partitions and {wanted} are asked for; add them with: {command}, or lower kafka.topics.{stream}.partitions"
            ),
            Self::Compacted { policy } => format!(
                "its cleanup.policy is {policy}, which would remove sales that count; change it with: {command}"
            ),
        };
        KafkaError::UnfitTopic { stream, topic, message }
    }

    /// What to run, where a command mends it.
    pub fn command(&self, settings: &Kafka, stream: EventKind) -> Option<String> {
        let topic @ Topic { name, .. } = settings.topics.of(stream);
        let (script, what) = match self {
            Self::Missing => {
                let partitions = topic.partitions.unwrap_or(6);
                let replication = topic.replication_factor.map(|factor| format!(" --replication-factor {factor}"));
                let replication = replication.unwrap_or_default();
                ("kafka-topics.sh", format!("--create --topic {name} --partitions {partitions}{replication}"))
            }
            Self::TooFewPartitions { wanted, .. } => {
                ("kafka-topics.sh", format!("--alter --topic {name} --partitions {wanted}"))
            }
            Self::Compacted { .. } => {
                ("kafka-configs.sh", format!("--alter --topic {name} --add-config cleanup.policy=delete"))
            }
            Self::Forbidden => return Some(grant_command(settings, "Read", &format!("--topic {name}"))),
            Self::NoLeader | Self::PartitionsWithoutLeader { .. } => return None,
        };
        Some(format!("{script} --bootstrap-server {} {what}", settings.bootstrap_servers.join(",")))
    }

    /// Whether a topic can be used in part nevertheless.
    pub const fn is_partial(&self) -> bool {
        matches!(self, Self::PartitionsWithoutLeader { .. })
    }
}

/// That topics are not there, with what makes each.
pub(crate) fn missing_topics(settings: &Kafka, streams: &[EventKind]) -> KafkaError {
    let topic = |stream: &EventKind| MissingTopic {
        stream: *stream,
        name: settings.topics.of(*stream).name.clone(),
        command: TopicProblem::Missing.command(settings, *stream).unwrap_or_default(),
    };
    let topics = streams.iter().map(topic).collect();
    KafkaError::MissingTopics { topics, servers: settings.bootstrap_servers.join(",") }
}

/// What lets a user do something. READ and WRITE include DESCRIBE.
pub fn grant_command(settings: &Kafka, operation: &str, on: &str) -> String {
    let servers = settings.bootstrap_servers.join(",");
    format!("kafka-acls.sh --bootstrap-server {servers} --add --allow-principal User:NAME --operation {operation} {on}")
}

/// Looks at a topic. Blocks for some seconds at most.
///
/// # Errors
/// That nobody answers; what is wrong with the topic is in the finding.
pub fn find_topic(
    metadata_client: &MetadataClient,
    settings: &Kafka,
    stream: EventKind,
) -> Result<TopicCheck, KafkaError> {
    let topic = settings.topics.of(stream);
    let action = format!("look up topic {}", topic.name);
    let metadata =
        ask(metadata_client, settings, &action, |span| metadata_client.fetch_metadata(Some(&topic.name), span))?;
    let found = metadata.topics().iter().find(|t| t.name() == topic.name);
    let (partitions, problem) = match found.map(|t| (t.error().map(Code::from), t.partitions())) {
        Some((None, partitions)) if !partitions.is_empty() => (Some(partitions.len() as i32), unfit(topic, partitions)),
        Some((Some(Code::TopicAuthorizationFailed), _)) => (None, Some(TopicProblem::Forbidden)),
        Some((Some(Code::LeaderNotAvailable), _)) => (None, Some(TopicProblem::NoLeader)),
        _ => (None, Some(TopicProblem::Missing)),
    };
    let led = found.into_iter().flat_map(|topic| topic.partitions()).filter(|partition| partition.leader() >= 0);
    let leaders = led.map(|partition| (partition.id(), partition.leader())).collect();
    Ok(TopicCheck { stream, partitions, leaders, problem })
}

fn unfit(topic: &Topic, partitions: &[MetadataPartition]) -> Option<TopicProblem> {
    let (has, wanted) = (partitions.len() as i32, topic.partitions.unwrap_or(1));
    if has < wanted {
        return Some(TopicProblem::TooFewPartitions { has, wanted });
    }
    let mut without: Vec<i32> = partitions.iter().filter(|p| p.leader() < 0).map(MetadataPartition::id).collect();
    without.sort_unstable();
    (!without.is_empty()).then_some(TopicProblem::PartitionsWithoutLeader { partitions: without })
}

/// Whether the history of the sales topic changes under the totals. Not every user may read a topic's settings: then it
/// is taken as it is.
pub async fn check_cleanup_policy<C: ClientContext>(admin: &AdminClient<C>, settings: &Kafka) -> Option<TopicProblem> {
    let policy = cleanup_policy(admin, settings).await?;
    is_compacting(&policy).then_some(TopicProblem::Compacted { policy })
}

/// Whether a topic of this `cleanup.policy` loses events that later ones of the same key take the place of.
pub fn is_compacting(policy: &str) -> bool {
    policy.contains("compact")
}

/// The `cleanup.policy` of the sales topic; `None` where nobody answers or this user may not read it.
pub async fn cleanup_policy<C: ClientContext>(admin: &AdminClient<C>, settings: &Kafka) -> Option<String> {
    let topic = ResourceSpecifier::Topic(&settings.topics.sales.name);
    let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
    let answers = admin.describe_configs(&[topic], &options).await.ok()?;
    let mut entries = answers.into_iter().flatten().flat_map(|resource| resource.entries);
    entries.find(|entry| entry.name == "cleanup.policy")?.value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_says_where_and_what_to_run() {
        let settings = Kafka::default();
        let problems = [
            (
                TopicProblem::Missing,
                "does not exist",
                Some("kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create"),
            ),
            (TopicProblem::Forbidden, "does not let this user read", Some("kafka-acls.sh")),
            (TopicProblem::NoLeader, "no leader yet", None),
            (TopicProblem::PartitionsWithoutLeader { partitions: vec![1, 4] }, "partitions 1, 4 have no leader", None),
            (TopicProblem::TooFewPartitions { has: 2, wanted: 5 }, "2 partitions and 5", Some("--alter --topic")),
            (
                TopicProblem::Compacted { policy: "compact".into() },
                "cleanup.policy is compact",
                Some("kafka-configs.sh"),
            ),
        ];
        for (problem, words, run) in problems {
            let said = problem.error(&settings, EventKind::Sales).to_string();
            assert!(said.contains(words) && said.contains("topic-raw-sales"), "{said}");
            let command = problem.command(&settings, EventKind::Sales);
            assert_eq!(command.is_some(), run.is_some(), "{problem:?}");
            assert!(command.unwrap_or_default().contains(run.unwrap_or_default()), "{problem:?}");
        }
    }

    #[test]
    fn only_what_waiting_may_mend_is_waited_for() {
        let settings = Kafka::default();
        let waits = |problem: TopicProblem| problem.error(&settings, EventKind::Clients).is_transient();
        assert!(waits(TopicProblem::Missing) && waits(TopicProblem::NoLeader));
        assert!(!waits(TopicProblem::Forbidden) && !waits(TopicProblem::TooFewPartitions { has: 1, wanted: 2 }));
    }
}
