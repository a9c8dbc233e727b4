//! The operator as a process: one of several leads, the others stand by.

use std::{io, sync::Arc};

use kube::{Client, config::Config};
use snafu::{ResultExt, Snafu};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    api_errors::{explain, is_code},
    backoff::Backoff,
    children::Children,
    context::{ADDRESSES_AT_ONCE, Context},
    controller::lead,
    credentials::CredentialStore,
    events::Events,
    health::{Health, Role},
    http,
    leader_election::LeaseElector,
    metrics::Metrics,
    options::Options,
    reconcile::{cache::ApplyCache, clients::Clients, dereference::SecretCache, report::StatusCache},
};

/// Why the operator could not do its work.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub enum OperatorError {
    /// Nothing says where the cluster is.
    #[snafu(display(
        "no Kubernetes cluster is named: run this in a pod with a service account, or set KUBECONFIG to a kubeconfig ({source})"
    ))]
    NoCluster {
        /// What was looked for.
        #[snafu(source(from(kube::config::InferConfigError, Box::new)))]
        source: Box<kube::config::InferConfigError>,
    },
    /// What says where the cluster is cannot be used.
    #[snafu(display("failed to make a client for the cluster: {}", explain(source)))]
    Client {
        /// Why not.
        #[snafu(source(from(kube::Error, Box::new)))]
        source: Box<kube::Error>,
    },
    /// The cluster does not answer.
    #[snafu(display("failed to ask the cluster for its kinds: {}; is it up, and may we?", explain(source)))]
    Unreachable {
        /// Why not.
        #[snafu(source(from(kube::Error, Box::new)))]
        source: Box<kube::Error>,
    },
    /// The definition of the resource is not installed.
    #[snafu(display(
        "the cluster does not know AnalyticsPipelines: install them with `stockstream crd | kubectl apply --server-side -f -`"
    ))]
    NoDefinition,
    /// There is no place for credentials.
    #[snafu(display(
        "failed to make a private folder for credentials: {source}; --credentials-dir names another place"
    ))]
    Credentials {
        /// Why not.
        source: io::Error,
    },
}

/// A client for the cluster of the pod, or else of the kubeconfig.
///
/// # Errors
/// When nothing names a cluster, or what does cannot be used.
pub async fn connect() -> Result<Client, OperatorError> {
    Client::try_from(Config::infer().await.context(NoClusterSnafu)?).context(ClientSnafu)
}

/// Runs until told to end: stands by, leads, and gives the lead back.
///
/// # Errors
/// When the cluster does not answer or lacks the definition of the resource, or there is no place for credentials. Later
/// troubles are not errors: they are logged, and tried again.
pub async fn run(client: Client, options: Options) -> Result<(), OperatorError> {
    match client.list_api_group_resources("stockstream.dev/v1alpha1").await {
        Err(error) if is_code(&error, 404) => return NoDefinitionSnafu.fail(),
        other => drop(other.context(UnreachableSnafu)?),
    }
    let credentials = Arc::new(CredentialStore::new(options.credentials).context(CredentialsSnafu)?);
    let (health, metrics) = (Arc::new(Health::default()), Arc::new(Metrics::default()));
    let _served = options.listener.map(|listener| {
        let served = http::serve(listener, health.clone(), metrics.clone());
        AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "health and metrics are not served any more");
            }
        }))
    });
    let candidate = options.election.map(|election| {
        let namespace = election.namespace.unwrap_or_else(|| client.default_namespace().to_owned());
        LeaseElector::new(client.clone(), &namespace, &election.lease, &options.identity, health.clone())
    });
    let candidate = candidate.map(Arc::new);
    match &options.dns {
        Some(dns) => {
            tracing::info!(domain = dns.domain(), "host names are looked up as pods of the pipeline's namespace do");
        }
        None if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() => tracing::warn!(
            "/etc/resolv.conf has not the search path of a pod (NAMESPACE.svc.DOMAIN svc.DOMAIN DOMAIN): bare host names of \
             pipelines are looked up in the operator's own namespace, and addresses of its node are not refused; give the \
             operator's pod dnsPolicy ClusterFirst"
        ),
        None => tracing::info!("host names are looked up as this machine does, which is no pod of a cluster"),
    }
    let context = |has_pod_monitor, stop| Context {
        client: client.clone(),
        pods: options.pods.clone(),
        has_pod_monitor,
        metrics: metrics.clone(),
        events: Events::new(client.clone(), &options.identity),
        clients: Clients::new().looking_up_by(options.dns.clone()),
        credentials: credentials.clone(),
        children: Children::default(),
        secrets: SecretCache::default(),
        applied: ApplyCache::default(),
        statuses: StatusCache::default(),
        backoff: Backoff::default(),
        turns: Arc::new(Semaphore::new(usize::from(options.concurrency))),
        addresses: Semaphore::new(ADDRESSES_AT_ONCE),
        stop,
    };
    let shutdown = &options.shutdown;
    let term = || lead(&options.namespaces, &health, context, &client, shutdown);
    let Some(candidate) = candidate else {
        metrics.set_leader(true);
        term().await;
        return Ok(());
    };
    while !shutdown.is_cancelled() {
        let lease = tokio::select! {
            lease = candidate.acquire(|| health.set(Role::Follower)) => lease,
            () = shutdown.cancelled() => {
                // The Lease may just have become ours.
                candidate.release().await;
                break;
            }
        };
        tracing::info!(identity = options.identity, "this operator leads");
        metrics.set_leader(true);
        // A task of its own, so that no work of ours keeps it from renewing in time.
        let keeper = candidate.clone();
        let kept = AbortOnDropHandle::new(tokio::spawn(async move { keeper.keep(lease).await }));
        let lost = tokio::select! {
            () = term() => None,
            why = kept => Some(why.unwrap_or_else(|error| error.to_string())),
        };
        metrics.set_leader(false);
        match lost {
            // All that was under way ended with its future, at its next wait.
            Some(why) => {
                health.set(Role::Follower);
                tracing::warn!(why, "this operator does not lead any more; it stopped, and stands by");
            }
            None => candidate.release().await,
        }
    }
    Ok(())
}
