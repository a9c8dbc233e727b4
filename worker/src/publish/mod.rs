//! Publication of the views, under one rule: nothing moved, nothing written; an empty result never replaces a good one;
//! an equal result only says that it was checked; otherwise publish so that no reader ever finds a view empty.

mod days;
mod evaluate;
mod heavy_query_lock;
mod limits;
mod positions_watch;
mod risk;
mod totals;
mod winners;

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

pub(crate) use evaluate::Publisher;
use stockstream_model::{documents::View, settings::Settings};
use stockstream_protocol::publication::PublishOutcome;
use stockstream_store::StateStore;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::{
    flush::deduplicate::forget, metrics::Outcome, publish::heavy_query_lock::COURTESY, retry::Backoff,
    state::WorkerState,
};

/// How long after a publication rows that a publisher which died left behind are looked for; at rest again and again, after pauses
/// that double: what it had under way may take effect much later.
const TIDY: Duration = Duration::from_secs(5);
/// A view waits no longer for its next turn: what took longer waited for the database.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Publishes while this worker has the role, until told to end.
pub(crate) async fn publisher<S: StateStore>(
    store: Arc<S>,
    shared: Arc<WorkerState>,
    settings: Settings,
    shutdown: CancellationToken,
) {
    let changed = Notify::new();
    let forgetting = async {
        match settings.sales.deduplicate {
            Some(copies) => forget(&*store, &shared, copies.within).await,
            None => std::future::pending().await,
        }
    };
    // Each on its own: stock at risk is many rows, and the ranking does not wait for them.
    let generation = shared.generation.load(Ordering::Relaxed);
    let publisher = |view| Publisher::new(Arc::clone(&store), settings.analytics.clone(), view, generation);
    let heavy_query_lock = Mutex::new(());
    let keep = |view| publish_loop(publisher(view), &shared, &settings, &shutdown, &changed, &heavy_query_lock);
    tokio::select! {
        () = keep(View::ProductWinners) => {}
        () = keep(View::LossRiskProducts) => {}
        () = totals::keep(&*store, &shared, &changed, &heavy_query_lock) => {}
        () = positions_watch::watch(&*store, &shared) => {}
        () = days::keep(&*store, &shared) => {}
        () = forgetting => {}
    }
}

/// Publishes a view whenever partitions moved or the clock is due, and notifies `changed`. At rest nothing is read, but for what
/// [`TIDY`] says. `dear` is held
/// by what reads thousands of documents: two of those at once would leave the database no time for the events.
async fn publish_loop<S: StateStore>(
    mut publisher: Publisher<S>,
    shared: &WorkerState,
    settings: &Settings,
    shutdown: &CancellationToken,
    changed: &Notify,
    heavy_query_lock: &Mutex<()>,
) {
    let least = settings.limits.publish_every.duration();
    let mut next = tokio::time::Instant::now();
    let mut tidied: Option<Instant> = None;
    let mut tidy_again = TIDY;
    let mut told = None;
    let mut backoff = Backoff::default();
    let mut moved = shared.moved.subscribe();
    let mut wait = Duration::ZERO;
    while !shutdown.is_cancelled() {
        let notified = async {
            let _ = tokio::time::timeout(wait, moved.changed()).await;
            tokio::time::sleep_until(next).await;
        };
        tokio::select! {
            () = notified => {}
            () = shutdown.cancelled() => break,
        }
        drop(moved.borrow_and_update()); // the turn sees all that moved until now
        if !shared.publisher.load(Ordering::Relaxed) {
            publisher.forget();
            shared.problems.recovered(publisher.view.name());
            changed.notify_one(); // what was named of the role is named by another from now on
            wait = Duration::MAX; // the role comes with a notification
            continue;
        }
        let alone = match publisher.view {
            View::ProductWinners => None,
            View::LossRiskProducts => tokio::time::timeout(COURTESY, heavy_query_lock.lock()).await.ok(),
        };
        let outcome = tokio::select! {
            outcome = publisher.evaluate() => outcome,
            () = shutdown.cancelled() => break,
        };
        drop(alone);
        let view = publisher.view.name();
        wait = publisher.due_in();
        let failed = match outcome {
            Ok(outcome) => {
                shared.problems.recovered(view);
                backoff = Backoff::default();
                if let Some(outcome) = outcome {
                    changed.notify_one();
                    tell(shared, &mut told, publisher.view, outcome);
                    tidy_again = TIDY;
                }
                if outcome == Some(PublishOutcome::Conflict) {
                    wait = Duration::ZERO;
                }
                Duration::ZERO
            }
            Err(error) => {
                tracing::error!(%error, view, "the view was not published; trying again");
                shared.problems.retrying(view, format!("view {view} is not published: {error}"));
                wait = Duration::ZERO;
                backoff.pause()
            }
        };
        // A view that is dear to compute is computed less often: the events need the database too.
        let rest = (publisher.working_since.elapsed() * pause(publisher.view)).min(LONGEST_REST);
        next = tokio::time::Instant::now() + least.max(rest).max(failed);
        if tidied.is_none_or(|at| at.elapsed() >= tidy_again) {
            tidied = Some(Instant::now());
            match publisher.delete_orphaned_rows().await {
                Ok(true) => tidy_again = tidy_again.saturating_mul(2),
                Ok(false) => wait = Duration::ZERO,
                Err(error) => tracing::warn!(%error, view, "rows of an older revision are left; trying again"),
            }
        }
        wait = wait.min(tidy_again);
    }
}

/// How many times as long as publishing took it is not done again. The ranking reads as many products as it shows.
fn pause(view: View) -> u32 {
    match view {
        View::ProductWinners => 1,
        View::LossRiskProducts => risk::PAUSE,
    }
}

/// Counts every outcome; logs where a view begins to be published, kept or empty, not every publication.
fn tell(shared: &WorkerState, told: &mut Option<PublishOutcome>, view: View, outcome: PublishOutcome) {
    shared.metrics.publications.get_or_create(&Outcome { view: view.name(), outcome: outcome.name() }).inc();
    if matches!(outcome, PublishOutcome::Same | PublishOutcome::Conflict) || told.replace(outcome) == Some(outcome) {
        return;
    }
    match outcome {
        PublishOutcome::Changed => {
            tracing::info!(view = view.name(), "view published; it follows the events from now on");
        }
        PublishOutcome::Kept => {
            tracing::info!(view = view.name(), "the new result is empty: the previous rows are kept");
        }
        _ => tracing::info!(view = view.name(), "nothing to show yet: the view stays empty"),
    }
}
