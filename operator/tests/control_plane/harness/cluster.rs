//! The cluster, with the definition installed.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{eventually, holds, needed};

const NAME: &str = "analyticspipelines.stockstream.dev";

/// A cluster whose user may do everything.
pub struct Cluster {
    config: Config,
    pub admin: Client,
    /// Beside the kubeconfig, where hack/kube.sh puts it.
    pub audit_log: PathBuf,
}

impl Cluster {
    /// The cluster, if there is one.
    pub async fn find() -> Option<Self> {
        let file = PathBuf::from(needed("STOCKSTREAM_KUBECONFIG")?);
        let kubeconfig = Kubeconfig::read_from(&file).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let admin = Client::try_from(config.clone()).unwrap();
        let cluster = Self { config, admin, audit_log: file.with_file_name("audit.log") };
        cluster.define().await;
        Some(cluster)
    }

    /// A client of somebody else.
    pub fn acting_as(&self, user: &str) -> Client {
        self.acting_by(user, self.address())
    }

    /// The same, by another way to the API server.
    pub fn acting_by(&self, user: &str, address: SocketAddr) -> Client {
        let mut config = self.config.clone();
        config.auth_info.impersonate = Some(user.to_owned());
        config.tls_server_name = config.cluster_url.host().map(str::to_owned);
        config.cluster_url = format!("https://{address}").parse().unwrap();
        Client::try_from(config).unwrap()
    }

    /// Where the API server listens.
    pub fn address(&self) -> SocketAddr {
        let url = &self.config.cluster_url;
        let port = url.port_u16().unwrap_or(443);
        (url.host().unwrap(), port).to_socket_addrs().unwrap().next().unwrap()
    }

    /// The definition as it might have been in an earlier version: without the rules about what a text must be like.
    pub async fn define_loosely(&self) {
        let mut definition = serde_json::to_value(stockstream_operator::resource::crd().unwrap()).unwrap();
        let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let spec = &mut schema["properties"]["spec"];
        spec["x-kubernetes-validations"] = Value::Null;
        spec["properties"]["analytics"]["properties"]["asOf"]["pattern"] = Value::Null;
        self.apply(&definition).await;
    }

    async fn apply(&self, definition: &(impl Serialize + std::fmt::Debug)) {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.admin.clone());
        let apply = PatchParams::apply("tests").force();
        definitions.patch(NAME, &apply, &Patch::Apply(definition)).await.unwrap();
    }

    /// The definition as it is.
    pub async fn define(&self) {
        static DEFINING: Mutex<()> = Mutex::const_new(());
        let _one = DEFINING.lock().await;
        let definitions: Api<CustomResourceDefinition> = Api::all(self.admin.clone());
        self.apply(&stockstream_operator::resource::crd().unwrap()).await;
        eventually("the definition is established", async || {
            let definition = definitions.get(NAME).await.map_err(|error| error.to_string())?;
            let conditions = definition.status.and_then(|status| status.conditions).unwrap_or_default();
            let is_established = conditions.iter().any(|is| is.type_ == "Established" && is.status == "True");
            holds(is_established, || format!("{conditions:?}"))
        })
        .await;
        // The address of a new kind answers a moment later.
        eventually("pipelines can be listed", async || {
            let known = self.admin.list_api_group_resources("stockstream.dev/v1alpha1").await;
            known.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }
}

static ALONE: RwLock<()> = RwLock::const_new(());

/// For an operator of one namespace.
pub async fn with_others() -> RwLockReadGuard<'static, ()> {
    ALONE.read().await
}

/// For an operator of all namespaces, which would meddle with the others' pipelines.
pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    ALONE.write().await
}
