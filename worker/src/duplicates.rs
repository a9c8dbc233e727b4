//! Copies of invoices: asked for between claim and apply, and forgotten when nobody needs to know them.

use std::{
    collections::HashMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, PartitionId},
    settings::Span,
};
use stockstream_store::{
    StateStore, StoreError,
    core::invoice::{Asking, Rule},
};

use crate::{
    core::{
        duplicates::{Forgetting, forgetting, forgotten},
        fold::{Folder, Held},
        position::successor,
    },
    flush::{FlushPart, stop},
    persist::persist,
    shared::Shared,
};

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
    /// How many are copies.
    pub duplicates: i64,
    /// Before when invoices are forgotten from now on.
    pub forgotten: Option<Timestamp>,
}

/// Partitions that must stop, and why.
type Stopped = Vec<(PartitionId, String)>;

/// Folds those held sales of claimed ranges that count. Parts that must stop are taken out.
pub(crate) async fn settle<S: StateStore>(
    store: &S,
    shared: &Shared,
    parts: &mut Vec<FlushPart>,
    claims: &[Checkpoint],
) -> Result<(HashMap<PartitionId, Settled>, Stopped), StoreError> {
    let mut stopped = Vec::new();
    loop {
        match settle_all(store, shared, parts, claims).await {
            Ok(settled) => return Ok((settled, stopped)),
            Err(error) => {
                let unfit = stop(error, |id| parts.iter().any(|part| part.checkpoint.id == *id))?;
                parts.retain(|part| !unfit.iter().any(|(id, _)| *id == part.checkpoint.id));
                stopped.extend(unfit);
            }
        }
    }
}

async fn settle_all<S: StateStore>(
    store: &S,
    shared: &Shared,
    parts: &mut [FlushPart],
    claims: &[Checkpoint],
) -> Result<HashMap<PartitionId, Settled>, StoreError> {
    let mut asking = Vec::new();
    let mut settled = HashMap::new();
    for part in &*parts {
        let claim = claims.iter().find(|claim| claim.id == part.checkpoint.id);
        let Some((claim, rule)) = claim.and_then(|claim| Some((claim, Rule::of(claim)?))) else { continue };
        let first = asking.len();
        let ask = |held: &Held| Asking::new(held.invoice.clone(), claim, rule, held.offset, held.produced_at);
        asking.extend(part.held.iter().map(ask));
        let latest = asking[first..].iter().map(|asking: &Asking| asking.sale.at).max();
        let forgotten = latest.zip(claim.deduplicate).map(|(latest, within)| forgotten(latest, within));
        settled.insert(claim.id, Settled { duplicates: 0, forgotten });
    }
    if asking.is_empty() {
        return Ok(settled);
    }
    let mut answers = persist(shared, "take invoices", || store.take_invoices(&asking)).await?.into_iter();
    for part in parts {
        let Some(settled) = settled.get_mut(&part.checkpoint.id) else { continue };
        let mut folder = Folder::new(&mut part.range, part.checkpoint.fold);
        for held in std::mem::take(&mut part.held) {
            if answers.next() == Some(true) {
                folder.fold_held(&held);
            } else {
                settled.duplicates += 1;
            }
        }
    }
    Ok(settled)
}

/// Forgets old invoices while this worker publishes.
pub(crate) async fn forget<S: StateStore>(store: &S, shared: &Shared, within: Span) {
    loop {
        tokio::time::sleep(LOOK).await;
        if !shared.publisher.load(Ordering::Relaxed) {
            shared.settled(FORGETTING);
            continue;
        }
        match forget_once(store, shared, within).await {
            Ok(_) => shared.settled(FORGETTING),
            Err(error) => {
                tracing::warn!(%error, "old invoices are not forgotten; trying again");
                shared.trouble(FORGETTING, format!("old invoices are not forgotten: {error}"));
            }
        }
    }
}

/// Forgets what nobody needs to know now. Returns how many invoices.
pub(crate) async fn forget_once<S: StateStore>(store: &S, shared: &Shared, within: Span) -> Result<u64, StoreError> {
    let Forgetting { before, rested } = forgetting(&store.progress().await?, within);
    let rested: Vec<Checkpoint> = rested.iter().map(|rested| successor(rested, shared.stamp())).collect();
    if !rested.is_empty() {
        store.swap_checkpoints(&rested).await?;
    }
    let (Some(before), mut all) = (before, 0) else { return Ok(0) };
    loop {
        let began = Instant::now();
        let forgotten = store.forget_invoices(before, AT_ONCE).await?;
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
