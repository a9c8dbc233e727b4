//! Watches whether the partitions of this worker move. What is observed comes from the reading loop and from Kafka; whether
//! that is a stall is decided in `core::progress`.

mod messages;
mod sharing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use messages::{of_topic, sentence};
use sharing::Sharing;
use stockstream_kafka::{
    KafkaError, MetadataClient, Probed, TopicCheck, TopicProblem, find_topic, log_end_client, log_ends, probe,
};
use stockstream_model::{Timestamp, documents::PartitionId, event::EventKind, settings::Settings};
use tokio_util::sync::CancellationToken;

pub(crate) use messages::unreadable_sentence;

use crate::{
    core::progress::{Log, Seen, Stall, Track},
    state::{Observed, WorkerState},
};

const EVERY: Duration = Duration::from_secs(2);
/// How long a topic as a whole may be away, as it is while it is made anew.
const TOPIC_PATIENCE_MS: i64 = 10_000;
/// How long what reading a partition told holds, before it is read again.
const PROBE_HOLDS_MS: i64 = 10_000;

/// Looks again and again until told to end.
pub(crate) async fn watch(shared: Arc<WorkerState>, settings: Settings, shutdown: CancellationToken) {
    let mut watcher = Watcher::new(settings);
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.cancelled() => break,
        }
        let stalls = tokio::task::block_in_place(|| watcher.look(&shared));
        shared.problems.set_stalls(stalls);
    }
}

/// How long one look reads partitions: the others are read at the next.
const PROBING: Duration = Duration::from_secs(6);

/// What Kafka answered.
#[derive(Default)]
struct Answered {
    /// What is wrong with a topic as a whole.
    topics: BTreeMap<EventKind, TopicProblem>,
    without_leader: BTreeSet<PartitionId>,
    /// Why the broker that leads it does not tell where its log ends.
    silent: BTreeMap<PartitionId, String>,
    ends: BTreeMap<PartitionId, i64>,
}

/// What reading a partition told.
struct Cause {
    at: Timestamp,
    probed: Probed,
    /// How often in a row it could be read.
    readable: u32,
}

struct Watcher {
    settings: Settings,
    /// Made anew after it failed, with credentials read anew.
    metadata_client: Option<MetadataClient>,
    tracks: BTreeMap<PartitionId, Track>,
    /// Where logs ended at the last look.
    ends: BTreeMap<PartitionId, i64>,
    causes: BTreeMap<PartitionId, Cause>,
    /// Since when nobody answers.
    unanswered_since: Option<Timestamp>,
    /// Since when something is wrong with a topic.
    topics_since: BTreeMap<EventKind, Timestamp>,
    sharing: Sharing,
}

impl Watcher {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            metadata_client: None,
            tracks: BTreeMap::new(),
            ends: BTreeMap::new(),
            causes: BTreeMap::new(),
            unanswered_since: None,
            topics_since: BTreeMap::new(),
            sharing: Sharing::default(),
        }
    }

    /// What does not move now, by partition or topic.
    fn look(&mut self, shared: &WorkerState) -> BTreeMap<String, String> {
        let observed = shared.partitions.observed();
        let stopped = shared.partitions.stopped();
        let answered = self.ask(&observed, &stopped);
        let now = Timestamp::now();
        let mut stalls = BTreeMap::new();
        match &answered {
            Ok(_) => {
                self.unanswered_since = None;
                self.tracks.retain(|id, _| observed.iter().any(|of| of.id == *id));
            }
            Err(error) => stalls.extend(self.lost(&observed, error, now)),
        }
        let mut stalled = Vec::new();
        let flush_since = shared.flush.since();
        let paused = shared.metrics.paused.get() > 0;
        // Where reading goes on is being decided, which the thread that reads waits for, and tells if it takes long.
        let waits = shared.is_resolving();
        if waits {
            self.tracks.clear();
        }
        for Observed { id, applied, read, fetched } in observed.iter().filter(|_| !waits) {
            let log = match (&answered, fetched) {
                (Err(error), _) => Log::Unknown(error.to_string()),
                (Ok(answered), _) if answered.without_leader.contains(id) => Log::NoLeader,
                (Ok(Answered { silent, .. }), _) if silent.contains_key(id) => {
                    Log::Unknown(silent.get(id).cloned().unwrap_or_default())
                }
                (Ok(_), Some(fetched)) => {
                    let asked = self.ends.get(id).copied().unwrap_or(fetched.end);
                    Log::Ends { asked, fetched: fetched.end, stable: fetched.stable }
                }
                // Nothing was fetched of it yet.
                (Ok(_), None) => {
                    let asked = self.ends.get(id).copied().unwrap_or(*read);
                    Log::Ends { asked, fetched: *read, stable: *read }
                }
            };
            let position = fetched.map_or(*read, |fetched| fetched.position).max(*read);
            let seen = Seen { position, read: *read, applied: *applied, log, flush_since, paused };
            let track = self.tracks.entry(*id).or_insert_with(|| Track::new(now));
            if let Some(stall) = track.look(&seen, now) {
                stalled.push((*id, stall));
            }
        }
        self.causes.retain(|id, _| stalled.iter().any(|(stalled, _)| stalled == id));
        let began = Instant::now();
        for (id, stall) in stalled {
            if let Stall::Fetch { position, .. } = stall {
                if began.elapsed() < PROBING {
                    self.find_cause(id, position, now);
                }
                match self.causes.get(&id) {
                    // Once may be chance.
                    Some(Cause { probed: Probed::Readable, readable, .. }) if *readable < 2 => continue,
                    Some(Cause { probed: Probed::Readable, .. }) => {
                        shared.set_stale();
                        self.tracks.remove(&id); // what the new client does is looked at from its beginning
                    }
                    Some(Cause { probed: Probed::Unreadable(words), .. }) => {
                        shared.stop(id, unreadable_sentence(&self.settings.kafka, id, position, words));
                        continue;
                    }
                    _ => {}
                }
            }
            let probed = self.causes.get(&id).map(|cause| &cause.probed);
            let database = shared.problems.database_error();
            let why = sentence(&self.settings.kafka, id, &stall, probed, database.as_deref());
            stalls.insert(id.to_string(), why);
        }
        if let Ok(answered) = answered {
            self.note_topics(&answered, now, &mut stalls);
            let shares = self
                .metadata_client
                .as_ref()
                .and_then(|metadata_client| self.sharing.look(metadata_client, &self.settings, now));
            stalls.extend(shares.map(|why| ("consumer group".to_owned(), why)));
            // What is not fetched is told by nothing else how far it is behind.
            shared.partitions.log_ends(answered.ends.iter().map(|(id, end)| (*id, *end)));
            self.ends = answered.ends;
        }
        stalls
    }

    /// Who does not reach Kafka loses its partitions after a while, and has none then that could be said not to move.
    fn lost(&mut self, observed: &[Observed], error: &KafkaError, now: Timestamp) -> Option<(String, String)> {
        let since = self.unanswered_since.get_or_insert(now);
        let lost: Vec<String> = self
            .tracks
            .keys()
            .filter(|id| observed.iter().all(|of| of.id != **id))
            .map(PartitionId::to_string)
            .collect();
        let is_told = now.millis() - since.millis() >= TOPIC_PATIENCE_MS && (!lost.is_empty() || observed.is_empty());
        let had = if lost.is_empty() { String::new() } else { format!(" and has lost {}", lost.join(", ")) };
        is_told.then(|| ("kafka".to_owned(), format!("this worker reads nothing{had}: {error}")))
    }

    /// Asks Kafka for topics, leaders and ends of logs.
    fn ask(&mut self, observed: &[Observed], stopped: &[PartitionId]) -> Result<Answered, KafkaError> {
        let kafka = &self.settings.kafka;
        let metadata_client = match self.metadata_client.take() {
            Some(metadata_client) => metadata_client,
            None => log_end_client(kafka)?,
        };
        let mut answered = Answered::default();
        let mut by_leader: BTreeMap<i32, Vec<PartitionId>> = BTreeMap::new();
        for stream in EventKind::ALL {
            let TopicCheck { problem, leaders, .. } = find_topic(&metadata_client, kafka, stream)?;
            for (partition, leader) in leaders {
                let id = PartitionId { stream, partition };
                if stopped.contains(&id) || observed.iter().any(|of| of.id == id) {
                    by_leader.entry(leader).or_default().push(id);
                }
            }
            match problem {
                Some(TopicProblem::PartitionsWithoutLeader { partitions }) => answered
                    .without_leader
                    .extend(partitions.into_iter().map(|partition| PartitionId { stream, partition })),
                Some(problem) if of_topic(&problem) => drop(answered.topics.insert(stream, problem)),
                _ => {}
            }
        }
        // One question to each: the answer to all would wait for a broker that is away.
        for (leader, ids) in by_leader {
            match log_ends(&metadata_client, kafka, &ids) {
                Ok(ends) => answered.ends.extend(ends),
                Err(error) => {
                    let why = format!("broker {leader}, which leads it, does not answer ({error})");
                    answered.silent.extend(ids.into_iter().map(|id| (id, why.clone())));
                }
            }
        }
        self.metadata_client = Some(metadata_client);
        Ok(answered)
    }

    /// A topic that is not there, or may not be read, has no partitions of ours that could say so.
    fn note_topics(&mut self, answered: &Answered, now: Timestamp, stalls: &mut BTreeMap<String, String>) {
        self.topics_since.retain(|stream, _| answered.topics.contains_key(stream));
        for (stream, problem) in &answered.topics {
            let since = self.topics_since.entry(*stream).or_insert(now);
            if now.millis() - since.millis() >= TOPIC_PATIENCE_MS {
                let error = problem.error(&self.settings.kafka, *stream);
                stalls.insert(format!("topic of {stream}"), error.to_string());
            }
        }
    }

    /// Reads a partition, unless that was done a moment ago.
    fn find_cause(&mut self, id: PartitionId, position: i64, now: Timestamp) {
        let before = self.causes.get(&id);
        if before.is_some_and(|cause| now.millis() - cause.at.millis() < PROBE_HOLDS_MS) {
            return;
        }
        let probed = probe(&self.settings.kafka, &self.settings.group_id(), id, position);
        let probed = probed.unwrap_or_else(|error| Probed::Trouble(error.to_string()));
        let readable = match probed {
            Probed::Readable => before.map_or(0, |cause| cause.readable) + 1,
            _ => 0,
        };
        self.causes.insert(id, Cause { at: Timestamp::now(), probed, readable });
    }
}
