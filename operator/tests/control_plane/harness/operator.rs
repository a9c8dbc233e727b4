//! An operator in this process.

use std::net::SocketAddr;

use kube::Client;
use stockstream_operator::{Election, OperatorError, Options, PodDefaults, PodUser, run};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{TestNamespace, eventually, holds, http};

/// An operator that acts as the user of a place.
pub struct Operator {
    task: JoinHandle<Result<(), OperatorError>>,
    shutdown: CancellationToken,
    address: SocketAddr,
}

impl Operator {
    /// One that looks after the place's namespace.
    pub async fn start(place: &TestNamespace, identity: &str) -> Self {
        Self::with(place, identity, vec![place.namespace.clone()]).await
    }

    /// One that looks after these namespaces; none: all.
    pub async fn with(place: &TestNamespace, identity: &str, namespaces: Vec<String>) -> Self {
        Self::by(place, identity, namespaces, place.cluster.acting_as(&place.user())).await
    }

    /// One that asks the API server by this client.
    pub async fn by(place: &TestNamespace, identity: &str, namespaces: Vec<String>, client: Client) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let election = Election { lease: "stockstream-operator".into(), namespace: Some(place.namespace.clone()) };
        let options = Options {
            namespaces,
            pods: PodDefaults {
                image: "stockstream:test".into(),
                image_pull_secrets: Vec::new(),
                user: PodUser::NONROOT,
            },
            election: Some(election),
            identity: identity.into(),
            listener: Some(listener),
            credentials: None,
            dns: None,
            concurrency: 4,
            shutdown: shutdown.clone(),
        };
        Self { task: tokio::spawn(run(client, options)), shutdown, address }
    }

    /// Waits until it leads and knows all that there is.
    pub async fn leads(&self) {
        self.is("leader").await;
    }

    pub async fn is(&self, role: &str) {
        eventually(&format!("the operator is {role}"), async || {
            let (status, said) = http::get(&self.address.to_string(), "/readyz").await?;
            holds(status == 200 && said.trim() == role, || said)
        })
        .await;
    }

    /// A metric by its whole name with labels; 0 where it was never counted.
    pub async fn metric(&self, name: &str) -> f64 {
        let (_, text) = http::get(&self.address.to_string(), "/metrics").await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("stockstream_operator_{name} ")));
        line.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    pub async fn reconciles(&self) -> f64 {
        self.metric("reconciles_total{outcome=\"done\"}").await
            + self.metric("reconciles_total{outcome=\"failed\"}").await
    }

    /// Waits until nothing waits and nothing runs.
    pub async fn rests(&self) {
        eventually("the operator has nothing to do", async || {
            let (queued, running) = (self.metric("queue").await, self.metric("reconciles_running").await);
            holds(queued + running == 0.0, || format!("{queued} wait, {running} run"))
        })
        .await;
    }

    /// Ends it as a signal would.
    pub async fn end(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Ends it as a power cut would: it gives nothing back.
    pub async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}
