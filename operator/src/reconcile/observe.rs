//! Finds out all there is to know of a pipeline outside of the cluster: its topics, its database.

use super::{Validated, clients::Clients, database, topics};
use crate::{
    reconcile::observed::{DeploymentFacts, Observed},
    resource::AnalyticsPipeline,
};

/// Asks Kafka and MongoDB, and pins where a new pipeline starts once everything is found good. What fails is in the
/// facts. Takes as long as they take to answer, half a minute at most.
pub async fn observe(
    clients: &Clients,
    pipeline: &AnalyticsPipeline,
    validated: &Validated,
    workers: Option<DeploymentFacts>,
    dashboard: Option<DeploymentFacts>,
) -> Observed {
    let (looked, read, reader_writes) = tokio::join!(
        topics::look(clients, validated),
        database::read(clients, pipeline, validated),
        database::reader_writes(clients, validated)
    );
    let mut looked = looked;
    let mut database = read;
    if let (Ok(found), Ok(read)) = (&looked, &mut database)
        && let Err(problem) = database::begin(read, found, pipeline, validated).await
    {
        database = Err(problem);
    }
    let bounds = looked.as_mut().map(|found| std::mem::take(&mut found.bounds)).unwrap_or_default();
    Observed {
        topics: looked.map(|found| found.topics),
        log_starts: bounds.iter().map(|(id, (first, _))| (*id, *first)).collect(),
        log_ends: bounds.into_iter().map(|(id, (_, end))| (id, end)).collect(),
        database: database.map(|read| read.facts),
        workers,
        dashboard,
        reader_writes,
    }
}
