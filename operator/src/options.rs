//! What the operator is told when it starts.

use std::path::PathBuf;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::dns::ClusterDns;

/// How the operator runs.
pub struct Options {
    /// Namespaces whose pipelines it looks after; none: all of the cluster.
    pub namespaces: Vec<String>,
    /// The image of a pipeline that names none.
    pub image: String,
    /// How one of several operators comes to lead; `None`: this one always leads.
    pub election: Option<Election>,
    /// Who it is, in events and in the Lease. Unique among the operators of a cluster.
    pub identity: String,
    /// Where health and metrics are served; `None`: nowhere.
    pub listener: Option<TcpListener>,
    /// Where it keeps the credentials that its own clients read from files; `None`: the system's folder for what is temporary.
    pub credentials: Option<PathBuf>,
    /// How names of hosts are looked up: as pods of the pipeline's namespace do, or (`None`) as this machine does.
    pub dns: Option<ClusterDns>,
    /// How many pipelines it works on at once.
    pub concurrency: u16,
    /// Cancelled when it is to end.
    pub shutdown: CancellationToken,
}

/// Which Lease decides who leads.
pub struct Election {
    /// Its name.
    pub lease: String,
    /// Its namespace; `None`: that of the pod, else of the kubeconfig's context.
    pub namespace: Option<String>,
}
