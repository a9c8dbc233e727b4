//! What is watched, and how a watch is followed.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use futures_util::{Stream, StreamExt};
use kube::{
    Api, Resource,
    core::{ApiResource, DynamicObject, NamespaceResourceScope, PartialObjectMeta},
    runtime::watcher::{self, Event},
};
use tokio::sync::{mpsc::UnboundedSender, watch};

use crate::{api_errors::explain, context::Context, key::PipelineKey};

/// What of a scope is not listed whole yet: until then what is missing may only not have been seen.
#[derive(Clone)]
pub(crate) struct InitialSync(Arc<watch::Sender<Lists>>);

#[derive(Default)]
struct Lists {
    left: BTreeSet<String>,
    /// Whether a list could not be had.
    failed: bool,
}

impl InitialSync {
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Lists::default())))
    }

    fn add(&self, what: &str) {
        self.0.send_if_modified(|lists| lists.left.insert(what.to_owned()));
    }

    fn done(&self, what: &str) {
        self.0.send_if_modified(|lists| lists.left.remove(what));
    }

    /// Notes that something cannot be listed now; returns whether that is the first failure.
    fn fails(&self, what: &str) -> bool {
        self.0.send_if_modified(|lists| lists.left.contains(what) && !std::mem::replace(&mut lists.failed, true))
    }

    /// Waits until everything is.
    pub async fn none(&self) {
        self.wait(|lists| lists.left.is_empty()).await;
    }

    /// Waits until everything is, or something could not be.
    pub async fn tried(&self) {
        self.wait(|lists| lists.left.is_empty() || lists.failed).await;
    }

    async fn wait(&self, is_so: impl FnMut(&Lists) -> bool) {
        // The sender is ours: it does not go away.
        let _ = self.0.subscribe().wait_for(is_so).await;
    }
}

/// A namespace, or (`None`) all of them, and where its pipelines' reconciles are asked for.
#[derive(Clone)]
pub(crate) struct Scope {
    pub context: Arc<Context>,
    pub namespace: Option<String>,
    pub asks: UnboundedSender<PipelineKey>,
    pub unlisted: InitialSync,
}

impl Scope {
    /// As a sentence names it.
    pub fn place(&self) -> String {
        self.namespace.as_ref().map_or_else(|| "all namespaces".to_owned(), |name| format!("namespace {name}"))
    }

    pub(super) fn typed<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(&self) -> Api<K> {
        let client = self.context.client.clone();
        match &self.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }

    pub(super) fn dynamic(&self, kind: &ApiResource) -> Api<PartialObjectMeta<DynamicObject>> {
        let client = self.context.client.clone();
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, kind),
            None => Api::all_with(client, kind),
        }
    }

    pub(super) fn ask(&self, key: PipelineKey) {
        self.context.metrics.asked_for(&key);
        // Nobody listens any more when the operator ends.
        let _ = self.asks.send(key);
    }

    /// Follows a watch for as long as it is polled.
    pub(super) fn follow<K: Debug + Send + 'static>(
        &self,
        kind: String,
        stream: impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static,
        mut watched: impl Watched<K> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let unlisted = self.unlisted.clone();
        let place = self.place();
        let what = format!("{kind} in {place}");
        unlisted.add(&what);
        async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                match event {
                    Ok(Event::Init) => watched.list_begins(),
                    Ok(Event::InitApply(object) | Event::Apply(object)) => watched.stands(object),
                    Ok(Event::Delete(object)) => watched.gone(object),
                    Ok(Event::InitDone) => {
                        watched.list_ends();
                        unlisted.done(&what);
                    }
                    Err(error) => {
                        if unlisted.fails(&what) {
                            tracing::warn!(
                                place,
                                "its pipelines wait until everything in it can be listed, and others do not wait for it: \
                                 check that the namespace exists and that the operator has its rights there, or take it out \
                                 of the namespaces to watch"
                            );
                        }
                        tracing::warn!(kind, place, error = reason(&error), "a watch failed and begins anew");
                    }
                }
            }
        }
    }
}

/// What is done about what a watch sees. A list is complete when it ends: what it did not show is gone.
pub(super) trait Watched<K> {
    fn list_begins(&mut self);
    fn stands(&mut self, object: K);
    fn gone(&mut self, object: K);
    fn list_ends(&mut self);
}

fn reason(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => explain(error),
        watcher::Error::WatchError(status) if !status.message.is_empty() => status.message.clone(),
        other => other.to_string(),
    }
}
