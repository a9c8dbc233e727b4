//! One view's publication, turn by turn.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use stockstream_model::{Timestamp, documents::View, settings::Analytics};
use stockstream_protocol::{
    positions::Positions,
    publication::{Clock, PublishOutcome, Seen, Since, fingerprint, is_foreign, seen_after, since},
    revision::is_complete,
    risk::{Base, Bounds},
};
use stockstream_store::{StateStore, StoreError};

use crate::publish::{risk, winners};

/// How often a view is evaluated without an event.
const RECONCILE: Duration = Duration::from_secs(3_600);

/// Keeps one of the computed views. One worker of a group publishes; two that overlap do no harm.
pub(crate) struct Publisher<S> {
    store: Arc<S>,
    analytics: Analytics,
    pub view: View,
    /// The stamp of this publisher's settings.
    generation: i64,
    seen: Option<Seen>,
    swept: Since,
    /// What its last turn left of stock at risk.
    base: Option<Base>,
    /// How much of stock is held at once.
    pub bounds: Bounds,
    /// Since when its turn has not rested.
    pub working_since: Instant,
    evaluated: Instant,
    reconciled: Instant,
}

impl<S: StateStore> Publisher<S> {
    /// A publisher that has seen nothing: its first turn evaluates.
    pub fn new(store: Arc<S>, analytics: Analytics, view: View, generation: i64) -> Self {
        let now = Instant::now();
        Self {
            store,
            analytics,
            view,
            generation,
            seen: None,
            swept: Since::new(),
            base: None,
            bounds: Bounds::default(),
            working_since: now,
            evaluated: now,
            reconciled: now,
        }
    }

    /// When the next turn is due by the clock, if nothing moves until then.
    pub fn due_in(&self) -> Duration {
        let every = self.analytics.reevaluate_every.duration();
        let reconcile = RECONCILE.saturating_sub(self.reconciled.elapsed());
        if every.is_zero() { reconcile } else { reconcile.min(every.saturating_sub(self.evaluated.elapsed())) }
    }

    /// One turn: reads the view and the positions, and evaluates the view if any moved or the clock is due. Returns what became of
    /// it, or nothing when there was nothing to do.
    ///
    /// # Errors
    /// What the store refused; the next turn evaluates again.
    pub async fn evaluate(&mut self) -> Result<Option<PublishOutcome>, StoreError> {
        self.working_since = Instant::now();
        // At once: both are read before the state, so that a result is never older than what it claims to be, and which of the
        // two is read first makes no difference. Where something was said of the view since, compare-and-set refuses; where
        // positions moved since, there is another turn.
        let (view, positions) = tokio::try_join!(self.store.view(self.view), self.positions())?;
        let moved = fingerprint(&positions);
        let every = self.analytics.reevaluate_every.duration();
        let due = !every.is_zero() && self.evaluated.elapsed() >= every;
        let reconcile = self.reconciled.elapsed() >= RECONCILE;
        if self.seen.as_ref() == Some(&moved) && !due && !reconcile {
            return Ok(None);
        }
        let now = Timestamp::now();
        // Where events are the clock, there is no time before the first claim is complete, and the state may hold changes of it.
        let Some(as_of) = self.analytics.as_of.day(now, positions.latest_event()) else {
            self.has_evaluated(reconcile);
            return Ok(None);
        };
        let clock = Clock { now, as_of };
        let first = self.seen.take().is_none();
        // Another worker's settings may have derived fields: the newest generation's publisher computes them anew. Only the
        // ranking depends on them.
        let ranks = self.view == View::ProductWinners;
        if ranks && (first || reconcile || is_foreign(&positions, self.generation, &self.swept)) {
            let swept = self.store.recompute_derived().await?;
            self.swept = since(&positions);
            if swept > 0 {
                tracing::info!(documents = swept, "derived fields computed anew with the settings in force");
            }
        }
        let (store, analytics) = (&*self.store, &self.analytics);
        let outcome = match self.view {
            View::ProductWinners => winners::publish(store, &analytics.product_winners, view, clock).await?,
            View::LossRiskProducts => {
                let base = self.base.take().filter(|_| !reconcile);
                let changed = base.and_then(|base| base.changed(&view, &positions, clock.as_of, self.generation));
                let evaluate = risk::Turn { store, rules: &analytics.loss_risk, clock, bounds: self.bounds };
                let (outcome, view) = evaluate.publish(view, changed, &mut self.working_since).await?;
                let base = Base::of(view, &positions, clock.as_of);
                self.base = Some(base).filter(|_| outcome != PublishOutcome::Conflict);
                outcome
            }
        };
        self.seen = seen_after(moved, outcome);
        self.has_evaluated(reconcile);
        Ok(Some(outcome))
    }

    /// Notes when the clock is due again.
    fn has_evaluated(&mut self, reconcile: bool) {
        self.evaluated = Instant::now();
        if reconcile {
            self.reconciled = self.evaluated;
        }
    }

    /// The positions; none before there are any.
    async fn positions(&self) -> Result<Positions, StoreError> {
        Ok(self.store.load_positions().await?.unwrap_or_default())
    }

    /// Forgets what was seen: the next turn evaluates, stock at risk all of it. For taking over the role.
    pub fn forget(&mut self) {
        self.seen = None;
        self.base = None;
    }

    /// Looks for rows that a publisher which died, or which others overtook, left: of a ranking they are deleted, of stock at risk
    /// the next turn evaluates all. Reads first: nothing is written for nothing. Returns whether that was all there is to do.
    ///
    /// # Errors
    /// What the store refused.
    pub async fn delete_orphaned_rows(&mut self) -> Result<bool, StoreError> {
        let view = self.store.view(self.view).await?;
        match self.view {
            View::ProductWinners => {
                if self.store.has_rankings_below(view.pointer).await? {
                    self.store.delete_rankings_below(view.pointer).await?;
                }
                Ok(true)
            }
            View::LossRiskProducts => {
                let is_tidy =
                    is_complete(&view) && (view.fence == 0 || !self.store.has_risks_below(view.fence).await?);
                if !is_tidy {
                    self.forget();
                }
                Ok(is_tidy)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::settings::{AsOf, HumanDuration};
    use stockstream_store::MemoryStore;

    #[tokio::test]
    async fn without_an_event_the_clock_is_due_no_more_often_than_with_one() {
        let (every, due) = (HumanDuration::from_millis(10_000), Duration::from_secs(10));
        let analytics = Analytics { as_of: AsOf::LatestEvent, reevaluate_every: every, ..Analytics::default() };
        let mut publisher =
            Publisher::new(Arc::new(MemoryStore::new(analytics.clone())), analytics, View::LossRiskProducts, 0);
        publisher.evaluated = publisher.evaluated.checked_sub(due).unwrap();
        assert!(publisher.due_in().is_zero());
        assert_eq!(publisher.evaluate().await.unwrap(), None);
        assert!(!publisher.due_in().is_zero());
    }
}
