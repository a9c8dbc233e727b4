//! Reads the Secrets that a pipeline names: each once, and again when the watch of their metadata shows another version.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};
use parking_lot::Mutex;

use super::Secrets;
use crate::{key::PipelineKey, resource::AnalyticsPipeline};

/// Which Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SecretKey {
    pub namespace: String,
    pub name: String,
}

/// What was read, and of which version. Never printed: no Debug.
struct Held {
    version: String,
    contents: BTreeMap<String, Vec<u8>>,
}

#[derive(Default)]
struct Inner {
    /// The version of every Secret that there is.
    versions: HashMap<SecretKey, String>,
    held: HashMap<SecretKey, Held>,
    users: HashMap<SecretKey, BTreeSet<PipelineKey>>,
    named: HashMap<PipelineKey, BTreeSet<SecretKey>>,
}

/// What is known of Secrets: of all that they are there, of those that a pipeline names what is in them.
#[derive(Default)]
pub(crate) struct SecretCache(Mutex<Inner>);

impl SecretCache {
    /// Notes that a Secret stands in this version; returns the pipelines that this is news for.
    pub fn stands(&self, key: SecretKey, version: String) -> Vec<PipelineKey> {
        let mut inner = self.0.lock();
        if inner.versions.get(&key) == Some(&version) {
            return Vec::new();
        }
        let known = inner.held.get(&key).is_some_and(|held| held.version == version);
        let users = if known { Vec::new() } else { inner.users_of(&key) };
        inner.versions.insert(key, version);
        users
    }

    /// Notes that a Secret is gone; returns the pipelines that name it.
    pub fn gone(&self, key: &SecretKey) -> Vec<PipelineKey> {
        let mut inner = self.0.lock();
        inner.versions.remove(key);
        inner.held.remove(key);
        inner.users_of(key)
    }

    /// Notes that in a namespace, or everywhere, there are these and no others; returns the pipelines that name one that is
    /// gone.
    pub fn retain(&self, namespace: Option<&str>, seen: &HashSet<SecretKey>) -> Vec<PipelineKey> {
        let listed = |key: &&SecretKey| namespace.is_none_or(|name| name == key.namespace);
        let gone: Vec<SecretKey> =
            self.0.lock().versions.keys().filter(listed).filter(|key| !seen.contains(*key)).cloned().collect();
        gone.iter().flat_map(|key| self.gone(key)).collect()
    }

    /// Forgets a pipeline, and what nobody else names.
    pub fn forget(&self, pipeline: &PipelineKey) {
        self.0.lock().name(pipeline, BTreeSet::new());
    }

    /// Of the Secrets that a pipeline names: what is held of their latest version, and which must be read.
    fn look(&self, pipeline: &PipelineKey, names: impl Iterator<Item = String>) -> Vec<SecretKey> {
        let mut inner = self.0.lock();
        let key = |name| SecretKey { namespace: pipeline.namespace.clone(), name };
        let named: BTreeSet<SecretKey> = names.map(key).collect();
        inner.name(pipeline, named.clone());
        let is_held = |key: &SecretKey| match (inner.held.get(key), inner.versions.get(key)) {
            (Some(held), Some(version)) => held.version == *version,
            // One that is not there is not asked for: the watch will tell when it is.
            (_, None) => true,
            (None, Some(_)) => false,
        };
        named.into_iter().filter(|key| !is_held(key)).collect()
    }

    fn hold(&self, key: SecretKey, secret: Option<Secret>) {
        let mut inner = self.0.lock();
        match secret {
            Some(secret) if inner.users.contains_key(&key) => {
                let version = secret.resource_version().unwrap_or_default();
                let contents = secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
                inner.held.insert(key, Held { version, contents });
            }
            _ => drop(inner.held.remove(&key)),
        }
    }

    /// The keys that are named, of what is held.
    fn contents(&self, namespace: &str, named: &BTreeMap<String, BTreeSet<String>>) -> Secrets {
        let inner = self.0.lock();
        let held = |name: &String| inner.held.get(&SecretKey { namespace: namespace.to_owned(), name: name.clone() });
        let of = |(name, keys): (&String, &BTreeSet<String>)| {
            let contents = &held(name)?.contents;
            let keys = keys.iter().filter_map(|key| Some((key.clone(), contents.get(key)?.clone())));
            Some((name.clone(), keys.collect()))
        };
        Secrets(named.iter().filter_map(of).collect())
    }
}

impl Inner {
    fn users_of(&self, key: &SecretKey) -> Vec<PipelineKey> {
        self.users.get(key).into_iter().flatten().cloned().collect()
    }

    fn name(&mut self, pipeline: &PipelineKey, named: BTreeSet<SecretKey>) {
        let before = self.named.remove(pipeline).unwrap_or_default();
        for key in before.difference(&named) {
            if let Some(users) = self.users.get_mut(key) {
                users.remove(pipeline);
                if users.is_empty() {
                    self.users.remove(key);
                    self.held.remove(key);
                }
            }
        }
        for key in &named {
            self.users.entry(key.clone()).or_default().insert(pipeline.clone());
        }
        if !named.is_empty() {
            self.named.insert(pipeline.clone(), named);
        }
    }
}

/// The Secrets that a pipeline names, with the keys that it names of each.
fn named(pipeline: &AnalyticsPipeline) -> BTreeMap<String, BTreeSet<String>> {
    let spec = &pipeline.spec;
    let ways: Vec<_> = spec.event_entry_security().into_iter().chain([spec.kafka.security.way()]).collect();
    let logins =
        ways.iter().filter_map(|way| way.sasl).map(|sasl| (&sasl.secret_ref.name, vec!["username", "password"]));
    let databases = [spec.mongodb_way(), spec.dashboard_mongodb_way()];
    let clients = ways.iter().filter_map(|way| way.client).chain(databases.iter().filter_map(|way| way.client));
    let clients = clients.map(|client| (&client.name, vec!["tls.crt", "tls.key"]));
    let authorities = ways.iter().filter_map(|way| way.ca).chain(databases.iter().filter_map(|way| way.ca));
    let authorities = authorities.map(|ca| (&ca.name, vec![ca.key.as_str()]));
    let uris = databases.iter().map(|way| (&way.uri.name, vec![way.uri.key.as_str()]));
    let access = spec.dashboard.auth.secrets().map(|(name, key, _)| (name, vec![key.as_str()]));
    let mut named = BTreeMap::<String, BTreeSet<String>>::new();
    for (name, keys) in logins.chain(clients).chain(authorities).chain(uris).chain(access) {
        named.entry(name.clone()).or_default().extend(keys.into_iter().map(str::to_owned));
    }
    named
}

/// What is in the Secrets that the pipeline names, of the keys that it names. One that is not there is left out.
///
/// # Errors
/// When the API server does not give one.
pub(crate) async fn dereference(
    client: &Client,
    cache: &SecretCache,
    pipeline: &AnalyticsPipeline,
) -> Result<Secrets, kube::Error> {
    let key = PipelineKey::of(&pipeline.metadata);
    let named = named(pipeline);
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &key.namespace);
    for unread in cache.look(&key, named.keys().cloned()) {
        let secret = secrets.get_opt(&unread.name).await?;
        cache.hold(unread, secret);
    }
    Ok(cache.contents(&key.namespace, &named))
}

#[cfg(test)]
#[path = "dereference_tests.rs"]
mod tests;
