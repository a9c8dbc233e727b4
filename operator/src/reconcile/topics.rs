//! Asks Kafka for a pipeline's topics, with the pipeline's own credentials.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use stockstream_kafka::{
    HasBrokerErrors, KafkaError, MetadataClientContext, TopicCheck, TopicDescription, TopicInfo, TopicProblem,
    all_watermarks, check_cleanup_policy, describe_topics, find_topic, make_topics, start_positions,
};
use stockstream_model::{
    documents::{PartitionId, StartPositions},
    event::EventKind,
    settings::{Kafka, TopicPolicy},
};

pub use super::clients::Clients;
use super::{
    Validated,
    clients::{KafkaClient, blocking},
};
use crate::reconcile::{
    condition_reasons::{problem_of_kafka, problem_of_topic},
    observed::{Problem, TopicFacts},
};

/// How long all questions of one pipeline may take; each ends by itself before.
const PATIENCE: Duration = Duration::from_secs(20);
/// For how long a topic that was found not to be compacted is taken to be so.
const UNCOMPACTED_HOLDS: Duration = Duration::from_secs(5 * 60);
/// Of how many partitions the log's end is asked for; beyond, the lag is unknown.
const MOST_PARTITIONS: usize = 10_000;

/// What Kafka said.
pub(super) struct TopicObservation {
    /// In the order sales, inventory, clients.
    pub topics: Vec<TopicFacts>,
    /// The first offset and the one behind the last event.
    pub bounds: BTreeMap<PartitionId, (i64, i64)>,
    /// To ask on with.
    pub client: Arc<KafkaClient>,
    pub settings: Arc<Kafka>,
}

impl TopicObservation {
    /// Whether all topics are fit for use.
    pub fn is_good(&self) -> bool {
        self.topics.iter().all(|topic| topic.problem.is_none())
    }
}

/// Asks for the topics, and makes missing ones where that is asked for.
pub(super) async fn look(clients: &Clients, validated: &Validated) -> Result<TopicObservation, Problem> {
    if let Some(problem) = &validated.kafka {
        return Err(problem.clone());
    }
    let settings = Arc::new(validated.operator.kafka.clone());
    let client = clients.kafka(validated.operator.pipeline.namespace(), &settings).await?;
    let too_slow = |_| {
        let servers = settings.bootstrap_servers.join(",");
        let message = format!("no answers within {} s", PATIENCE.as_secs());
        Err(problem_of_kafka(&KafkaError::Unreachable { servers, message }))
    };
    let asked = async {
        // First the client's own gate: pipelines of a broker that is away must not hold up those of others.
        let _of_client = client.gate.acquire().await;
        if let Some(problem) = client.recent_failure() {
            return Err(problem);
        }
        let _of_all = clients.asking.acquire().await;
        let asked = tokio::time::timeout(PATIENCE, ask(&client, &settings)).await.unwrap_or_else(too_slow);
        client.note(asked.as_ref().err());
        asked
    };
    let (topics, bounds) = asked.await?;
    Ok(TopicObservation { topics, bounds, client, settings })
}

type Asked = (Vec<TopicFacts>, BTreeMap<PartitionId, (i64, i64)>);

async fn ask(client: &Arc<KafkaClient>, settings: &Arc<Kafka>) -> Result<Asked, Problem> {
    let mut found = find(client, settings).await?;
    let mut not_made = None;
    let missing: Vec<EventKind> =
        found.iter().filter(|f| f.problem == Some(TopicProblem::Missing)).map(|f| f.stream).collect();
    if settings.topic_policy == TopicPolicy::Create && !missing.is_empty() {
        let made = match client.admin(settings) {
            Ok(admin) => make_topics(&admin, settings, &missing).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(()) => found = find(client, settings).await?,
            Err(error) => not_made = Some(error),
        }
    }
    look_for_compaction(client, settings, &mut found).await;

    let described = describe(client, settings, &found).await?;
    for topic in described.iter().filter(|topic| topic.may_read == Some(false)) {
        let of_topic = |f: &&mut TopicCheck| settings.topics.of(f.stream).name == topic.name && f.problem.is_none();
        found.iter_mut().filter(of_topic).for_each(|finding| finding.problem = Some(TopicProblem::Forbidden));
    }
    let partitions = readable(&found);
    let of = Arc::clone(settings);
    let bounds = if partitions.len() > MOST_PARTITIONS {
        BTreeMap::new()
    } else {
        let bounds = asking(client, move |client| all_watermarks(&client.metadata_client, &of, &partitions));
        // While a leader moves, none of them is told: the lag is unknown, and the topics are as good as before.
        bounds.await?.unwrap_or_else(|error| {
            tracing::debug!(%error, "Kafka does not tell where the topics' logs end");
            BTreeMap::new()
        })
    };
    let facts = found.into_iter().map(|finding| {
        let name = settings.topics.of(finding.stream).name.clone();
        let topic_id = described.iter().find(|topic| topic.name == name).and_then(|topic| topic.id.clone());
        let problem = finding.problem.map(|problem| match (&problem, &not_made) {
            (TopicProblem::Missing, Some(error)) => {
                let (missing, command) = problem_of_topic(&problem, settings, finding.stream);
                let stalled = !error.is_transient();
                let message = format!("{}; the operator could not make it: {error}", missing.message);
                (Problem { reason: "TopicNotMade", message, stalled }, command)
            }
            _ => problem_of_topic(&problem, settings, finding.stream),
        });
        TopicFacts { stream: finding.stream, name, partitions: finding.partitions, topic_id, problem }
    });
    Ok((facts.collect(), bounds))
}

async fn find(client: &Arc<KafkaClient>, settings: &Arc<Kafka>) -> Result<Vec<TopicCheck>, Problem> {
    let settings = Arc::clone(settings);
    let found = asking(client, move |client| {
        MetadataClientContext::catch_up(&client.metadata_client);
        EventKind::ALL
            .into_iter()
            .map(|stream| find_topic(&client.metadata_client, &settings, stream))
            .collect::<Result<_, _>>()
    });
    found.await?.map_err(|error| problem_of_kafka(&error))
}

async fn look_for_compaction(client: &KafkaClient, settings: &Kafka, found: &mut [TopicCheck]) {
    let Some(sales) = found.iter_mut().find(|finding| finding.stream == EventKind::Sales) else { return };
    let name = &settings.topics.sales.name;
    if sales.problem.is_some() || !client.is_compaction_due(name, UNCOMPACTED_HOLDS) {
        return;
    }
    let Ok(admin) = client.admin(settings) else { return };
    sales.problem = check_cleanup_policy(&admin, settings).await;
    client.note_compaction(name, sales.problem.is_some());
}

/// What else Kafka tells of topics. It is good to know; nothing waits for it.
async fn describe(
    client: &Arc<KafkaClient>,
    settings: &Arc<Kafka>,
    found: &[TopicCheck],
) -> Result<Vec<TopicDescription>, Problem> {
    let there: Vec<EventKind> = found.iter().filter(|f| f.partitions.is_some()).map(|f| f.stream).collect();
    if there.is_empty() {
        return Ok(Vec::new());
    }
    let settings = Arc::clone(settings);
    let described = asking(client, move |client| {
        let names: Vec<&str> = there.iter().map(|stream| settings.topics.of(*stream).name.as_str()).collect();
        describe_topics(&client.metadata_client, &settings, &names)
    });
    Ok(described.await?.unwrap_or_else(|error| {
        tracing::debug!(%error, "Kafka does not tell more of the topics");
        Vec::new()
    }))
}

/// Partitions that have a leader.
fn readable(found: &[TopicCheck]) -> Vec<PartitionId> {
    let of_topic = |finding: &TopicCheck| {
        let away: HashSet<i32> = match &finding.problem {
            Some(TopicProblem::PartitionsWithoutLeader { partitions }) => partitions.iter().copied().collect(),
            _ => HashSet::new(),
        };
        let stream = finding.stream;
        let all = 0..finding.partitions.unwrap_or_default();
        all.filter(move |number| !away.contains(number)).map(move |partition| PartitionId { stream, partition })
    };
    found.iter().flat_map(of_topic).collect()
}

/// Where a new pipeline starts: every partition of topics that are all fit.
pub(super) async fn first_positions(looked: &TopicObservation) -> Result<StartPositions, Problem> {
    let topics: Vec<TopicInfo> = looked
        .topics
        .iter()
        .filter_map(|topic| {
            Some(TopicInfo { stream: topic.stream, name: topic.name.clone(), partitions: topic.partitions? })
        })
        .collect();
    let settings = Arc::clone(&looked.settings);
    let found = asking(&looked.client, move |client| start_positions(&client.metadata_client, &settings, &topics));
    found.await?.map(|(start, _)| start).map_err(|error| problem_of_kafka(&error))
}

async fn asking<T: Send + 'static>(
    client: &Arc<KafkaClient>,
    question: impl FnOnce(&KafkaClient) -> T + Send + 'static,
) -> Result<T, Problem> {
    let client = Arc::clone(client);
    blocking(move || question(&client)).await
}
