//! Topics: whether they are fit, how they are made, where their logs begin and end.

use std::collections::BTreeMap;

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    consumer::{BaseConsumer, Consumer},
    types::RDKafkaErrorCode as Code,
};
use stockstream_model::{
    documents::{PartitionId, StartPositions},
    event::Stream,
    settings::{Kafka, StartFrom, Topic},
};

use crate::{
    Asker, Asking, Hears, KafkaError,
    asker::ask,
    client_config,
    error::PATIENCE,
    explain::{explain, failed},
    topic_ids::unreadable,
};

type Result<T> = std::result::Result<T, KafkaError>;

/// A topic that is fit for use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// What it carries.
    pub stream: Stream,
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
}

/// Checks that Kafka answers and that every topic exists and is fit; in the order sales, inventory, clients. The settings
/// of topics can be looked at only where there is a controller to ask.
pub async fn check_topics(asker: &Asker, settings: &Kafka, has_controller: bool) -> Result<Vec<TopicInfo>> {
    let mut found = Vec::new();
    for stream in Stream::ALL {
        let topic = settings.topics.of(stream);
        let partitions = partitions(asker, settings, stream, topic)?;
        if partitions < topic.partitions.unwrap_or(1) {
            let message = format!(
                "it has {partitions} partitions and {} are asked for; add them with kafka-topics.sh --alter, or lower kafka.topics.{stream}.partitions",
                topic.partitions.unwrap_or(1)
            );
            return Err(KafkaError::UnfitTopic { stream, topic: topic.name.clone(), message });
        }
        found.push(TopicInfo { stream, name: topic.name.clone(), partitions });
    }
    if has_controller {
        refuse_unreadable(asker, settings)?;
        refuse_compacted_sales(settings).await?;
    }
    Ok(found)
}

/// Who may see a topic may not always read it.
fn refuse_unreadable(asker: &Asker, settings: &Kafka) -> Result<()> {
    let names = Stream::ALL.map(|stream| settings.topics.of(stream).name.as_str());
    let unreadable = unreadable(asker, settings, &names)?;
    match Stream::ALL.into_iter().find(|stream| unreadable.contains(&settings.topics.of(*stream).name)) {
        Some(stream) => Err(forbidden(settings, stream)),
        None => Ok(()),
    }
}

fn forbidden(settings: &Kafka, stream: Stream) -> KafkaError {
    let topic = settings.topics.of(stream).name.clone();
    let command = grant_command(settings, "Read", &format!("--topic {topic}"));
    KafkaError::ForbiddenTopic { stream, topic, command }
}

/// What lets a user do something. READ and WRITE include DESCRIBE.
pub fn grant_command(settings: &Kafka, operation: &str, on: &str) -> String {
    let servers = settings.bootstrap_servers.join(",");
    format!("kafka-acls.sh --bootstrap-server {servers} --add --allow-principal User:NAME --operation {operation} {on}")
}

fn partitions(asker: &Asker, settings: &Kafka, stream: Stream, topic: &Topic) -> Result<i32> {
    let action = format!("look up topic {}", topic.name);
    let metadata = ask(asker, settings, &action, |span| asker.fetch_metadata(Some(&topic.name), span))?;
    let found = metadata.topics().iter().find(|t| t.name() == topic.name);
    match found.map(|t| (t.error().map(Code::from), t.partitions().len())) {
        Some((None, count)) if count > 0 => Ok(count as i32),
        Some((Some(Code::TopicAuthorizationFailed), _)) => Err(forbidden(settings, stream)),
        Some((Some(Code::LeaderNotAvailable), _)) => {
            let message = format!("topic {} has no leader yet", topic.name);
            Err(KafkaError::Unreachable { servers: settings.bootstrap_servers.join(","), message })
        }
        _ => Err(KafkaError::MissingTopic {
            stream,
            topic: topic.name.clone(),
            servers: settings.bootstrap_servers.join(","),
            command: create_command(settings, topic),
        }),
    }
}

fn create_command(settings: &Kafka, topic: &Topic) -> String {
    format!(
        "kafka-topics.sh --bootstrap-server {} --create --topic {} --partitions {} --replication-factor {}",
        settings.bootstrap_servers.join(","),
        topic.name,
        topic.partitions.unwrap_or(6),
        topic.replication_factor.unwrap_or(1),
    )
}

/// The history of a compacted topic changes under the totals. Not every user may read a topic's settings: then it is
/// taken as it is.
async fn refuse_compacted_sales(settings: &Kafka) -> Result<()> {
    let name = &settings.topics.sales.name;
    let admin = admin(settings)?;
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let Ok(answers) = admin.describe_configs(&[ResourceSpecifier::Topic(name)], &options).await else { return Ok(()) };
    let policy =
        answers.into_iter().flatten().flat_map(|resource| resource.entries).find(|e| e.name == "cleanup.policy");
    match policy.and_then(|entry| entry.value) {
        Some(policy) if policy.contains("compact") => {
            let message = format!(
                "its cleanup.policy is {policy}, which would remove sales that count; set it with kafka-configs.sh --alter --topic {name} --add-config cleanup.policy=delete"
            );
            Err(KafkaError::UnfitTopic { stream: Stream::Sales, topic: name.clone(), message })
        }
        _ => Ok(()),
    }
}

fn admin(settings: &Kafka) -> Result<AdminClient<Asking>> {
    client_config(settings)?.create_with_context(Asking::default()).map_err(|error| KafkaError::settings(&error))
}

/// Makes the topics that do not exist, with the partitions (6) and replication (1) of the settings. What exists stays as
/// it is.
pub async fn create_topics(settings: &Kafka) -> Result<()> {
    let wanted = Stream::ALL.map(|stream| settings.topics.of(stream));
    let new = wanted.map(|topic| {
        let replication = TopicReplication::Fixed(topic.replication_factor.unwrap_or(1));
        NewTopic::new(&topic.name, topic.partitions.unwrap_or(6), replication)
    });
    let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let admin = admin(settings)?;
    let made = admin.create_topics(&new, &options).await;
    let made = made.map_err(|error| explain(settings, "make the topics", &error, admin.inner().context().heard()))?;
    for outcome in made {
        match outcome {
            Err((topic, code)) if code != Code::TopicAlreadyExists => {
                let (action, message) = (format!("make topic {topic}"), code.to_string());
                return Err(KafkaError::Refused { action, message });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The first offset of a partition's log and the one behind its last event.
pub fn log_bounds<C: Hears>(consumer: &BaseConsumer<C>, settings: &Kafka, id: PartitionId) -> Result<(i64, i64)> {
    let topic = &settings.topics.of(id.stream).name;
    let bounds = consumer.fetch_watermarks(topic, id.partition, PATIENCE);
    let action = || format!("read the offsets of {topic}/{}", id.partition);
    bounds.map_err(|error| failed(consumer, settings, &action(), &error))
}

/// Where a new pipeline starts, for every partition there is.
pub fn start_positions(asker: &Asker, settings: &Kafka, topics: &[TopicInfo]) -> Result<StartPositions> {
    let mut start = StartPositions::default();
    for topic in topics {
        for partition in 0..topic.partitions {
            let id = PartitionId { stream: topic.stream, partition };
            let (first, end) = log_bounds(asker, settings, id)?;
            start.next.insert(id, if settings.start_from == StartFrom::Earliest { first } else { end });
        }
    }
    if let StartFrom::Time(time) = settings.start_from {
        at_time(asker, settings, time.millis(), &mut start.next)?;
    }
    Ok(start)
}

/// Moves positions to the first event at or after a time, where there is one.
fn at_time(asker: &Asker, settings: &Kafka, millis: i64, next: &mut BTreeMap<PartitionId, i64>) -> Result<()> {
    let failed = |error| failed(asker, settings, "look up offsets by time", &error);
    let mut wanted = TopicPartitionList::new();
    for id in next.keys() {
        let name = &settings.topics.of(id.stream).name;
        wanted.add_partition_offset(name, id.partition, Offset::Offset(millis)).map_err(failed)?;
    }
    let found = asker.offsets_for_times(wanted, PATIENCE).map_err(failed)?;
    for element in found.elements() {
        let Some(stream) = settings.topics.stream(element.topic()) else { continue };
        if let Offset::Offset(offset) = element.offset() {
            next.insert(PartitionId { stream, partition: element.partition() }, offset);
        }
    }
    Ok(())
}
