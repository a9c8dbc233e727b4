//! Publication of the views, under one rule: nothing moved, nothing written; an empty result never replaces a good one;
//! an equal result only says that it was checked; otherwise publish so that no reader ever finds a view empty.

mod risk;
mod totals;
mod winners;

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use stockstream_model::{
    Timestamp,
    documents::View,
    settings::{Analytics, Settings},
};
use stockstream_store::{StateStore, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use crate::core::publication::Published;
use crate::{
    core::publication::{Clock, Seen, fingerprint, is_foreign, remembered},
    duplicates::forget,
    metrics::Outcome,
    shared::Shared,
};

/// How often checkpoints are looked at that other workers may have moved.
const LOOK: Duration = Duration::from_millis(100);
/// How often rows that a publisher which died left behind are looked for, and risk is reconciled without an event.
const TIDY: Duration = Duration::from_secs(5);
const RECONCILE: Duration = Duration::from_secs(3_600);

/// Keeps the two computed views. One worker of a group publishes; two that overlap do no harm.
pub struct Publisher<S> {
    store: Arc<S>,
    analytics: Analytics,
    /// The stamp of this publisher's settings.
    generation: i64,
    seen: Option<Seen>,
    evaluated: Instant,
    reconciled: Instant,
}

impl<S: StateStore> Publisher<S> {
    /// A publisher that has seen nothing: its first turn evaluates.
    pub fn new(store: Arc<S>, analytics: Analytics, generation: i64) -> Self {
        let now = Instant::now();
        Self { store, analytics, generation, seen: None, evaluated: now, reconciled: now }
    }

    /// One turn: reads the checkpoints, and evaluates the views if any moved or the clock is due. Returns what became of
    /// each view, or nothing when there was nothing to do.
    ///
    /// # Errors
    /// What the store refused; the next turn evaluates again.
    pub async fn turn(&mut self) -> Result<Option<[(View, Published); 2]>, StoreError> {
        let moved = fingerprint(&self.store.checkpoints().await?);
        let every = self.analytics.reevaluate_every.duration();
        let due = !every.is_zero() && self.evaluated.elapsed() >= every;
        let reconcile = self.reconciled.elapsed() >= RECONCILE;
        if self.seen.as_ref() == Some(&moved) && !due && !reconcile {
            return Ok(None);
        }
        let first = self.seen.take().is_none();
        // The views first, then the checkpoints, then the state: a result is never older than what it claims to be.
        let winners = self.store.view(View::ProductWinners).await?;
        let risks = self.store.view(View::LossRiskProducts).await?;
        let checkpoints = self.store.checkpoints().await?;
        let now = Timestamp::now();
        let latest = checkpoints.iter().filter_map(|checkpoint| checkpoint.latest_event).max();
        let clock = Clock { now, as_of: self.analytics.as_of.day(now, latest) };
        // Another worker's settings may have derived fields: the newest generation's publisher computes them anew.
        if first || reconcile || is_foreign(&checkpoints, self.generation) {
            let swept = self.store.sweep().await?;
            if swept > 0 {
                tracing::info!(documents = swept, "derived fields computed anew with the settings in force");
            }
        }
        let winners = winners::publish(&*self.store, &self.analytics.product_winners, winners, clock).await?;
        let risks = risk::publish(&*self.store, &self.analytics.loss_risk, risks, clock).await?;
        self.seen = remembered(fingerprint(&checkpoints), &[winners, risks]);
        self.evaluated = Instant::now();
        if reconcile {
            self.reconciled = self.evaluated;
        }
        Ok(Some([(View::ProductWinners, winners), (View::LossRiskProducts, risks)]))
    }

    /// Forgets what was seen: the next turn evaluates. For taking over the role.
    pub fn forget(&mut self) {
        self.seen = None;
    }

    /// Removes rows that a publisher which died left below the pointer. Reads first: nothing is written for nothing.
    ///
    /// # Errors
    /// What the store refused.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        let pointer = self.store.view(View::ProductWinners).await?.pointer;
        if self.store.has_rankings_below(pointer).await? {
            self.store.delete_rankings_below(pointer).await?;
        }
        Ok(())
    }
}

/// Publishes while this worker has the role, until told to end.
pub(crate) async fn publisher<S: StateStore>(
    store: Arc<S>,
    shared: Arc<Shared>,
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
    tokio::select! {
        () = views(Arc::clone(&store), Arc::clone(&shared), settings.clone(), shutdown, &changed) => {}
        () = totals::keep(&*store, &changed) => {}
        () = forgetting => {}
    }
}

/// Publishes the views, and rings when anything changed that they may depend on.
async fn views<S: StateStore>(
    store: Arc<S>,
    shared: Arc<Shared>,
    settings: Settings,
    shutdown: CancellationToken,
    changed: &Notify,
) {
    let generation = shared.generation.load(Ordering::Relaxed);
    let mut publisher = Publisher::new(store, settings.analytics.clone(), generation);
    let least = settings.limits.publish_every.duration();
    let mut next = tokio::time::Instant::now();
    let mut tidied: Option<Instant> = None;
    let mut told = HashMap::new();
    while !shutdown.is_cancelled() {
        let rung = async {
            let _ = tokio::time::timeout(LOOK, shared.changed.notified()).await;
            tokio::time::sleep_until(next).await;
        };
        tokio::select! {
            () = rung => {}
            () = shutdown.cancelled() => break,
        }
        if !shared.publisher.load(Ordering::Relaxed) {
            publisher.forget();
            continue;
        }
        let began = Instant::now();
        let outcome = tokio::select! {
            outcome = publisher.turn() => outcome,
            () = shutdown.cancelled() => break,
        };
        match outcome {
            Ok(Some(views)) => {
                changed.notify_one();
                views.iter().for_each(|(view, outcome)| tell(&shared, &mut told, *view, *outcome));
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the views were not published; trying again"),
        }
        // A view that is dear to compute is computed less often, so that publishing never takes more than half the time.
        next = tokio::time::Instant::now() + least.max(began.elapsed());
        if tidied.is_none_or(|at| at.elapsed() >= TIDY) {
            tidied = Some(Instant::now());
            if let Err(error) = publisher.tidy().await {
                tracing::warn!(%error, "rows of an older ranking are left; trying again");
            }
        }
    }
}

/// Counts every outcome; logs where a view begins to be published, kept or empty, not every publication.
fn tell(shared: &Shared, told: &mut HashMap<View, Published>, view: View, outcome: Published) {
    shared.metrics.publications.get_or_create(&Outcome { view: view.name(), outcome: outcome.name() }).inc();
    if matches!(outcome, Published::Same | Published::Overtaken) || told.insert(view, outcome) == Some(outcome) {
        return;
    }
    match outcome {
        Published::Changed => tracing::info!(view = view.name(), "view published; it follows the events from now on"),
        Published::Kept => tracing::info!(view = view.name(), "the new result is empty: the previous rows are kept"),
        _ => tracing::info!(view = view.name(), "nothing to show yet: the view stays empty"),
    }
}
