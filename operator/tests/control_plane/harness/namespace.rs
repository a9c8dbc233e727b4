//! A namespace of a test's own.

use std::fmt::Debug;

use k8s_openapi::{
    api::{
        authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
        core::v1::{Namespace, Secret},
        rbac::v1::{Role, RoleBinding, RoleRef, Subject},
    },
    jiff::Timestamp,
};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    core::{ApiResource, DynamicObject, NamespaceResourceScope, ObjectMeta},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use stockstream_operator::resource::AnalyticsPipeline;
use tokio::sync::RwLockReadGuard;

use super::{
    Cluster, cluster, eventually, holds,
    role::{LEASE, RULES, rule},
};

/// A namespace in which an operator may do what its role grants.
pub struct TestNamespace {
    pub cluster: Cluster,
    pub namespace: String,
    _with_others: Option<RwLockReadGuard<'static, ()>>,
}

impl TestNamespace {
    /// A new one, if there is a cluster.
    pub async fn find() -> Option<Self> {
        let cluster = Cluster::find().await?;
        let with_others = cluster::with_others().await;
        Some(Self { _with_others: Some(with_others), ..Self::in_(cluster).await })
    }

    /// One more, of a test that has one already: it must not wait a second time for tests that run alone, one of which may be
    /// waiting for it.
    pub async fn another(&self) -> Self {
        Self::in_(Cluster::find().await.unwrap()).await
    }

    /// A new one, of a test that runs alone.
    pub async fn in_(cluster: Cluster) -> Self {
        let namespace = format!("test-{:x}", Timestamp::now().as_nanosecond());
        let object = Namespace { metadata: named(&namespace), ..Namespace::default() };
        Api::all(cluster.admin.clone()).create(&PostParams::default(), &object).await.unwrap();
        let place = Self { cluster, namespace, _with_others: None };
        let rules = RULES.iter().copied().chain([LEASE]).map(rule).collect();
        place.create(Role { metadata: named("operator"), rules: Some(rules) }).await;
        let role_ref = RoleRef { kind: "Role".into(), name: "operator".into(), api_group: RBAC.into() };
        let subjects = Some(vec![place.subject()]);
        place.create(RoleBinding { metadata: named("operator"), role_ref, subjects }).await;
        place.may_work_in(&place.namespace).await;
        place.secret("mongo", &[("uri", "mongodb://127.0.0.1:1/stock_management?serverSelectionTimeoutMS=200")]).await;
        place
    }

    /// The user as whom its operators act.
    pub fn user(&self) -> String {
        format!("operator-of-{}", self.namespace)
    }

    pub fn subject(&self) -> Subject {
        Subject { kind: "User".into(), name: self.user(), api_group: Some(RBAC.into()), ..Subject::default() }
    }

    /// Lets an operator of another place work in this one, too.
    pub async fn let_in(&self, subject: Subject) {
        let role_ref = RoleRef { kind: "Role".into(), name: "operator".into(), api_group: RBAC.into() };
        self.create(RoleBinding { metadata: named("guest"), role_ref, subjects: Some(vec![subject]) }).await;
    }

    /// Whether its operators may do this there.
    pub async fn may(&self, verb: &str, (group, kind): (&str, &str), namespace: &str) -> bool {
        let (resource, subresource) = kind.split_once('/').map_or((kind, None), |(kind, part)| (kind, Some(part)));
        let attributes = ResourceAttributes {
            group: Some(group.into()),
            resource: Some(resource.into()),
            subresource: subresource.map(Into::into),
            verb: Some(verb.into()),
            namespace: Some(namespace.into()),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
        let review = SelfSubjectAccessReview { spec, ..Default::default() };
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.cluster.acting_as(&self.user()));
        reviews.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
    }

    /// Waits until what was granted is in force, a moment later than it is written.
    pub async fn may_work_in(&self, namespace: &str) {
        eventually("the operator's rights are in force", async || {
            holds(self.may("list", ("apps", "deployments"), namespace).await, || "not yet".into())
        })
        .await;
    }

    pub fn admin(&self) -> Client {
        self.cluster.admin.clone()
    }

    pub fn api<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(&self) -> Api<K> {
        Api::namespaced(self.admin(), &self.namespace)
    }

    pub fn pipelines(&self) -> Api<AnalyticsPipeline> {
        self.api()
    }

    pub async fn create<K>(&self, object: K) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
    {
        self.api().create(&PostParams::default(), &object).await.unwrap()
    }

    /// Makes or changes a Secret.
    pub async fn secret(&self, name: &str, contents: &[(&str, &str)]) {
        let contents: Value = contents.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let secret =
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": contents });
        let apply = PatchParams::apply("tests").force();
        self.api::<Secret>().patch(name, &apply, &Patch::Apply(secret)).await.unwrap();
    }

    /// Makes or changes a pipeline whose Kafka and MongoDB do not answer.
    pub async fn pipeline(&self, name: &str, change: impl FnOnce(&mut Value)) -> DynamicObject {
        self.try_pipeline(name, change).await.unwrap()
    }

    /// The same, which the API server may refuse.
    pub async fn try_pipeline(&self, name: &str, change: impl FnOnce(&mut Value)) -> Result<DynamicObject, String> {
        let mut pipeline = json!({
            "apiVersion": "stockstream.dev/v1alpha1", "kind": "AnalyticsPipeline", "metadata": { "name": name },
            "spec": {
                "kafka": { "bootstrapServers": ["127.0.0.1:1"] },
                "mongodb": { "uriSecretRef": { "name": "mongo" } },
            },
        });
        change(&mut pipeline);
        let apply = PatchParams::apply("tests").force();
        let kind = ApiResource::erase::<AnalyticsPipeline>(&());
        let pipelines: Api<DynamicObject> = Api::namespaced_with(self.admin(), &self.namespace, &kind);
        pipelines.patch(name, &apply, &Patch::Apply(pipeline)).await.map_err(|error| error.to_string())
    }

    /// The status once it says something of the newest generation, and the operator has nothing left to do about it.
    pub async fn status(&self, name: &str) -> Value {
        eventually(&format!("{name} has a status"), async || {
            let pipeline = self.read(name).await?;
            let observed = &pipeline["status"]["observedGeneration"];
            holds(observed == &pipeline["metadata"]["generation"], || format!("{pipeline}"))?;
            Ok(pipeline["status"].clone())
        })
        .await
    }

    /// A condition once it is so.
    pub async fn condition(&self, name: &str, condition: &str, reason: &str) -> Value {
        eventually(&format!("{condition} of {name} is {reason}"), async || {
            let status = self.read(name).await?["status"].clone();
            let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            let found = conditions.into_iter().find(|is| is["type"] == condition && is["reason"] == reason);
            found.ok_or_else(|| format!("{status:#}"))
        })
        .await
    }

    async fn read(&self, name: &str) -> Result<Value, String> {
        let kind = ApiResource::erase::<AnalyticsPipeline>(&());
        let pipelines: Api<DynamicObject> = Api::namespaced_with(self.admin(), &self.namespace, &kind);
        let pipeline = pipelines.get(name).await.map_err(|error| error.to_string())?;
        serde_json::to_value(pipeline).map_err(|error| error.to_string())
    }

    /// Deletes the namespace; what is in it goes on its own.
    pub async fn leave(self) {
        let namespaces: Api<Namespace> = Api::all(self.admin());
        namespaces.delete(&self.namespace, &DeleteParams::default()).await.unwrap();
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

pub fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}
