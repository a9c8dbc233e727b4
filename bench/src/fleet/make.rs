//! The pipelines, and what an operator makes of them.

use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::{
    api::core::v1::{Namespace, Secret},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, PostParams},
    core::{ApiResource, DynamicObject},
    runtime::wait::{await_condition, conditions::is_crd_established},
};
use serde_json::{Value, json};
use stockstream_kafka::create_topics;
use stockstream_model::settings::Settings;
use stockstream_operator::{
    reconcile::{build::kinds, names::MANAGED_BY},
    resource::{AnalyticsPipeline, crd},
};

use super::args::Fleet;
use crate::Result;

/// So many are made at once: this is not what is measured.
const AT_ONCE: usize = 16;
/// A port at which nobody listens.
const AWAY: &str = "127.0.0.1:1";

pub(super) fn kind() -> ApiResource {
    ApiResource::erase::<AnalyticsPipeline>(&())
}

pub(super) fn namespace(fleet: &Fleet, number: usize) -> String {
    format!("fleet-{}", number % fleet.namespaces)
}

pub(super) async fn named(client: &Client, name: &str) -> Result<()> {
    let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
    Ok(())
}

/// Makes the resource known, and waits until it is.
async fn define(client: &Client) -> Result<()> {
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    let definition = crd()?;
    let name = definition.name_any();
    definitions.create(&PostParams::default(), &definition).await?;
    await_condition(definitions, &name, is_crd_established()).await?;
    Ok(())
}

/// Makes definition, topics, namespaces, and for each pipeline a Secret with the address of a database of its own.
pub(super) async fn pipelines(client: &Client, fleet: &Fleet, settings: &Settings) -> Result<()> {
    define(client).await?;
    create_topics(&settings.kafka).await?;
    for number in 0..fleet.namespaces {
        named(client, &namespace(fleet, number)).await?;
    }
    let uri = settings.mongodb.uri.as_ref().ok_or("no MongoDB is named")?.reveal().to_owned();
    let (server, _) = uri.rsplit_once('/').ok_or("the address of MongoDB names no database")?;
    let (kafka, server) = match fleet.away {
        true => (vec![AWAY.to_owned()], format!("mongodb://{AWAY}")),
        false => (settings.kafka.bootstrap_servers.clone(), server.to_owned()),
    };
    let (kafka, server) = (&kafka, &server);
    let made = (0..fleet.pipelines).map(|number| async move {
        let (name, namespace) = (format!("stock-{number:04}"), namespace(fleet, number));
        let secret: Secret = serde_json::from_value(json!({
            "metadata": { "name": format!("{name}-mongo") }, "stringData": { "uri": format!("{server}/fleet_{number}") },
        }))?;
        let pipeline: DynamicObject = serde_json::from_value(json!({
            "apiVersion": kind().api_version, "kind": kind().kind, "metadata": { "name": name },
            "spec": {
                "kafka": { "bootstrapServers": kafka },
                "mongodb": { "uriSecretRef": { "name": format!("{name}-mongo") } },
            },
        }))?;
        Api::namespaced(client.clone(), &namespace).create(&PostParams::default(), &secret).await?;
        let pipelines: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind());
        pipelines.create(&PostParams::default(), &pipeline).await?;
        Result::Ok(())
    });
    stream::iter(made).buffer_unordered(AT_ONCE).try_collect().await
}

/// All that the operator made, as it would apply it: without what the API server added to the metadata, or gave out itself.
pub(super) async fn children(client: &Client) -> Result<Vec<(ApiResource, Value)>> {
    let ours = ListParams::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let mut all = Vec::new();
    for kind in kinds(false) {
        for object in Api::<DynamicObject>::all_with(client.clone(), &kind).list(&ours).await? {
            let mut body = object.data;
            body["apiVersion"] = kind.api_version.clone().into();
            body["kind"] = kind.kind.clone().into();
            body["metadata"] = json!({
                "name": object.metadata.name, "namespace": object.metadata.namespace, "labels": object.metadata.labels,
            });
            if let Some(fields) = body.as_object_mut() {
                fields.remove("status");
            }
            if kind.kind == "Service"
                && let Some(spec) = body["spec"].as_object_mut()
            {
                spec.retain(|name, _| ["type", "selector", "ports"].contains(&name.as_str()));
            }
            all.push((kind.clone(), body));
        }
    }
    Ok(all)
}
