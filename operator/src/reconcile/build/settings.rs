//! The settings file of a part, in its ConfigMap.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{ResourceExt, core::ApiResource};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stockstream_model::settings::{FilesInUri, MongoDb, Pipeline, Sales, Settings};

use super::{
    child::{Child, Wanted},
    objects::object,
};
use crate::reconcile::names::Part;

/// The key in the ConfigMap, and the file's name.
pub(super) const KEY: &str = "settings.yaml";

/// The ConfigMap of a part.
pub(super) fn config_map(wanted: &Wanted<'_>, part: Part) -> Child {
    let (namespace, name) = (wanted.pipeline.namespace().unwrap_or_default(), wanted.pipeline.name_any());
    // Cannot fail: settings are plain data. Were it to, the pods would say that the file is not as it should be.
    let yaml = serde_yaml_ng::to_string(&file(wanted, part)).unwrap_or_else(|error| format!("# {error}"));
    let text =
        format!("# From AnalyticsPipeline {namespace}/{name}; the operator puts right what is changed here.\n{yaml}");
    object(wanted, part, ApiResource::erase::<ConfigMap>(&()), json!({ "data": { KEY: text } }))
}

/// SHA-256 of what the pods use of the file, as hexadecimal digits: other pods replace them when it changes.
///
/// `pipeline.generation` is left out: it changes with every change of the resource, and matters only to a worker that starts
/// with other thresholds than its fellows. A pod that starts later finds the number of its day in the file.
///
/// The ConfigMap is applied before the Deployment. A pod whose node has not heard of it yet would start with the old file under
/// the new checksum: its lower number then keeps it from undoing what others derive, until it is restarted.
pub(super) fn checksum(wanted: &Wanted<'_>, part: Part) -> String {
    let mut file = file(wanted, part);
    if let Some(Value::Object(pipeline)) = file.get_mut("pipeline") {
        pipeline.remove("generation");
    }
    Sha256::digest(file.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Settings that are variables of the pods: an image of a version that does not know them takes no notice of those, and another
/// image of the same file finds them changed at once, where a file may come later than its pod. What only a worker of this
/// pipeline may work in; and that the address of MongoDB, which comes from a resource, names no files.
pub(super) fn variables(wanted: &Wanted<'_>, part: Part) -> Vec<(&'static str, String)> {
    let Settings { pipeline: Pipeline { uid, database_id, .. }, mongodb, .. } = settings(wanted, part);
    let identity = [("STOCKSTREAM_PIPELINE_UID", uid), ("STOCKSTREAM_PIPELINE_DATABASE_ID", database_id)];
    let identity = identity.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    let refuses = mongodb.files_in_uri == FilesInUri::Refuse;
    identity.chain(refuses.then(|| ("STOCKSTREAM_MONGODB_FILES_IN_URI", "Refuse".to_owned()))).collect()
}

fn settings<'a>(wanted: &Wanted<'a>, part: Part) -> &'a Settings {
    match part {
        Part::Worker => &wanted.validated.worker,
        Part::Dashboard => &wanted.validated.dashboard,
    }
}

/// What is not as it is by itself: a worker of an older image does not know all of them.
fn changed(sales: &Sales) -> Value {
    let mut said = json!(sales);
    let usual = json!(Sales::default());
    if let Value::Object(said) = &mut said {
        said.retain(|name, value| usual.get(name) != Some(&*value));
    }
    said
}

/// What the resource decides. What it cannot decide stays out of the file: an image of another version than the operator's
/// may have other bounds, or not know a setting.
fn file(wanted: &Wanted<'_>, part: Part) -> Value {
    let Settings { pipeline, kafka, mongodb, sales, analytics, .. } = settings(wanted, part);
    // The rest of it are variables.
    let pipeline = Pipeline { uid: None, database_id: None, ..pipeline.clone() };
    let mongodb = MongoDb { files_in_uri: FilesInUri::Allow, ..mongodb.clone() };
    let takes_events = wanted.pipeline.spec.dashboard.kafka.is_some();
    match part {
        Part::Worker => {
            let mut file = json!({ "pipeline": pipeline, "kafka": kafka, "mongodb": mongodb, "analytics": analytics });
            if let Value::Object(said) = changed(sales)
                && !said.is_empty()
            {
                file["sales"] = Value::Object(said);
            }
            file
        }
        Part::Dashboard => {
            let mut reached = json!({ "topics": kafka.topics });
            if takes_events {
                reached["bootstrapServers"] = json!(kafka.bootstrap_servers);
                reached["security"] = json!(kafka.security);
            }
            json!({ "pipeline": pipeline, "kafka": reached, "mongodb": mongodb })
        }
    }
}
