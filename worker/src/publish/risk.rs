//! `loss_risk_products`: what changed, or all stock where that is not enough, part by part against the rows that stand.

use std::{
    collections::HashMap,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use stockstream_model::{
    analytics::{ProductFacts, risk_row},
    documents::{InventoryState, RiskRow, ViewState},
    settings::LossRisk,
};
use stockstream_protocol::{
    publication::{Clock, PublishOutcome},
    risk::{Bounds, Compared, Ended, Evaluation, RiskUpdate, Saying, Scope, StandingRisk, StockKey},
};
use stockstream_store::{ChangedProduct, StateStore, StoreError, fail_point};

/// How many times as long as evaluating took it is not done again: stock at risk may be thousands of rows, none of them is urgent
/// within a second, and the events need the database too.
pub(super) const PAUSE: u32 = 4;
/// For how long a turn rests at most between two parts: what took longer waited for the database.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// A turn that evaluates stock.
pub(super) struct Turn<'a, S> {
    pub store: &'a S,
    pub rules: &'a LossRisk,
    pub clock: Clock,
    pub bounds: Bounds,
}

/// What is still to be read.
enum Rest {
    /// All stock from behind a key.
    All(Option<StockKey>),
    /// The products that these claims changed: of the last claims from behind one.
    Changed(Vec<RangeInclusive<i64>>, Option<ChangedProduct>),
    Nothing,
}

/// What was read.
enum Part {
    /// Rows as they should be, and all that stand, of the same stock.
    Rows(Vec<RiskRow>, Vec<StandingRisk>),
    /// The products that changed have more batches than are read at once.
    TooMuch,
    /// That was all.
    End,
}

impl<S: StateStore> Turn<'_, S> {
    /// Publishes the view, which was read before the state. `changed` are the claims since it was published; nothing where all
    /// stock is to be evaluated. Returns what became of the view, and the view as this turn leaves it. Rests between two parts of
    /// what changed; `working_since` is when it last did.
    ///
    /// # Errors
    /// What the store refused.
    pub async fn publish(
        &self,
        view: ViewState,
        changed: Option<Vec<RangeInclusive<i64>>>,
        working_since: &mut Instant,
    ) -> Result<(PublishOutcome, ViewState), StoreError> {
        let scope = if changed.is_some() { Scope::Changed } else { Scope::All };
        let mut turn = Evaluation::begin(view, scope, self.rules.on_empty_result, self.bounds.held);
        let mut rest = changed.map_or(Rest::All(None), |claims| Rest::Changed(claims, None));
        let mut stands = !turn.is_doubtful() || self.claim(&mut turn).await?;
        while stands {
            let compared = match self.read(&mut rest).await? {
                Part::Rows(wanted, standing) => turn.compare(wanted, standing),
                Part::TooMuch => Compared::Widen,
                Part::End => match turn.ended() {
                    Ended::Say => break,
                    Ended::Delete(update) => {
                        stands = self.write(&mut turn, &update).await?;
                        break;
                    }
                    Ended::Again => {
                        rest = Rest::All(None);
                        continue;
                    }
                },
            };
            match compared {
                Compared::Write(update) => stands = self.write(&mut turn, &update).await?,
                Compared::Widen => {
                    turn.widen();
                    rest = Rest::All(None);
                }
            }
            if stands && matches!(rest, Rest::Changed(..)) {
                tokio::time::sleep((working_since.elapsed() * PAUSE).min(LONGEST_REST)).await;
                *working_since = Instant::now();
            }
        }
        if stands { self.say(&turn).await } else { Ok((PublishOutcome::Conflict, turn.seen)) }
    }

    /// Claims the revision behind the one that was seen; `false` where another publisher did.
    async fn claim(&self, turn: &mut Evaluation) -> Result<bool, StoreError> {
        let won = self.store.claim_revision(turn.seen.view, turn.seen.revision).await?;
        if won {
            turn.claimed();
            fail_point("risk-revision-claimed");
        }
        Ok(won)
    }

    /// Writes and deletes rows, if any, under a claimed revision; `false` where another publisher claimed it, or where a copy of
    /// what was written may take effect later: the next turn then finds a claim that was never completed.
    async fn write(&self, turn: &mut Evaluation, update: &RiskUpdate) -> Result<bool, StoreError> {
        if update.upsert.is_empty() && update.delete.is_empty() {
            return Ok(true);
        }
        if turn.claimed.is_none() && !self.claim(turn).await? {
            return Ok(false);
        }
        self.store.update_risk(update).await
    }

    async fn say(&self, turn: &Evaluation) -> Result<(PublishOutcome, ViewState), StoreError> {
        let (note, stands) = match turn.say(self.clock) {
            Saying::Point(note) => {
                let stands = self.store.publish_revision(&note.seen, &note.said).await?;
                (note, stands)
            }
            Saying::Note(note) => {
                let stands = self.store.update_view_status(&note.seen, &note.said).await?;
                (note, stands)
            }
        };
        Ok((note.noted(stands), note.said))
    }

    /// Reads the next part.
    async fn read(&self, rest: &mut Rest) -> Result<Part, StoreError> {
        loop {
            return match std::mem::replace(rest, Rest::Nothing) {
                Rest::Nothing => Ok(Part::End),
                Rest::All(after) => {
                    let (part, last) = self.read_all(after).await?;
                    *rest = last.map_or(Rest::Nothing, |last| Rest::All(Some(last)));
                    Ok(part)
                }
                Rest::Changed(mut claims, after) => {
                    let Some(of) = claims.last() else { continue }; // nothing changed
                    let changed = self.store.products_changed(of, after.as_ref(), self.bounds.changed_at_once).await?;
                    let is_last = changed.len() < self.bounds.changed_at_once as usize;
                    let part = self.of_products(&changed).await?;
                    if is_last {
                        claims.pop();
                    }
                    if !claims.is_empty() {
                        *rest = Rest::Changed(claims, changed.into_iter().last().filter(|_| !is_last));
                    }
                    Ok(part)
                }
            };
        }
    }

    /// Stock from behind a key, and the key of the last of it where there may be more.
    async fn read_all(&self, after: Option<StockKey>) -> Result<(Part, Option<StockKey>), StoreError> {
        let stock = self.store.stock_after(after.as_ref(), self.bounds.at_once).await?;
        let is_last = stock.len() < self.bounds.at_once as usize;
        let key = |batch: &InventoryState| (batch.product_id.clone(), batch.batch_number.clone());
        let last = stock.last().filter(|_| !is_last).map(|(batch, _)| key(batch));
        // After the stock: only rows of another publisher change meanwhile, and these are told by their revisions.
        let standing = self.store.risks_between(after.as_ref(), last.as_ref()).await?;
        let wanted = stock.iter().filter_map(|(batch, facts)| self.row(batch, facts)).collect();
        Ok((Part::Rows(wanted, standing), last))
    }

    /// All stock of products.
    async fn of_products(&self, changed: &[ChangedProduct]) -> Result<Part, StoreError> {
        let ids: Vec<String> = changed.iter().map(|product| product.product_id.clone()).collect();
        let most = self.bounds.of_products;
        let (stock, standing) =
            tokio::try_join!(self.store.stock_of(&ids, most + 1), self.store.risks_of(&ids, most + 1))?;
        if stock.len().max(standing.len()) > most as usize {
            return Ok(Part::TooMuch);
        }
        let facts: HashMap<&str, &ProductFacts> =
            changed.iter().map(|product| (product.product_id.as_str(), &product.facts)).collect();
        let row = |batch: &InventoryState| self.row(batch, facts.get(batch.product_id.as_str())?);
        Ok(Part::Rows(stock.iter().filter_map(row).collect(), standing))
    }

    fn row(&self, batch: &InventoryState, facts: &ProductFacts) -> Option<RiskRow> {
        risk_row(batch, facts, self.clock.as_of, self.clock.now, self.rules)
    }
}
