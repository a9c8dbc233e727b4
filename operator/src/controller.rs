//! What a leader does: watches, and reconciles what changed, a bounded number at a time.

use std::{
    convert::Infallible,
    future::ready,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{
    StreamExt,
    future::{join_all, pending, select_all},
    stream,
};
use kube::{
    Client, Resource,
    runtime::{
        Config,
        controller::{self, Action, ReconcileRequest, applier},
        reflector::{self, Store},
    },
};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    task::JoinSet,
    time::{interval_at, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument;

use crate::{
    api_errors::is_code,
    context::Context,
    health::{Health, Role},
    key::{MaybePipeline, PipelineKey},
    reconcile::{ReconcileError, build, reconcile},
    watch::{InitialSync, Scope, watch},
};

/// Changes that come together are dealt with together.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// No reconcile takes so long, unless something hangs: not even one that waits for many others of a broker that is away.
const LONGEST: Duration = Duration::from_secs(600);
/// Reconciles under way may take so long to end when the operator does.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);
/// A watch that ended by a mistake would soon end again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked whether the cluster has come to know PodMonitors.
const KINDS: Duration = Duration::from_secs(60);

const BLIND: &str =
    "a watch ended, which is a mistake in the operator: please report it with the lines before; all begin anew";

/// Leads until told to stop, and then for as long as what is under way takes, within bounds. Dropped: stops at once.
pub(crate) async fn lead(
    namespaces: &[String],
    health: &Health,
    context: impl Fn(bool, CancellationToken) -> Context,
    client: &Client,
    stop: &CancellationToken,
) {
    while !stop.is_cancelled() {
        health.set(Role::Syncing);
        let has_pod_monitor = has_pod_monitor(client).await.unwrap_or(false);
        let stop = stop.child_token();
        let work = reconcile_all(namespaces, health, Arc::new(context(has_pod_monitor, stop.clone())));
        let mut work = std::pin::pin!(work);
        tokio::select! {
            () = &mut work => {
                let _ = timeout(AGAIN, stop.cancelled()).await;
            }
            () = wait_for_new_kinds(client, has_pod_monitor) => {
                tracing::info!("the cluster knows other kinds now; watching anew");
                stop.cancel();
                work.await;
            }
        }
    }
}

async fn reconcile_all(namespaces: &[String], health: &Health, context: Arc<Context>) {
    let stop = context.stop.clone();
    context.metrics.watches_anew();
    let mut watches = JoinSet::new();
    let mut queues = Vec::new();
    let everywhere = namespaces.is_empty().then_some(None);
    for namespace in namespaces.iter().cloned().map(Some).chain(everywhere) {
        let (asks, asked) = mpsc::unbounded_channel();
        let (store, writer) = reflector::store();
        let unlisted = InitialSync::new();
        let scope = Scope { context: context.clone(), namespace, asks, unlisted: unlisted.clone() };
        watch(&scope, build::kinds(context.has_pod_monitor), writer, &mut watches);
        queues.push((scope.place(), store, asked, unlisted));
    }
    let scopes: Vec<InitialSync> = queues.iter().map(|(.., unlisted)| unlisted.clone()).collect();
    let work = queues.into_iter().map(|(place, store, asked, unlisted)| {
        let (context, stop) = (context.clone(), stop.clone());
        async move {
            let began = Instant::now();
            // Each for itself: a namespace that is gone or forbidden holds up no other.
            tokio::select! {
                () = unlisted.none() => {}
                () = stop.cancelled() => return,
            }
            context.metrics.listed();
            tracing::info!(place, seconds = began.elapsed().as_secs_f64(), "everything is listed; reconciling begins");
            work(context, store, asked).await;
        }
    });
    context.metrics.lists(scopes.len());
    let leads = async {
        join_all(scopes.iter().map(InitialSync::tried)).await;
        // One at least: an operator that sees nothing does not say that it is ready.
        select_all(scopes.iter().map(|scope| Box::pin(scope.none()))).await;
        health.set(Role::Leader);
        pending::<()>().await;
    };
    let overdue = async {
        stop.cancelled().await;
        sleep(SHUTDOWN_TIMEOUT).await;
    };
    tokio::select! {
        _ = join_all(work) => {}
        () = leads => {}
        Some(_) = watches.join_next() => tracing::error!("{BLIND}"),
        () = overdue => tracing::warn!("reconciles under way did not end in {} s and are given up", SHUTDOWN_TIMEOUT.as_secs()),
    }
}

/// Reconciles what is asked for until told to stop, and then to the end of what is under way.
async fn work(context: Arc<Context>, store: Store<MaybePipeline>, mut asked: UnboundedReceiver<PipelineKey>) {
    let queue = stream::poll_fn(move |waker| asked.poll_recv(waker))
        .map(|key| Ok::<_, Infallible>(ReconcileRequest::from(key.reference())))
        .take_until(context.stop.clone().cancelled_owned());
    // All that is due begins at once, and waits for its turn: in the order of coming, which a bound of the controller's own
    // would not keep. With more to do than can be done, some pipelines would never be looked at.
    let config = Config::default().concurrency(0).debounce(DEBOUNCE);
    let pipelines = store.clone();
    let reconcile_one = move |pipeline: Arc<MaybePipeline>, context| {
        Box::pin(reconcile_one(PipelineKey::of(pipeline.meta()), pipelines.clone(), context))
    };
    let failed = |pipeline: Arc<MaybePipeline>, error: &ReconcileError, context: Arc<Context>| {
        Action::requeue(context.backoff.failed(&PipelineKey::of(pipeline.meta())).min(error.patience()))
    };
    applier(reconcile_one, failed, context.clone(), store, queue, config)
        .for_each(|ended| {
            if let Err(controller::Error::ObjectNotFound(object)) = ended {
                // Something of a pipeline that is gone; the garbage collector sees to it.
                let namespace = object.namespace.as_deref().unwrap_or_default();
                context.metrics.forget(&PipelineKey::new(namespace, &object.name));
            }
            ready(())
        })
        .await;
}

/// One reconcile, when it is its turn: counted, bounded in time, and its panic an error like any other.
async fn reconcile_one(
    key: PipelineKey,
    store: Store<MaybePipeline>,
    context: Arc<Context>,
) -> Result<Action, ReconcileError> {
    context.metrics.asked_for(&key);
    let Some(turn) = context.turn().await else { return Ok(Action::await_change()) };
    let _running = context.metrics.begins(&key);
    // As it stands now, not as it stood when the wait began.
    let Some(pipeline) = store.get(&key.reference()) else { return Ok(Action::await_change()) };
    let began = Instant::now();
    let span = tracing::info_span!("reconcile", pipeline = %key);
    let work = reconcile(pipeline, context.clone(), turn).instrument(span.clone());
    let result = match timeout(LONGEST, AbortOnDropHandle::new(tokio::spawn(work))).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(ReconcileError::Panicked),
        Err(_) => Err(ReconcileError::TooLong { seconds: LONGEST.as_secs() }),
    };
    match &result {
        Ok(_) => context.backoff.forget(&key),
        Err(error) => {
            span.in_scope(|| tracing::warn!(phase = error.phase(), "{error}"));
            context.metrics.failed(error.phase());
        }
    }
    if store.get(&key.reference()).is_none() {
        // It went meanwhile, and some of it may have been remembered since.
        context.forget(&key);
    }
    context.metrics.ended(if result.is_ok() { "done" } else { "failed" }, began.elapsed());
    result
}

/// Whether the cluster knows PodMonitors; `None` when it does not say.
async fn has_pod_monitor(client: &Client) -> Option<bool> {
    match client.list_api_group_resources("monitoring.coreos.com/v1").await {
        Ok(known) => Some(known.resources.iter().any(|kind| kind.kind == "PodMonitor")),
        Err(error) if is_code(&error, 404) => Some(false),
        Err(_) => None,
    }
}

/// Waits until the cluster knows other kinds than it did.
async fn wait_for_new_kinds(client: &Client, had_pod_monitor: bool) {
    let mut turns = interval_at(tokio::time::Instant::now() + KINDS, KINDS);
    loop {
        turns.tick().await;
        if has_pod_monitor(client).await.is_some_and(|has| has != had_pod_monitor) {
            return;
        }
    }
}
