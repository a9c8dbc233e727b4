//! What was applied: so that nothing is written again that stands as it was written.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use parking_lot::Mutex;
use serde_json::Value;

use crate::{
    children::{ObjectKey, ObservedObject},
    key::PipelineKey,
    metadata_digest::MetadataDigest,
};

/// What changes whenever the contents of an object do: of kinds that have one the generation, which a status leaves alone;
/// else the version, which anything moves.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Revision {
    Generation(i64),
    Version(String),
}

/// An object as it stood when the API server had taken what we wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    desired: u64,
    uid: String,
    seal: Revision,
}

fn seal(live: &ObservedObject) -> Revision {
    match live.generation {
        Some(generation) => Revision::Generation(generation),
        None => Revision::Version(live.resource_version.clone()),
    }
}

impl Entry {
    fn holds(&self, live: &ObservedObject) -> bool {
        self.uid == live.uid && self.seal == seal(live)
    }
}

/// What was applied for each pipeline.
#[derive(Default)]
pub(crate) struct ApplyCache(Mutex<HashMap<PipelineKey, Children>>);

/// What was applied of one pipeline.
type Children = HashMap<ObjectKey, (Entry, Wanted)>;

/// The part of an object that its seal may not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    labels: MetadataDigest,
    annotations: MetadataDigest,
    owners: Vec<String>,
}

impl Wanted {
    fn of(desired: &Value) -> Self {
        let meta = &desired["metadata"];
        let marks = |value: &Value| {
            let fields = value.as_object().into_iter().flatten();
            MetadataDigest::of(fields.filter_map(|(name, value)| Some((name, value.as_str()?))))
        };
        let owners = meta["ownerReferences"].as_array().into_iter().flatten();
        Self {
            labels: marks(&meta["labels"]),
            annotations: marks(&meta["annotations"]),
            owners: owners.filter_map(|owner| Some(owner["uid"].as_str()?.to_owned())).collect(),
        }
    }

    /// Whether all of it stands. What others added is theirs.
    fn stands(&self, live: &ObservedObject) -> bool {
        live.labels.hold(&self.labels)
            && live.annotations.hold(&self.annotations)
            && self.owners.iter().all(|uid| live.is_owned_by(uid))
    }
}

impl ApplyCache {
    /// Whether the object stands as it was applied, and what was applied is what is desired now.
    pub fn is_current(
        &self,
        pipeline: &PipelineKey,
        key: &ObjectKey,
        desired: u64,
        live: Option<&ObservedObject>,
    ) -> bool {
        let Some(live) = live else { return false };
        let applied = self.0.lock();
        let entry = applied.get(pipeline).and_then(|objects| objects.get(key));
        entry.is_some_and(|(entry, wanted)| entry.desired == desired && entry.holds(live) && wanted.stands(live))
    }

    /// Whether the object, as a watch shows it, is what was applied for one of its owners.
    pub fn expects(&self, key: &ObjectKey, live: &ObservedObject) -> bool {
        let applied = self.0.lock();
        let of = |pipeline| applied.get(&pipeline).and_then(|objects| objects.get(key));
        let mut pipelines = live.pipelines(&key.namespace).into_iter();
        pipelines.any(|pipeline| of(pipeline).is_some_and(|(entry, wanted)| entry.holds(live) && wanted.stands(live)))
    }

    /// Notes what was applied, and how the API server answered.
    pub fn put(&self, pipeline: &PipelineKey, key: ObjectKey, desired: &Value, digest: u64, live: &ObservedObject) {
        let entry = Entry { desired: digest, uid: live.uid.clone(), seal: seal(live) };
        self.0.lock().entry(pipeline.clone()).or_default().insert(key, (entry, Wanted::of(desired)));
    }

    /// Forgets an object that is not wanted any more.
    pub fn remove(&self, pipeline: &PipelineKey, key: &ObjectKey) {
        if let Some(objects) = self.0.lock().get_mut(pipeline) {
            objects.remove(key);
        }
    }

    pub fn forget(&self, pipeline: &PipelineKey) {
        self.0.lock().remove(pipeline);
    }
}

/// A number that changes with the object.
pub(crate) fn digest(desired: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    desired.to_string().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stock() -> PipelineKey {
        PipelineKey::new("shop", "stock")
    }

    fn desired() -> Value {
        let owner = json!([{ "kind": "AnalyticsPipeline", "name": "stock", "uid": "owner" }]);
        json!({ "metadata": { "labels": { "a": "1" }, "annotations": { "b": "2" }, "ownerReferences": owner }, "spec": {} })
    }

    fn live(generation: Option<i64>, version: &str) -> ObservedObject {
        live_with(generation, version, |_| {})
    }

    fn live_with(generation: Option<i64>, version: &str, change: impl FnOnce(&mut Value)) -> ObservedObject {
        let mut meta = desired()["metadata"].clone();
        change(&mut meta);
        meta["uid"] = json!("u");
        meta["resourceVersion"] = json!(version);
        meta["generation"] = json!(generation);
        ObservedObject::of(serde_json::from_value(meta).unwrap(), None)
    }

    fn key() -> ObjectKey {
        ObjectKey { namespace: "shop".into(), kind: "Deployment".into(), name: "stock-worker".into() }
    }

    fn applied(live: &ObservedObject) -> ApplyCache {
        let applied = ApplyCache::default();
        applied.put(&stock(), key(), &desired(), digest(&desired()), live);
        applied
    }

    /// Asked as a reconcile asks and as a watch does.
    fn is_current(applied: &ApplyCache, live: &ObservedObject) -> bool {
        let current = applied.is_current(&stock(), &key(), digest(&desired()), Some(live));
        assert_eq!(applied.expects(&key(), live), current);
        current
    }

    #[test]
    fn what_stands_as_it_was_applied_is_current_though_its_status_or_what_others_added_moves() {
        let applied = applied(&live(Some(1), "1"));
        let standing =
            live_with(Some(1), "2", |meta| meta["annotations"]["deployment.kubernetes.io/revision"] = json!("1"));
        assert!(is_current(&applied, &standing));
    }

    #[test]
    fn what_is_gone_or_changed_or_made_anew_is_not() {
        let applied = applied(&live(Some(1), "1"));
        assert!(!applied.is_current(&stock(), &key(), digest(&desired()), None));
        assert!(!is_current(&applied, &live(Some(2), "2")));
        let anew = ObservedObject { uid: "another".into(), ..live(Some(1), "2") };
        assert!(!is_current(&applied, &anew));
        let relabelled = live_with(Some(1), "2", |meta| meta["labels"]["a"] = json!("other"));
        assert!(!is_current(&applied, &relabelled));
        let unannotated = live_with(Some(1), "2", |meta| meta["annotations"] = json!({}));
        assert!(!is_current(&applied, &unannotated));
        let disowned = ObservedObject { owners: Vec::new(), ..live(Some(1), "2") };
        assert!(!is_current(&applied, &disowned));
    }

    #[test]
    fn of_a_kind_without_generation_any_other_version_is_not_current() {
        let applied = applied(&live(None, "1"));
        assert!(is_current(&applied, &live(None, "1")));
        assert!(!is_current(&applied, &live(None, "2")));
    }

    #[test]
    fn another_wish_is_not_current() {
        let applied = applied(&live(Some(1), "1"));
        let other = digest(&json!({ "metadata": {}, "spec": { "replicas": 2 } }));
        assert!(!applied.is_current(&stock(), &key(), other, Some(&live(Some(1), "1"))));
        applied.forget(&stock());
        assert!(!applied.is_current(&stock(), &key(), digest(&desired()), Some(&live(Some(1), "1"))));
    }
}
