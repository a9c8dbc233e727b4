//! What all reconciles of one term of leadership share.

use std::sync::Arc;

use kube::Client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    children::Children,
    credentials::CredentialStore,
    events::Events,
    key::PipelineKey,
    metrics::Metrics,
    reconcile::{cache::Applied, clients::Clients, dereference::SecretCache, report::Statuses},
};

/// What all reconciles share.
pub(crate) struct Context {
    pub client: Client,
    /// The image of a pipeline that names none.
    pub image: String,
    /// Whether the cluster knows PodMonitors.
    pub has_pod_monitor: bool,
    pub metrics: Arc<Metrics>,
    pub events: Events,
    pub clients: Clients,
    pub credentials: Arc<CredentialStore>,
    pub children: Children,
    pub secrets: SecretCache,
    pub applied: Applied,
    pub statuses: Statuses,
    pub backoff: Backoff,
    /// How many reconciles may be worked on at once.
    pub turns: Arc<Semaphore>,
    /// Cancelled when the work is to end.
    pub stop: CancellationToken,
}

/// The right to work on a pipeline.
pub(crate) type Turn = OwnedSemaphorePermit;

impl Context {
    /// Waits for a turn, in the order of coming; `None` when the work is to end.
    pub async fn turn(&self) -> Option<Turn> {
        tokio::select! {
            turn = self.turns.clone().acquire_owned() => turn.ok(),
            () = self.stop.cancelled() => None,
        }
    }

    /// Forgets a pipeline that is gone.
    pub fn forget(&self, key: &PipelineKey) {
        self.metrics.forget(key);
        self.credentials.forget(key);
        self.secrets.forget(key);
        self.applied.forget(key);
        self.statuses.forget(key);
        self.backoff.forget(key);
    }
}
