//! Asks MongoDB whose the database is and how far the pipeline has come; writes where a new one starts.

use std::{sync::Arc, time::Duration};

use kube::ResourceExt;
use stockstream_store::{MongoStore, StateStore, StoreError};

use super::{
    Validated,
    clients::Clients,
    facts::{DatabaseFacts, Problem},
    problems::problem_of_store,
    topics::{Looked, first_positions},
};
use crate::resource::AnalyticsPipeline;

/// A driver's operation has no time limit of its own once a connection stands.
const PATIENCE: Duration = Duration::from_secs(10);

/// What MongoDB said.
pub(super) struct Read {
    pub facts: DatabaseFacts,
    /// Whose it is; `None` for nobody's.
    owner: Option<String>,
    store: Arc<MongoStore>,
}

/// Asks; writes nothing.
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
    let ours = &validated.operator.pipeline.name;
    if let Some(owner) = progress.pipeline.as_ref().filter(|owner| *owner != ours) {
        return Err(owned(pipeline, store.database(), owner, ours));
    }
    let facts = DatabaseFacts {
        name: store.database().to_owned(),
        start: progress.start,
        checkpoints: progress.checkpoints,
        heartbeats: progress.workers,
    };
    Ok(Read { facts, owner: progress.pipeline, store })
}

/// Makes the database the pipeline's own and writes where it starts, once and for all: whoever is first, another operator
/// or a worker, is believed. Only `claim` and not `prepare`: which settings count is for workers to settle.
///
/// Not while it is suspended: until it first runs, its topics and where to start from may still be changed.
pub(super) async fn begin(
    read: &mut Read,
    looked: &Looked,
    pipeline: &AnalyticsPipeline,
    validated: &Validated,
) -> Result<(), Problem> {
    let begun = read.owner.is_some() && read.facts.start.is_some();
    if begun || pipeline.spec.suspend || !looked.is_good() {
        return Ok(());
    }
    let store = &read.store;
    in_time(store, pipeline, store.claim(&validated.operator.pipeline)).await?;
    if read.facts.start.is_none() {
        let first = first_positions(looked).await.map_err(|problem| Problem {
            message: format!("it is not known where the pipeline starts: {}", problem.message),
            ..problem
        })?;
        let start = in_time(store, pipeline, store.pin_start(&first)).await?;
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
    let secret = &pipeline.spec.mongodb.uri_secret_ref;
    let place = format!("secret {}/{}, key {}", pipeline.namespace().unwrap_or_default(), secret.name, secret.key);
    let what = format!("database {database} belongs to pipeline {owner}, not to {ours}");
    let (reason, message) = match had {
        Some(had) => {
            ("DatabaseChanged", format!("{what}, which worked in {had}: put the address of {had} back into {place}"))
        }
        None => ("DatabaseOwned", format!("{what}: name another database in {place}")),
    };
    Problem { reason, message, stalled: true }
}
