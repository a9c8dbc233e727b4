//! A worker's life: checks, reading, an orderly end.

use std::{
    future::Future,
    sync::{Arc, mpsc},
    time::Duration,
};

use stockstream_model::{Timestamp, settings::Settings};
use stockstream_store::{StateStore, StoreError};
use tokio::{net::TcpListener, runtime::Handle};
use tokio_util::sync::CancellationToken;

use crate::{
    cgroup::MemoryLimit,
    compaction,
    consumer::{ConsumerFactory, Intake, LogSource, Resolver, Source, resolver},
    core::memory::Budget,
    error::WorkerError,
    flush::{Flusher, run_flushes, topic_identity::TopicIdentityChecker},
    fold::{FoldPool, Rules},
    heartbeat::heartbeats,
    http,
    lane::{OwnLane, acquire, release},
    migration::migrate,
    progress::watch,
    publish::publisher,
    recovery::{KafkaReader, Terms},
    startup,
    state::WorkerState,
};

/// How long an orderly end waits for the parts that are left.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// What a worker is given besides its settings.
pub struct Options {
    /// Where health and metrics are served; `None` for nowhere.
    pub listener: Option<TcpListener>,
    /// Ends the worker in order.
    pub shutdown: CancellationToken,
    /// The id of a broker in this process: it has no controller to ask for ids and settings, and what it says of itself may be
    /// what another said before. `None` where Kafka is asked.
    pub own_cluster: Option<String>,
    /// How much memory the process may take; `None` where nothing limits it.
    pub memory_limit: Option<MemoryLimit>,
}

/// Runs a worker until it is told to end. `connect` is asked for the store once Kafka and the topics are found good, so
/// that complaints come in the order of the checks.
///
/// # Errors
/// What is wrong by itself. What is only away is waited for.
pub async fn run<S, F>(settings: Settings, connect: F, options: Options) -> Result<(), WorkerError>
where
    S: StateStore,
    F: Future<Output = Result<Arc<S>, StoreError>>,
{
    let shared = Arc::new(WorkerState::new(name()));
    let Options { listener, shutdown, own_cluster, memory_limit } = options;
    let budget = Budget::new(&settings.limits, memory_limit.as_ref().map(|limit| limit.bytes));
    tell(budget, memory_limit.as_ref());
    let serving = match listener {
        Some(listener) => {
            tokio::spawn(http::serve(listener, Arc::clone(&shared), settings.clone(), budget, shutdown.clone()))
        }
        None => tokio::spawn(std::future::ready(Ok(()))),
    };
    let worked = tokio::select! {
        worked = work(settings, connect, Arc::clone(&shared), shutdown.clone(), own_cluster, budget) => worked,
        () = ended_before_work(&shared, &shutdown) => Ok(()),
    };
    shutdown.cancel();
    match serving.await {
        Ok(Err(source)) => worked.and(Err(WorkerError::Serve { source })),
        _ => worked,
    }
}

/// Says how much of the memory limit a batch may take.
fn tell(budget: Budget, limit: Option<&MemoryLimit>) {
    let (Some(batch), Some(MemoryLimit { bytes: limit, file })) = (budget.memory, limit) else {
        tracing::info!("this process has no memory limit: limits.batchKeys and limits.batchBytes bound a batch");
        return;
    };
    let (mib, fetched_ahead) = (|bytes: u64| bytes >> 20, budget.fetched_ahead);
    tracing::info!(
        limit_mib = mib(*limit),
        file = %file.display(),
        batch_mib = mib(batch),
        fetched_ahead_mib = mib(fetched_ahead),
        "the memory limit of this process bounds a batch"
    );
    if let Some(least) = budget.least_limit() {
        tracing::warn!(
            "the memory limit of {} MiB is too small for a worker, which may be killed; give it {} MiB at least",
            mib(*limit),
            mib(least)
        );
    }
}

/// While nothing is read yet, an end needs no order.
async fn ended_before_work(shared: &WorkerState, shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    if shared.last_turn.load(std::sync::atomic::Ordering::Relaxed) > 0 {
        std::future::pending::<()>().await;
    }
}

async fn work<S, F>(
    mut settings: Settings,
    connect: F,
    shared: Arc<WorkerState>,
    shutdown: CancellationToken,
    own_cluster: Option<String>,
    budget: Budget,
) -> Result<(), WorkerError>
where
    S: StateStore,
    F: Future<Output = Result<Arc<S>, StoreError>>,
{
    let has_controller = own_cluster.is_none();
    let (metadata_client, topics) = startup::topics(&settings, &shared, has_controller).await?;
    let store = connect.await?;
    shared.problems.depends_on(Arc::clone(&store));
    let (generation, start) = startup::database(&store, &metadata_client, &settings, &topics, &shared).await?;
    shared.generation.store(generation, std::sync::atomic::Ordering::Relaxed);
    // From now on it works in this database alone: one that is dropped under it must not be begun again unseen.
    let found = store.progress().await?.database_id;
    settings.pipeline.database_id = settings.pipeline.database_id.or(found);

    let logs = LogSource { settings: settings.clone(), own_cluster };
    let terms = Terms { store: &*store, shared: &shared, settings: &settings, budget };
    migrate(terms, &mut KafkaReader::new(logs.clone(), budget)).await?;
    let lane = Arc::new(OwnLane::new(acquire(&*store, &shared).await?));
    let resolving = Resolver {
        store: Arc::clone(&store),
        logs,
        start,
        shared: Arc::clone(&shared),
        lane: Arc::clone(&lane),
        budget,
        awaited: Default::default(),
        finishing: Default::default(),
    };
    let resolve = resolver(resolving, Handle::current(), shutdown.clone());
    let consumers = ConsumerFactory::new(settings.clone(), Arc::clone(&shared), resolve, budget);
    let (jobs, queue) = tokio::sync::mpsc::channel(1);
    let (done, outcomes) = mpsc::channel();
    let (topics, rules) = (settings.kafka.topics.clone(), Rules::of(&settings.sales));
    let threads = FoldPool::new(settings.limits.folding_threads, &topics, rules, Timestamp::now)
        .map_err(|error| WorkerError::Reading { message: error.to_string() })?;
    let intake = Intake::new(threads, rules);
    let source =
        Source::new(consumers, settings.clone(), Arc::clone(&shared), intake, jobs, outcomes, shutdown.clone())?;
    shared.tick();
    shared.runs();
    tracing::info!(worker = shared.worker, group = settings.group_id(), "waiting for events");
    let topic_identity = TopicIdentityChecker::new(has_controller.then_some(metadata_client), settings.kafka.clone())?;
    let flusher = Flusher::new(Arc::clone(&store), Arc::clone(&shared), Arc::clone(&lane), topics);
    let flushing = tokio::spawn(run_flushes(flusher, topic_identity, queue, done));
    let publishing =
        tokio::spawn(publisher(Arc::clone(&store), Arc::clone(&shared), settings.clone(), shutdown.clone()));
    let watching = tokio::spawn(watch(Arc::clone(&shared), settings.clone(), shutdown.clone()));
    let looking = has_controller
        .then(|| tokio::spawn(compaction::watch(Arc::clone(&shared), settings.kafka.clone(), shutdown.clone())));
    let every = settings.limits.heartbeat_every.duration();
    let (of_beating, pipeline) = (Arc::clone(&store), settings.pipeline.clone());
    let beating = tokio::spawn(heartbeats(of_beating, Arc::clone(&shared), pipeline, every, shutdown.clone()));
    let reading = tokio::task::spawn_blocking(move || source.run()).await;
    shutdown.cancel();
    // A flush that outlived the reading waits for a database that does not answer.
    let is_flushed = tokio::time::timeout(SHUTDOWN_TIMEOUT, flushing).await.is_ok();
    if !is_flushed {
        tracing::warn!("the database does not answer; what is claimed is finished by the next owner");
    } else if !shared.is_disowned() {
        // Otherwise whoever needs a lane takes it once this worker gives no sign of life.
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, release(&*store, &shared, lane.get())).await;
    }
    let (_, beaten) = tokio::join!(publishing, beating);
    watching.abort(); // it may be asking a broker that is away; nothing depends on it
    looking.iter().for_each(tokio::task::JoinHandle::abort);
    if let Ok(Some(error)) = beaten {
        return Err(error.into());
    }
    let read = reading.map_err(|error| error.to_string()).flatten();
    read.map_err(|message| WorkerError::Reading { message })?;
    if is_flushed {
        tell_end(&*store).await;
    }
    Ok(())
}

/// Says what the end left open: a claim that this worker found and was still finishing, or one of other workers.
async fn tell_end<S: StateStore>(store: &S) {
    let Ok(Ok(positions)) = tokio::time::timeout(SHUTDOWN_TIMEOUT, store.load_positions()).await else {
        tracing::warn!("ended; whether claims are open is not known, since the database does not answer");
        return;
    };
    let lanes = positions.map(|positions| positions.lanes).unwrap_or_default();
    let open: Vec<String> = lanes.iter().filter(|(_, lane)| lane.open).map(|(lane, _)| lane.to_string()).collect();
    if open.is_empty() {
        tracing::info!("ended in order: everything claimed is applied");
    } else {
        tracing::info!(
            lanes = open.join(", "),
            "ended; claims are open in these lanes: workers that run finish them, or the next one that starts"
        );
    }
}

/// Host, process and a number that tells a restarted process from the one before.
fn name() -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    let host = host.or_else(|| std::fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned()));
    let start = Timestamp::now().millis();
    format!("{}-{}-{start:x}", host.unwrap_or_else(|| "worker".into()), std::process::id())
}
