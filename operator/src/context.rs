//! What all reconciles of one term of leadership share.

use std::sync::Arc;

use kube::Client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    children::Children,
    credentials::CredentialStore,
    events::Events,
    key::PipelineKey,
    metrics::Metrics,
    options::PodDefaults,
    reconcile::{cache::ApplyCache, clients::Clients, dereference::SecretCache, report::StatusCache},
};

/// What all reconciles share.
pub(crate) struct Context {
    pub client: Client,
    /// What holds for pods of which the resource says nothing else.
    pub pods: PodDefaults,
    /// Whether the cluster knows PodMonitors.
    pub has_pod_monitor: bool,
    pub metrics: Arc<Metrics>,
    pub events: Events,
    pub clients: Clients,
    pub credentials: Arc<CredentialStore>,
    pub children: Children,
    pub secrets: SecretCache,
    pub applied: ApplyCache,
    pub statuses: StatusCache,
    pub backoff: Backoff,
    /// How many reconciles may be worked on at once.
    pub turns: Arc<Semaphore>,
    /// How many objects that get an address of the cluster may be made at once.
    pub addresses: Semaphore,
    /// Cancelled when the work is to end.
    pub stop: CancellationToken,
}

/// API servers give out the addresses of Services one after the other, however many are asked for, and each takes a request
/// of the API server to itself. So many keep it busy; more would only wait there, and have other requests wait with them.
pub(crate) const ADDRESSES_AT_ONCE: usize = 2;

/// The right to work on a pipeline.
pub(crate) type ReconcilePermit = OwnedSemaphorePermit;

impl Context {
    /// Waits for a turn, in the order of coming; `None` when the work is to end.
    pub async fn turn(&self) -> Option<ReconcilePermit> {
        tokio::select! {
            turn = self.turns.clone().acquire_owned() => turn.ok(),
            () = self.stop.cancelled() => None,
        }
    }

    /// Waits until an object may be made that gets an address; `None` when the work is to end.
    pub async fn address(&self) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            address = self.addresses.acquire() => address.ok(),
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
