use std::{
    collections::BTreeMap,
    ops::{Bound, RangeInclusive},
};

use stockstream_model::{
    Timestamp,
    analytics::{ProductFacts, score_base},
    documents::{Checkpoint, Heartbeat, InventoryState, ProductState, StartPositions, View, ViewState, Winner},
    settings::Pipeline,
};
use stockstream_protocol::{
    checkpoints::checkpoints,
    claim::MarkVerdict,
    dedup::{DedupCandidate, decide},
    owner::{Owner, Ownership, SignsOfLife, ownership},
    revision::{is_as_seen, is_at, is_claimable, may_point},
    risk::{RiskUpdate, StandingRisk, StockKey},
};

use super::{Inner, Marked, MemoryStore};
use crate::{
    ApplyReport, ChangedProduct, Changes, Guard, RiskFacts, StoreError,
    at_limit::AtLimit,
    batch::PAYLOAD_BYTES,
    inspect::{Inspect, Snapshot},
    ownership::{check_id, foreign},
    state_store::{Progress, StateStore},
    view_store::alive_since,
};

type Result<T> = std::result::Result<T, StoreError>;

/// What messages call the database.
const PLACE: &str = "in memory";

impl StateStore for MemoryStore {
    async fn prepare(&self, pipeline: &Pipeline) -> Result<i64> {
        let mut inner = self.lock();
        inner.claim(pipeline)?;
        for view in View::ALL {
            inner.views.entry(view).or_insert_with(|| ViewState::new(view));
        }
        Ok(1)
    }

    async fn claim(&self, pipeline: &Pipeline) -> Result<()> {
        self.lock().claim(pipeline)
    }

    async fn verify_owner(&self, pipeline: &Pipeline) -> Result<()> {
        let inner = self.lock();
        check_id(PLACE, inner.id.as_deref(), pipeline)?;
        match &inner.owner {
            Some(owner) if ownership(owner, pipeline) == Ownership::Foreign => {
                Err(foreign(PLACE, owner.clone(), pipeline))
            }
            _ => Ok(()),
        }
    }

    async fn signs_of_life(&self) -> Result<SignsOfLife> {
        Ok(self.lock().signs())
    }

    async fn owner_heartbeat(&self, pipeline: &Pipeline) -> Result<()> {
        let mut inner = self.lock();
        if inner.owner.as_ref().is_some_and(|owner| owner.name == pipeline.name && owner.uid == pipeline.uid) {
            inner.owner_at = Some(Timestamp::now());
        }
        Ok(())
    }

    async fn take_over(&self, pipeline: &Pipeline, seen: &SignsOfLife) -> Result<bool> {
        let mut inner = self.lock();
        check_id(PLACE, inner.id.as_deref(), pipeline)?;
        if seen.owner.name != pipeline.name || inner.signs() != *seen {
            return Ok(false);
        }
        inner.owner = Some(Owner { name: pipeline.name.clone(), uid: pipeline.uid.clone() });
        inner.owner_at = Some(Timestamp::now());
        Ok(true)
    }

    async fn progress(&self) -> Result<Progress> {
        let (inner, now) = (self.lock(), Timestamp::now());
        Ok(Progress {
            owner: inner.owner.clone(),
            database_id: inner.id.clone(),
            start: inner.start.clone(),
            checkpoints: inner.checkpoints(),
            workers: inner.alive_workers(now),
        })
    }

    async fn newest_generation(&self) -> Result<i64> {
        Ok(1)
    }

    async fn init_start_offsets(&self, start: &StartPositions) -> Result<StartPositions> {
        Ok(self.lock().start.get_or_insert_with(|| start.clone()).clone())
    }

    async fn start_positions(&self) -> Result<Option<StartPositions>> {
        Ok(self.lock().start.clone())
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>> {
        Ok(self.lock().checkpoints())
    }

    async fn deduplicate(&self, asking: &[DedupCandidate]) -> Result<Vec<bool>> {
        let mut inner = self.lock();
        let take = |asking: &DedupCandidate| {
            let named = inner.invoices.entry(asking.invoice.to_string()).or_default();
            let (answers, added) = decide(named, &[asking]);
            named.extend(added);
            answers[0]
        };
        Ok(asking.iter().map(take).collect())
    }

    async fn expire_invoices(&self, before: Timestamp, at_most: u32) -> Result<u64> {
        let (mut inner, mut left) = (self.lock(), at_most);
        let standing = inner.invoices.len();
        inner.invoices.retain(|_, named| {
            let is_old = left > 0 && named.iter().all(|name| name.at < before);
            left -= u32::from(is_old);
            !is_old
        });
        Ok((standing - inner.invoices.len()) as u64)
    }

    async fn apply(&self, changes: &Changes, guard: &Guard) -> Result<ApplyReport> {
        Ok(self.lock().apply(changes, guard, self.analytics.history_days))
    }

    async fn move_days(&self, _: u32) -> Result<u64> {
        Ok(0) // nothing is rewritten here
    }

    async fn recompute_derived(&self) -> Result<u64> {
        Ok(0) // derived fields are computed when they are read
    }

    async fn top_products(&self, limit: u32) -> Result<Vec<ProductState>> {
        let inner = self.lock();
        let weights = &self.analytics.product_winners.weights;
        // Plus zero: to the server, the two zeros are equal.
        let score = |product| Some(score_base(product, weights)? + 0.0);
        let scored = inner.products.values().filter_map(|doc| Some((score(&doc.value)?, &doc.value)));
        let mut ranked: Vec<_> = scored.collect();
        ranked.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.product_id.cmp(&y.product_id)));
        let row = |(_, product): (f64, &ProductState)| ProductState { days: BTreeMap::new(), ..product.clone() };
        Ok(ranked.into_iter().take(limit as usize).map(row).collect())
    }

    async fn stock_after(&self, after: Option<&StockKey>, at_most: u32) -> Result<Vec<RiskFacts>> {
        let inner = self.lock();
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let stock = inner.inventory.range::<StockKey, _>(behind).filter_map(|(_, doc)| doc.value.as_ref());
        let with_facts = stock.map(|batch| (batch.clone(), inner.facts(&batch.product_id)));
        Ok(with_facts.take(at_most as usize).collect())
    }

    async fn stock_of(&self, products: &[String], at_most: u32) -> Result<Vec<InventoryState>> {
        let inner = self.lock();
        let stock = products.iter().flat_map(|product| of_product(&inner.inventory, product));
        Ok(stock.filter_map(|doc| doc.value.clone()).take(at_most as usize).collect())
    }

    async fn products_changed(
        &self,
        by: &RangeInclusive<i64>,
        after: Option<&ChangedProduct>,
        at_most: u32,
    ) -> Result<Vec<ChangedProduct>> {
        let inner = self.lock();
        let start = match after {
            Some(ChangedProduct { last_claim, product_id, .. }) => Bound::Excluded((*last_claim, product_id.clone())),
            None => Bound::Included((*by.start(), String::new())),
        };
        let changed = inner.changed.range((start, Bound::Unbounded)).take_while(|(claim, _)| claim <= by.end());
        let product = |(last_claim, product_id): &(i64, String)| ChangedProduct {
            last_claim: *last_claim,
            product_id: product_id.clone(),
            facts: inner.facts(product_id),
        };
        Ok(changed.map(product).take(at_most as usize).collect())
    }

    async fn risks_between(&self, after: Option<&StockKey>, up_to: Option<&StockKey>) -> Result<Vec<StandingRisk>> {
        let inner = self.lock();
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let rows = inner.risks.range::<StockKey, _>(behind);
        Ok(rows.take_while(|(key, _)| up_to.is_none_or(|last| *key <= last)).map(|(_, row)| row.clone()).collect())
    }

    async fn risks_of(&self, products: &[String], at_most: u32) -> Result<Vec<StandingRisk>> {
        let inner = self.lock();
        let rows = products.iter().flat_map(|product| of_product(&inner.risks, product));
        Ok(rows.take(at_most as usize).cloned().collect())
    }

    async fn has_risks_below(&self, revision: i64) -> Result<bool> {
        Ok(self.lock().risks.values().any(|standing| standing.revision < revision))
    }

    async fn update_risk(&self, update: &RiskUpdate) -> Result<bool> {
        let RiskUpdate { revision, upsert, delete } = update;
        let mut inner = self.lock();
        for row in upsert {
            if !inner.is_later(&row.key(), *revision) {
                inner.risks.insert(row.key(), StandingRisk { row: row.clone(), revision: *revision });
            }
        }
        for key in delete {
            if !inner.is_later(key, *revision) {
                inner.risks.remove(key);
            }
        }
        Ok(true)
    }

    async fn view(&self, view: View) -> Result<ViewState> {
        Ok(self.lock().view(view))
    }

    async fn claim_revision(&self, view: View, seen: i64) -> Result<bool> {
        let mut inner = self.lock();
        let mut state = inner.view(view);
        let free = is_claimable(&state, seen);
        if free {
            state.revision += 1;
            inner.views.insert(view, state);
        }
        Ok(free)
    }

    async fn ranking(&self, revision: i64) -> Result<Vec<Winner>> {
        Ok(self.lock().rankings.get(&revision).cloned().unwrap_or_default())
    }

    async fn insert_ranking(&self, revision: i64, rows: &[Winner]) -> Result<()> {
        if !rows.is_empty() {
            self.lock().rankings.insert(revision, rows.to_vec());
        }
        Ok(())
    }

    async fn publish_revision(&self, seen: &ViewState, state: &ViewState) -> Result<bool> {
        let mut inner = self.lock();
        let standing = inner.view(state.view);
        let moves = may_point(&standing, seen, state.pointer);
        if moves {
            inner.views.insert(state.view, ViewState { revision: standing.revision, ..state.clone() });
        }
        Ok(moves || is_at(&standing, state.pointer))
    }

    async fn delete_rankings_below(&self, revision: i64) -> Result<u64> {
        let mut inner = self.lock();
        let kept = inner.rankings.split_off(&revision);
        let deleted = std::mem::replace(&mut inner.rankings, kept);
        Ok(deleted.values().map(|rows| rows.len() as u64).sum())
    }

    async fn has_rankings_below(&self, revision: i64) -> Result<bool> {
        Ok(self.lock().rankings.range(..revision).next().is_some())
    }

    async fn update_view_status(&self, seen: &ViewState, said: &ViewState) -> Result<bool> {
        let mut inner = self.lock();
        let standing = inner.view(seen.view);
        let stands = is_as_seen(&standing, seen);
        if stands {
            let ViewState { revision, pointer, .. } = standing;
            inner.views.insert(seen.view, ViewState { revision, pointer, ..said.clone() });
        }
        Ok(stands)
    }

    async fn publish_totals(&self) -> Result<()> {
        Ok(()) // they are counted when they are read
    }

    async fn sums_at_limit(&self, at_most: u32) -> Result<Vec<AtLimit>> {
        let inner = self.lock();
        let products = inner.products.values().filter_map(|doc| AtLimit::of_product(&doc.value)).take(at_most as usize);
        let clients = inner.clients.values().filter_map(|doc| AtLimit::of_client(&doc.value)).take(at_most as usize);
        let days = inner.daily.iter().filter_map(|(day, doc)| AtLimit::of_day(*day, &doc.value)).take(at_most as usize);
        Ok(products.chain(clients).chain(days).collect())
    }

    async fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<()> {
        self.lock().workers.insert(heartbeat.worker.clone(), heartbeat.clone());
        Ok(())
    }

    async fn leave(&self, worker: &str) -> Result<()> {
        self.lock().workers.remove(worker);
        Ok(())
    }
}

impl Inner {
    fn claim(&mut self, pipeline: &Pipeline) -> Result<()> {
        check_id(PLACE, self.id.as_deref(), pipeline)?;
        let ours = || Owner { name: pipeline.name.clone(), uid: pipeline.uid.clone() };
        let owner = self.owner.get_or_insert_with(ours);
        match ownership(owner, pipeline) {
            Ownership::Ours => {}
            Ownership::Adopt => *owner = ours(),
            Ownership::Foreign => return Err(foreign(PLACE, owner.clone(), pipeline)),
        }
        self.id.get_or_insert_with(|| bson::Uuid::new().to_string());
        Ok(())
    }

    fn signs(&self) -> SignsOfLife {
        SignsOfLife {
            owner: self.owner.clone().unwrap_or_default(),
            owner_at: self.owner_at,
            workers: self.workers.values().map(|worker| (worker.worker.clone(), worker.at)).collect(),
        }
    }

    /// Notes the claim that changed a product last.
    fn changed_by(&mut self, product: &str, claim: i64) {
        if let Some(before) = self.last_claims.insert(product.to_owned(), claim) {
            self.changed.remove(&(before, product.to_owned()));
        }
        self.changed.insert((claim, product.to_owned()));
    }

    /// What the risk of a product's stock depends on.
    fn facts(&self, product: &str) -> ProductFacts {
        let facts =
            |product: &ProductState| ProductFacts { record: product.record.clone(), last_sale: product.last_sale };
        self.products.get(product).map(|doc| facts(&doc.value)).unwrap_or_default()
    }

    /// Whether a later revision wrote that row at risk.
    fn is_later(&self, key: &StockKey, revision: i64) -> bool {
        self.risks.get(key).is_some_and(|standing| standing.revision > revision)
    }

    pub(super) fn alive_workers(&self, now: Timestamp) -> Vec<Heartbeat> {
        self.workers.values().filter(|worker| worker.at >= alive_since(now)).cloned().collect()
    }

    pub(super) fn checkpoints(&self) -> Vec<Checkpoint> {
        self.positions.as_ref().map(checkpoints).unwrap_or_default()
    }

    /// Applies changes whole, or, where a later claim of the lane is met, leaves the rest of them.
    fn apply(&mut self, changes: &Changes, guard: &Guard, history_days: u32) -> ApplyReport {
        let mut report = ApplyReport::default();
        let path = guard.path();
        // Stock before products, as in MongoDB: what is superseded ends in the same place.
        for (key, change) in &changes.inventory {
            let doc = self.inventory.entry(key.clone()).or_default();
            let replace = |state: &mut Option<_>| {
                if let Some(record) = change.apply(state.as_ref()) {
                    *state = Some(record);
                }
            };
            if !guarded(doc, guard, &path, &mut report, replace) {
                return report;
            }
        }
        for (key, change) in &changes.products {
            let doc = self.products.entry(key.to_string()).or_default();
            doc.value.product_id = key.to_string();
            let before = report.changed;
            let apply = |state: &mut ProductState| {
                change.apply(state);
                state.forget_days(history_days);
            };
            if !guarded(doc, guard, &path, &mut report, apply) {
                return report;
            }
            if let Some(claim) = guard.last_claim().filter(|_| report.changed > before) {
                self.changed_by(key, claim);
            }
        }
        for (key, change) in &changes.clients {
            let doc = self.clients.entry(key.to_string()).or_default();
            doc.value.client_id = key.to_string();
            if !guarded(doc, guard, &path, &mut report, |state| change.apply(state)) {
                return report;
            }
        }
        for (day, change) in &changes.daily {
            let doc = self.daily.entry(*day).or_default();
            if !guarded(doc, guard, &path, &mut report, |totals| totals.add(&change.totals)) {
                return report;
            }
        }
        for rejected in &changes.rejections {
            self.rejected.entry(rejected.id()).or_insert_with(|| {
                let mut kept = rejected.clone();
                kept.payload.truncate(PAYLOAD_BYTES);
                kept
            });
        }
        report
    }
}

/// What is kept of a product by its batches.
fn of_product<'a, T>(all: &'a BTreeMap<StockKey, T>, product: &'a str) -> impl Iterator<Item = &'a T> {
    let of_it = all.range((product.to_owned(), None)..);
    of_it.take_while(move |((of, _), _)| of == product).map(|(_, value)| value)
}

/// Applies a change where the document's mark lets it through. Returns `false` where a later claim of the lane is met.
fn guarded<T>(
    doc: &mut Marked<T>,
    guard: &Guard,
    path: &str,
    report: &mut ApplyReport,
    change: impl FnOnce(&mut T),
) -> bool {
    let mark = doc.marks.get(path).copied();
    if guard.accepts(mark) {
        change(&mut doc.value);
        doc.marks.insert(path.to_owned(), guard.leaves);
        report.changed += 1;
        return true;
    }
    report.superseded = guard.judge(mark) == MarkVerdict::Superseded;
    report.already += u64::from(!report.superseded);
    !report.superseded
}

impl Inspect for MemoryStore {
    async fn snapshot(&self) -> Result<Snapshot> {
        fn values<K, T: Clone>(docs: &BTreeMap<K, Marked<T>>) -> impl Iterator<Item = T> + '_ {
            docs.values().map(|doc| doc.value.clone())
        }
        let inner = self.lock();
        Ok(Snapshot {
            products: values(&inner.products).collect(),
            inventory: values(&inner.inventory).flatten().collect(),
            clients: values(&inner.clients).collect(),
            daily: inner.daily.iter().map(|(day, doc)| (*day, doc.value)).collect(),
            rejected: inner.rejected.iter().map(|(id, event)| (id.clone(), event.reason.name().to_owned())).collect(),
        })
    }
}
