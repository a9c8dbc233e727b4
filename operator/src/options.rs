//! What the operator is told when it starts.

use std::{path::PathBuf, str::FromStr};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::dns::ClusterDns;

/// How the operator runs.
pub struct Options {
    /// Namespaces whose pipelines it looks after; none: all of the cluster.
    pub namespaces: Vec<String>,
    /// What holds for the pods of pipelines.
    pub pods: PodDefaults,
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

/// What holds for the pods of pipelines where the resource says nothing else.
#[derive(Clone, Debug)]
pub struct PodDefaults {
    /// The image of a pipeline that names none.
    pub image: String,
    /// Secrets, of the pipeline's namespace, with which the image is pulled, for pods that name none. One that is not there
    /// is passed over by Kubernetes.
    pub image_pull_secrets: Vec<String>,
    /// As which user they run.
    pub user: PodUser,
}

/// The user and group of pods, and the group that may read what is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodUser {
    /// This one.
    Fixed(u32),
    /// The one that the platform assigns, as OpenShift does: pods that ask for another are refused there.
    Platform,
}

impl PodUser {
    /// The user `nonroot` of common base images; the image needs no user of its own.
    pub const NONROOT: Self = Self::Fixed(65_532);
}

impl FromStr for PodUser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("platform", _) => Ok(Self::Platform),
            (_, Ok(user @ 1..=2_147_483_647)) => Ok(Self::Fixed(user)),
            _ => {
                Err("write the number of a user above 0, such as 65532, or platform, where the platform assigns one"
                    .into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_of_pods_is_a_number_or_the_platforms() {
        let read = |text: &str| text.parse::<PodUser>().ok();
        assert_eq!([read("65532"), read("platform")], [Some(PodUser::NONROOT), Some(PodUser::Platform)]);
        assert_eq!(["", "0", "-1", "root", "4294967295"].map(read), [None; 5]);
    }
}
