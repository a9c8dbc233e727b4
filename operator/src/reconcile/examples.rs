//! The files in `examples/`, for tests.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    reconcile::{CredentialFiles, Secrets, Validated, validate::validate},
    resource::AnalyticsPipeline,
};

/// `examples/<name>.yaml`, as an API server would give it back from namespace `shop`.
pub(crate) fn example(name: &str) -> (AnalyticsPipeline, Secrets) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name).with_extension("yaml");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (mut pipeline, mut secrets) = (None, Secrets::default());
    for document in serde_yaml_ng::Deserializer::from_str(&text) {
        let mut document = Value::deserialize(document).unwrap();
        match document["kind"].as_str() {
            Some("Secret") => {
                let name = document["metadata"]["name"].as_str().unwrap().to_owned();
                let data: BTreeMap<String, String> = serde_json::from_value(document["stringData"].take()).unwrap();
                let bytes = data.into_iter().map(|(key, value)| (key, value.into_bytes())).collect();
                secrets.0.insert(name, bytes);
            }
            Some("AnalyticsPipeline") => {
                let name = document["metadata"]["name"].take();
                document["metadata"] = json!({
                    "name": name,
                    "namespace": "shop",
                    "uid": "8f4c6d0e-6a51-4c8e-9a35-0d6a4f1d2b7c",
                    "generation": 3,
                    "creationTimestamp": "2026-05-01T08:00:00Z",
                });
                pipeline = Some(serde_json::from_value(document).unwrap());
            }
            other => panic!("{}: an object of kind {other:?}", file.display()),
        }
    }
    (pipeline.unwrap(), secrets)
}

/// Where the operator keeps its own copies.
pub(crate) fn files() -> CredentialFiles {
    CredentialFiles { root: "/tmp/operator/uid".into() }
}

/// An example, validated.
pub(crate) fn validated(name: &str) -> (AnalyticsPipeline, Secrets, Validated) {
    let (pipeline, secrets) = example(name);
    let validated = validate(&pipeline, &secrets, &files());
    (pipeline, secrets, validated)
}
