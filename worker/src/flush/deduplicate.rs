//! Duplicates of invoices: asked for between claim and apply, and forgotten when nobody needs to know them.

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use stockstream_model::{Timestamp, documents::PartitionId, settings::HumanDuration};
use stockstream_protocol::{
    claim::Claim,
    dedup::{DedupCandidate, DedupWindow},
    dedup_expiry::{ExpiryPlan, forgetting, forgotten},
    update::Update,
};
use stockstream_store::{StateStore, StoreError};

use crate::{core::fold::Folder, fold::FoldedBatch, lane::standing, retry::persist, state::WorkerState};

/// How often it is looked whether invoices may be forgotten.
const LOOK: Duration = Duration::from_secs(60);
/// How many invoices are forgotten by one command.
const AT_ONCE: u32 = 5_000;
/// A command may have waited for a database that was away.
const LONGEST_REST: Duration = Duration::from_secs(10);
const FORGETTING: &str = "forgetting invoices";

/// What became of the sales of a range that were asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settled {
    /// How many are duplicates.
    pub duplicates: i64,
    /// Before when invoices are forgotten from now on.
    pub forgotten: Option<Timestamp>,
}

impl Settled {
    /// Adds what became of other sales of the range.
    pub fn add(&mut self, other: Self) {
        self.duplicates += other.duplicates;
        self.forgotten = self.forgotten.max(other.forgotten);
    }
}

/// Folds those held sales of a claim that count. Whoever works on the same claim folds the same ones, as long as the claim is open:
/// once others finished it, invoices may be forgotten that are asked for here. If anything was asked for, whoever folded looks
/// whether the claim is open before it applies.
pub(crate) async fn settle<S: StateStore>(
    store: &S,
    shared: &WorkerState,
    folding: &mut FoldedBatch,
    claim: &Claim,
) -> BTreeMap<PartitionId, Settled> {
    let held = std::mem::take(&mut folding.held);
    let mut settled: BTreeMap<PartitionId, Settled> = BTreeMap::new();
    let Some(within) = claim.rules.deduplicate else { return settled };
    let mut asking = Vec::with_capacity(held.len());
    for sale in &held {
        // What is held is of the claim.
        let Some(range) = claim.partitions.get(&sale.id) else { continue };
        let rule = DedupWindow { within, forgotten: range.forgotten, claimed_at: claim.rules.claimed_at };
        let at = (sale.offset, sale.produced_at);
        let asked = DedupCandidate::new(sale.invoice.clone(), sale.id.partition, range, rule, at);
        settled
            .entry(sale.id)
            .or_default()
            .add(Settled { forgotten: Some(forgotten(asked.sale.at, within)), ..Settled::default() });
        asking.push(asked);
    }
    if asking.is_empty() {
        return settled;
    }
    let answers = persist(shared, "take invoices", || store.deduplicate(&asking)).await;
    let mut folder = Folder::new(&mut folding.changes, claim.rules.fold);
    for (sale, counts) in held.iter().zip(answers) {
        if counts {
            folder.fold_held(sale, &mut folding.partitions.entry(sale.id).or_default().counters);
        } else {
            settled.entry(sale.id).or_default().duplicates += 1;
        }
    }
    folder.finish();
    settled
}

/// Forgets old invoices while this worker publishes.
pub(crate) async fn forget<S: StateStore>(store: &S, shared: &WorkerState, within: HumanDuration) {
    loop {
        tokio::time::sleep(LOOK).await;
        if !shared.publisher.load(Ordering::Relaxed) {
            shared.problems.recovered(FORGETTING);
            continue;
        }
        match forget_once(store, within).await {
            Ok(_) => shared.problems.recovered(FORGETTING),
            Err(error) => {
                tracing::warn!(%error, "old invoices are not forgotten; trying again");
                shared.problems.retrying(FORGETTING, format!("old invoices are not forgotten: {error}"));
            }
        }
    }
}

/// Forgets what nobody needs to know now. Returns how many invoices.
pub(crate) async fn forget_once<S: StateStore>(store: &S, within: HumanDuration) -> Result<u64, StoreError> {
    let progress = store.progress().await?;
    let positions = standing(store).await?;
    let ExpiryPlan { before, raised } = forgetting(&positions, progress.start.as_ref(), &progress.workers, within);
    for (id, to) in raised {
        let Some(position) = positions.partitions.get(&id) else { continue };
        let mut moved = position.clone();
        moved.forgotten = Some(to);
        let (expected, position) = (Box::new(position.clone()), Box::new(moved));
        store.update_positions(&Update::Move { id, expected, position, ids: <_>::default() }).await?;
    }
    let (Some(before), mut all) = (before, 0) else { return Ok(0) };
    loop {
        let began = Instant::now();
        let forgotten = store.expire_invoices(before, AT_ONCE).await?;
        all += forgotten;
        if forgotten < AT_ONCE.into() {
            break;
        }
        tokio::time::sleep(began.elapsed().min(LONGEST_REST)).await; // never more than half the time
    }
    if all > 0 {
        tracing::info!(invoices = all, %before, "old invoices forgotten");
    }
    Ok(all)
}
