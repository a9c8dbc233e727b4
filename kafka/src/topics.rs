//! Topics: whether they are fit, how they are made, where their logs begin and end.

use std::collections::BTreeMap;

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::Client,
    consumer::{BaseConsumer, Consumer},
    topic_partition_list::TopicPartitionListElem,
    types::RDKafkaErrorCode as Code,
};
use stockstream_model::{
    documents::{PartitionId, StartPositions},
    event::EventKind,
    settings::{Kafka, StartFrom, Topic},
};

use crate::{
    HasBrokerErrors, KafkaError, MetadataClient, MetadataClientContext, Resolver, TopicCheck, TopicProblem,
    client_config, describe_topics,
    error::REQUEST_TIMEOUT,
    explain::{explain, failed},
    resolve::{Holds, create},
    topic_check::{check_cleanup_policy, find_topic, missing_topics},
};

type Result<T> = std::result::Result<T, KafkaError>;

/// A topic that is fit for use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// What it carries.
    pub stream: EventKind,
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
}

/// Checks that Kafka answers and that every topic exists and is fit. All topics that are missing are named at once. The settings
/// of topics can be looked at only where there is a controller to ask.
pub async fn check_topics(
    metadata_client: &MetadataClient,
    settings: &Kafka,
    has_controller: bool,
) -> Result<Vec<TopicInfo>> {
    let (mut found, mut missing, mut unfit) = (Vec::new(), Vec::new(), None);
    for stream in EventKind::ALL {
        let TopicCheck { partitions, problem, .. } = find_topic(metadata_client, settings, stream)?;
        match problem {
            Some(TopicProblem::Missing) => missing.push(stream),
            // Whoever reads a topic reads the partitions that can be read.
            Some(problem) if !problem.is_partial() => {
                unfit.get_or_insert_with(|| problem.error(settings, stream));
            }
            _ => {}
        }
        let name = settings.topics.of(stream).name.clone();
        found.push(TopicInfo { stream, name, partitions: partitions.unwrap_or_default() });
    }
    // What waiting does not mend is told first.
    if let Some(error) = unfit.filter(|error| missing.is_empty() || !error.is_transient()) {
        return Err(error);
    }
    if !missing.is_empty() {
        return Err(missing_topics(settings, &missing));
    }
    if has_controller {
        refuse_unreadable(metadata_client, settings)?;
        if let Some(problem) = check_cleanup_policy(&admin(settings)?, settings).await {
            return Err(problem.error(settings, EventKind::Sales));
        }
    }
    Ok(found)
}

/// Who may see a topic may not always read it.
fn refuse_unreadable(metadata_client: &MetadataClient, settings: &Kafka) -> Result<()> {
    let names = EventKind::ALL.map(|stream| settings.topics.of(stream).name.as_str());
    for topic in describe_topics(metadata_client, settings, &names)? {
        if topic.may_read == Some(false)
            && let Some(stream) = settings.topics.stream(&topic.name)
        {
            return Err(TopicProblem::Forbidden.error(settings, stream));
        }
    }
    Ok(())
}

/// Leaves the replication to the brokers, which know how many there are (KIP-464, since Kafka 2.4).
const OF_THE_BROKERS: i32 = -1;

/// A client that may change what is there.
pub type Admin = AdminClient<MetadataClientContext>;

/// A client to make topics with, and to look at their settings. It costs a thread that never rests: not to be kept for long.
///
/// # Errors
/// [`KafkaError::Settings`] when a credential file cannot be read, or librdkafka refuses its settings.
pub fn admin(settings: &Kafka) -> Result<Admin> {
    admin_by(settings, None)
}

/// The same, with names looked up by a resolver instead of the system.
///
/// # Errors
/// As [`admin`].
pub fn admin_by(settings: &Kafka, resolver: Option<Resolver>) -> Result<Admin> {
    create(client_config(settings)?, MetadataClientContext::resolving_by(resolver))
}

impl Holds<MetadataClientContext> for Admin {
    fn held(&self) -> &Client<MetadataClientContext> {
        self.inner()
    }
}

/// Makes the topics that do not exist, with the partitions (6) and replication (the brokers' own,
/// `default.replication.factor`) of the settings. What exists stays as it is.
pub async fn create_topics(settings: &Kafka) -> Result<()> {
    make_topics(&admin(settings)?, settings, &EventKind::ALL).await
}

/// Makes those topics that do not exist, as [`create_topics`] does.
pub async fn make_topics(admin: &Admin, settings: &Kafka, streams: &[EventKind]) -> Result<()> {
    let new: Vec<NewTopic<'_>> = streams.iter().map(|stream| new_topic(settings.topics.of(*stream))).collect();
    let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT)).operation_timeout(Some(REQUEST_TIMEOUT));
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

fn new_topic(topic: &Topic) -> NewTopic<'_> {
    let replication = TopicReplication::Fixed(topic.replication_factor.unwrap_or(OF_THE_BROKERS));
    NewTopic::new(&topic.name, topic.partitions.unwrap_or(6), replication)
}

/// The first offset of a partition's log and the one behind its last event; `None` where the topic is there and has no
/// such partition, as one that was made anew with fewer.
pub fn watermarks<C: HasBrokerErrors>(
    consumer: &BaseConsumer<C>,
    settings: &Kafka,
    id: PartitionId,
) -> Result<Option<(i64, i64)>> {
    let topic = &settings.topics.of(id.stream).name;
    match consumer.fetch_watermarks(topic, id.partition, REQUEST_TIMEOUT) {
        Ok(bounds) => Ok(Some(bounds)),
        Err(_) if lacks(consumer, topic, id.partition) => Ok(None),
        Err(error) => Err(failed(consumer, settings, &format!("read the offsets of {topic}/{}", id.partition), &error)),
    }
}

/// The id of the cluster that answers now; `None` where it tells none.
pub fn cluster_id<C: HasBrokerErrors>(consumer: &BaseConsumer<C>, settings: &Kafka) -> Result<Option<String>> {
    // What the client knows may be of before another cluster took the place of this one.
    let asked = consumer.fetch_metadata(Some(&settings.topics.sales.name), REQUEST_TIMEOUT);
    asked.map_err(|error| failed(consumer, settings, "ask Kafka for the id of its cluster", &error))?;
    Ok(consumer.client().fetch_cluster_id(REQUEST_TIMEOUT))
}

/// Whether a broker says that there is such a topic without that partition. The client's own knowledge may be of before.
fn lacks<C: HasBrokerErrors>(consumer: &BaseConsumer<C>, topic: &str, partition: i32) -> bool {
    let Ok(metadata) = consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT) else { return false };
    metadata.topics().iter().any(|found| {
        let there = found.error().is_none() && !found.partitions().is_empty();
        there && found.partitions().iter().all(|known| known.id() != partition)
    })
}

/// The first offset and the one behind the last event, of many partitions by two questions to each of their brokers.
/// Partitions of which the broker does not tell it are left out; partitions without a leader must not be asked for, since
/// the answer to all would wait for them.
pub fn all_watermarks(
    metadata_client: &MetadataClient,
    settings: &Kafka,
    ids: &[PartitionId],
) -> Result<BTreeMap<PartitionId, (i64, i64)>> {
    let (first, end) =
        (offsets(metadata_client, settings, ids, Offset::Beginning)?, log_ends(metadata_client, settings, ids)?);
    Ok(first.into_iter().filter_map(|(id, first)| Some((id, (first, *end.get(&id)?)))).collect())
}

/// The offset behind the last record of each partition, as [`all_watermarks`]; to an [`log_end_client`] that of the log, to any
/// other that of the last transaction that has ended.
pub fn log_ends(
    metadata_client: &MetadataClient,
    settings: &Kafka,
    ids: &[PartitionId],
) -> Result<BTreeMap<PartitionId, i64>> {
    offsets(metadata_client, settings, ids, Offset::End)
}

fn offsets(
    metadata_client: &MetadataClient,
    settings: &Kafka,
    ids: &[PartitionId],
    place: Offset,
) -> Result<BTreeMap<PartitionId, i64>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let failed = |error| failed(metadata_client, settings, "read the offsets of the topics", &error);
    let mut wanted = TopicPartitionList::with_capacity(ids.len());
    for id in ids {
        let name = &settings.topics.of(id.stream).name;
        wanted.add_partition_offset(name, id.partition, place).map_err(failed)?;
    }
    // What a time is asked for, beginning and end being times before all times and behind them.
    let found = metadata_client.offsets_for_times(wanted, REQUEST_TIMEOUT).map_err(failed)?;
    let offset = |element: &TopicPartitionListElem<'_>| {
        let id = PartitionId { stream: settings.topics.stream(element.topic())?, partition: element.partition() };
        match (element.error(), element.offset()) {
            (Ok(()), Offset::Offset(offset)) => Some((id, offset)),
            _ => None,
        }
    };
    Ok(found.elements().iter().filter_map(offset).collect())
}

/// Where a new pipeline starts, for every partition there is, and how many offsets of the logs lie in front of that.
pub fn start_positions(
    metadata_client: &MetadataClient,
    settings: &Kafka,
    topics: &[TopicInfo],
) -> Result<(StartPositions, i64)> {
    let (mut start, mut begins) = (StartPositions::default(), 0);
    for topic in topics {
        for partition in 0..topic.partitions {
            let id = PartitionId { stream: topic.stream, partition };
            let Some((first, end)) = watermarks(metadata_client, settings, id)? else { continue };
            start.next.insert(id, if settings.start_from == StartFrom::Earliest { first } else { end });
            begins += first;
        }
    }
    if let StartFrom::Time(time) = settings.start_from {
        at_time(metadata_client, settings, time.millis(), &mut start.next)?;
    }
    let before = start.next.values().sum::<i64>() - begins;
    Ok((start, before))
}

/// Moves positions to the first event at or after a time, where there is one.
fn at_time(
    metadata_client: &MetadataClient,
    settings: &Kafka,
    millis: i64,
    next: &mut BTreeMap<PartitionId, i64>,
) -> Result<()> {
    let failed = |error| failed(metadata_client, settings, "look up offsets by time", &error);
    let mut wanted = TopicPartitionList::new();
    for id in next.keys() {
        let name = &settings.topics.of(id.stream).name;
        wanted.add_partition_offset(name, id.partition, Offset::Offset(millis)).map_err(failed)?;
    }
    let found = metadata_client.offsets_for_times(wanted, REQUEST_TIMEOUT).map_err(failed)?;
    for element in found.elements() {
        let Some(stream) = settings.topics.stream(element.topic()) else { continue };
        if let Offset::Offset(offset) = element.offset() {
            next.insert(PartitionId { stream, partition: element.partition() }, offset);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use stockstream_model::event::EventKind;

    use super::*;

    #[test]
    fn a_partition_that_its_topic_lacks_has_no_log() {
        let cluster = MockCluster::new(1).unwrap();
        let settings = Kafka { bootstrap_servers: vec![cluster.bootstrap_servers()], ..Kafka::default() };
        cluster.create_topic(&settings.topics.sales.name, 2, 1).unwrap();
        let metadata_client = crate::metadata_client(&settings).unwrap();
        let bounds = |partition| {
            watermarks(&metadata_client, &settings, PartitionId { stream: EventKind::Sales, partition }).unwrap()
        };
        assert_eq!((bounds(1), bounds(2)), (Some((0, 0)), None));
        let ids = [0, 1].map(|partition| PartitionId { stream: EventKind::Sales, partition });
        let ends = log_ends(&crate::log_end_client(&settings).unwrap(), &settings, &ids).unwrap();
        assert_eq!(ends.into_values().collect::<Vec<_>>(), [0, 0]);
    }

    #[test]
    fn a_replication_that_is_not_given_is_left_to_the_brokers() {
        let made = |replication_factor| {
            let topic = Topic { name: "sales".into(), partitions: None, replication_factor };
            let new = new_topic(&topic);
            let TopicReplication::Fixed(replication) = new.replication else { panic!("replicas are assigned") };
            (new.num_partitions, replication)
        };
        assert_eq!((made(None), made(Some(3))), ((6, -1), (6, 3)));
    }
}
