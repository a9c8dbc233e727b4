//! The limit: the same objects, applied by a loop that does nothing else.

use std::{collections::BTreeMap, time::Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    core::{ApiResource, DynamicObject},
};
use serde_json::Value;

use crate::{
    Result,
    fleet::{args::Fleet, make},
};

/// An API server gives out addresses one after the other: more at once would keep its other requests waiting.
const SERVICES_AT_ONCE: usize = 2;

/// Applies copies of the objects in namespaces of their own, pipeline by pipeline as the operator does, Services beside.
pub(super) async fn apply(client: &Client, children: Vec<(ApiResource, Value)>, fleet: &Fleet) -> Result<()> {
    for number in 0..fleet.namespaces {
        make::named(client, &format!("{}-bare", make::namespace(fleet, number))).await?;
    }
    let (mut pipelines, mut services) = (BTreeMap::<String, Vec<_>>::new(), Vec::new());
    let count = children.len();
    for (kind, mut body) in children {
        let instance = body["metadata"]["labels"]["app.kubernetes.io/instance"].to_string();
        let namespace = format!("{}-bare", body["metadata"]["namespace"].as_str().unwrap_or_default());
        body["metadata"]["namespace"] = namespace.clone().into();
        // Nobody is to take them for the operator's.
        if let Some(labels) = body["metadata"]["labels"].as_object_mut() {
            labels.remove("app.kubernetes.io/managed-by");
        }
        match kind.kind.as_str() {
            "Service" => services.push(vec![(kind, body)]),
            _ => pipelines.entry(format!("{namespace}/{instance}")).or_default().push((kind, body)),
        }
    }
    let began = Instant::now();
    let all = |lists: Vec<Vec<(ApiResource, Value)>>, at_once| {
        let each = lists.into_iter().map(|objects| one_by_one(client, objects));
        stream::iter(each).buffer_unordered(at_once).try_collect::<()>()
    };
    let others = all(pipelines.into_values().collect(), fleet.concurrency);
    futures_util::try_join!(others, all(services, SERVICES_AT_ONCE))?;
    let seconds = began.elapsed().as_secs_f64();
    println!("\nthe same {count} objects, applied by a bare loop: {seconds:.1} s, {:.0}/s", count as f64 / seconds);
    Ok(())
}

async fn one_by_one(client: &Client, objects: Vec<(ApiResource, Value)>) -> Result<()> {
    for (kind, body) in objects {
        let metadata = &body["metadata"];
        let (namespace, name) = (metadata["namespace"].as_str(), metadata["name"].as_str().unwrap_or_default());
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace.unwrap_or_default(), &kind);
        api.patch_metadata(name, &PatchParams::apply("bare").force(), &Patch::Apply(&body)).await?;
    }
    Ok(())
}
