//! The watches: each a task of its own that keeps what it sees in memory and asks for reconciles. One that fails, because
//! its kind is forbidden or gone, holds up no other.

mod children;
mod pipelines;
mod scope;
mod secrets;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use kube::{
    core::{ApiResource, PartialObjectMeta},
    runtime::{
        WatchStreamExt,
        reflector::store::Writer,
        watcher::{self, watcher},
    },
};
use tokio::task::JoinSet;

pub(crate) use self::scope::{InitialSync, Scope};
use crate::{key::MaybePipeline, reconcile::names::MANAGED_BY};

/// Begins to watch everything in a scope; the pipelines go into the store of this writer.
pub(crate) fn watch(scope: &Scope, kinds: Vec<ApiResource>, store: Writer<MaybePipeline>, tasks: &mut JoinSet<()>) {
    let ours = watcher::Config::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let all = watcher::Config::default();
    for kind in kinds {
        let watched = children::Watched::new(scope.clone(), &kind);
        if kind.kind == "Deployment" {
            let stream = watcher(scope.typed::<Deployment>(), ours.clone()).default_backoff();
            tasks.spawn(scope.follow(kind.kind, stream, watched));
        } else {
            let stream = watcher(scope.dynamic(&kind), ours.clone()).default_backoff();
            tasks.spawn(scope.follow(kind.kind, stream, watched));
        }
    }
    let stream = watcher(scope.typed::<PartialObjectMeta<Secret>>(), all.clone()).default_backoff();
    tasks.spawn(scope.follow("Secret".to_owned(), stream, secrets::Watched::new(scope.clone())));
    let stream = watcher(scope.typed::<MaybePipeline>(), all).default_backoff().modify(pipelines::prune).reflect(store);
    tasks.spawn(scope.follow("AnalyticsPipeline".to_owned(), stream, pipelines::Watched::new(scope.clone())));
}
