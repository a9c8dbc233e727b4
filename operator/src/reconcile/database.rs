//! Asks MongoDB whose the database is and how far the pipeline has come; writes where a new one starts.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use kube::ResourceExt;
use stockstream_model::settings::Pipeline;
use stockstream_store::{MongoStore, Owner, Progress, StateStore, StoreError};

use super::{
    Validated,
    clients::Clients,
    identity::{self, Found},
    topics::{TopicObservation, first_positions},
};
use crate::{
    reconcile::{
        condition_reasons::problem_of_store,
        observed::{DatabaseFacts, Problem},
    },
    resource::AnalyticsPipeline,
};

/// A driver's operation has no time limit of its own once a connection stands.
const PATIENCE: Duration = Duration::from_secs(10);

/// What MongoDB said.
pub(super) struct Read {
    pub facts: DatabaseFacts,
    /// Whether it is this very resource's.
    is_ours: bool,
    store: Arc<MongoStore>,
}

/// Asks. Writes nothing, but that the pipeline is alive where no worker of it says so, and that it takes the database over from
/// one of its name that is dead.
pub(super) async fn read(
    clients: &Clients,
    pipeline: &AnalyticsPipeline,
    validated: &Validated,
) -> Result<Read, Problem> {
    if let Some(problem) = &validated.mongodb {
        return Err(problem.clone());
    }
    let store = clients.store(&validated.operator).await?;
    let progress = in_time(&store, pipeline, store.progress()).await?;
    let ours = &validated.operator.pipeline;
    if let Some(owner) = progress.owner.as_ref().filter(|owner| owner.name != ours.name) {
        return Err(owned(pipeline, store.database(), &owner.name, &ours.name));
    }
    let mut is_ours = progress.owner.as_ref().is_some_and(|owner| owner.uid == ours.uid);
    let found = Found { name: store.database(), id: progress.database_id.as_deref(), is_ours };
    identity::check(pipeline, &found)?;
    if let Some(Owner { uid: Some(owner), .. }) = progress.owner.as_ref().filter(|_| !is_ours) {
        take_over(clients, pipeline, ours, &store, owner).await?;
        is_ours = true;
    }
    if is_ours && shows_no_life(&progress) {
        in_time(&store, pipeline, store.owner_heartbeat(ours)).await?;
    }
    let facts = DatabaseFacts {
        name: store.database().to_owned(),
        id: progress.database_id,
        start: progress.start,
        checkpoints: progress.checkpoints,
        heartbeats: progress.workers,
    };
    Ok(Read { facts, is_ours, store })
}

/// Whether no worker says that the pipeline is alive.
fn shows_no_life(progress: &Progress) -> bool {
    progress.workers.is_empty()
}

/// Takes a database over from another pipeline of the name, one that was deleted or is of another cluster, once that has shown no
/// sign of life for long enough.
async fn take_over(
    clients: &Clients,
    pipeline: &AnalyticsPipeline,
    ours: &Pipeline,
    store: &MongoStore,
    owner: &str,
) -> Result<(), Problem> {
    let signs = in_time(store, pipeline, store.signs_of_life()).await?;
    let uid = ours.uid.as_deref().unwrap_or_default();
    let silent = clients.silences.note(uid, &signs, Instant::now());
    let is_dead = silent.since >= clients.taken_over_after && !pipeline.spec.suspend;
    if is_dead && in_time(store, pipeline, store.take_over(ours, &signs)).await? {
        clients.silences.forget(uid);
        tracing::info!(
            pipeline = ours.name,
            database = store.database(),
            owner,
            "took over the database of a dead namesake"
        );
        return Ok(());
    }
    let database = store.database();
    let message = format!(
        "database {database} belongs to another pipeline of the name {}, with uid {owner}: one of another cluster, or one that \
         was deleted and applied again. It becomes this one's when that one's workers and operator have shown no sign of life \
         for {} s, which are {} s now; or name another database in {}",
        ours.name,
        clients.taken_over_after.as_secs(),
        silent.since.as_secs(),
        place_of_address(pipeline),
    );
    Err(Problem { reason: "DatabaseOwned", message, stalled: silent.was_alive })
}

/// What the dashboard's own user may do beside reading; `None` where it has none, or the server does not answer.
pub(super) async fn reader_writes(clients: &Clients, validated: &Validated) -> Option<BTreeSet<String>> {
    let settings = validated.reader.as_ref()?;
    if let Some(known) = clients.known_writes(settings) {
        return Some(known);
    }
    let store = clients.store(settings).await.ok()?;
    match tokio::time::timeout(PATIENCE, store.writes()).await {
        Ok(Ok(writes)) => {
            clients.note_writes(settings, &writes);
            Some(writes)
        }
        // The page says by itself what keeps it from reading.
        _ => None,
    }
}

/// Makes the database the pipeline's own and writes where it starts, once and for all: whoever is first, another operator
/// or a worker, is believed. Only `claim` and not `prepare`: which settings count is for workers to settle.
///
/// Not while it is suspended: until it first runs, its topics and where to start from may still be changed.
pub(super) async fn begin(
    read: &mut Read,
    looked: &TopicObservation,
    pipeline: &AnalyticsPipeline,
    validated: &Validated,
) -> Result<(), Problem> {
    let begun = read.is_ours && read.facts.id.is_some() && read.facts.start.is_some();
    if begun || pipeline.spec.suspend || !looked.is_good() {
        return Ok(());
    }
    let store = &read.store;
    in_time(store, pipeline, store.claim(&validated.operator.pipeline)).await?;
    read.facts.id = in_time(store, pipeline, store.progress()).await?.database_id;
    if read.facts.start.is_none() {
        let first = first_positions(looked).await.map_err(|problem| Problem {
            message: format!("it is not known where the pipeline starts: {}", problem.message),
            ..problem
        })?;
        let start = in_time(store, pipeline, store.init_start_offsets(&first)).await?;
        tracing::info!(
            pipeline = validated.operator.pipeline.name,
            from = %looked.settings.start_from,
            partitions = start.next.len(),
            "first start: positions are pinned"
        );
        read.facts.start = Some(start);
    }
    Ok(())
}

async fn in_time<T>(
    store: &MongoStore,
    pipeline: &AnalyticsPipeline,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Problem> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(StoreError::Owned { database, owner, pipeline: ours })) => {
            Err(owned(pipeline, &database, &owner, &ours))
        }
        Ok(Err(error)) => Err(problem_of_store(&error)),
        Err(_) => Err(problem_of_store(&StoreError::Unreachable {
            place: store.place().to_owned(),
            message: format!("no answer within {} s", PATIENCE.as_secs()),
        })),
    }
}

fn owned(pipeline: &AnalyticsPipeline, database: &str, owner: &str, ours: &str) -> Problem {
    let had = pipeline.status.as_ref().and_then(|status| status.database.as_deref());
    let place = place_of_address(pipeline);
    let what = format!("database {database} belongs to pipeline {owner}, not to {ours}");
    let (reason, message) = match had {
        Some(had) => {
            ("DatabaseChanged", format!("{what}, which worked in {had}: put the address of {had} back into {place}"))
        }
        None => ("DatabaseOwned", format!("{what}: name another database in {place}")),
    };
    Problem { reason, message, stalled: true }
}

fn place_of_address(pipeline: &AnalyticsPipeline) -> String {
    let secret = &pipeline.spec.mongodb.uri_secret_ref;
    format!("secret {}/{}, key {}", pipeline.namespace().unwrap_or_default(), secret.name, secret.key)
}
