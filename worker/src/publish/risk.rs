//! `loss_risk_products`: the wanted rows against the rows that stand, never against a memory of them.

use std::collections::HashMap;

use stockstream_model::{
    analytics::risk_row,
    documents::{RiskRow, ViewState},
    settings::LossRisk,
};
use stockstream_store::{RiskUpdate, StateStore, StoreError};

use crate::core::publication::{Clock, Published, Reconciled, reconcile};

const NOTHING_AT_RISK: &str = "no stock is at risk";

pub(super) async fn publish<S: StateStore>(
    store: &S,
    rules: &LossRisk,
    view: ViewState,
    clock: Clock,
) -> Result<Published, StoreError> {
    let candidates = store.risk_candidates(clock.as_of, rules).await?;
    let wanted =
        candidates.iter().filter_map(|(batch, product)| risk_row(batch, product, clock.as_of, clock.now, rules));
    let wanted: Vec<RiskRow> = wanted.collect();
    let standing = store.risk_rows().await?;
    let counts = (wanted.len(), standing.len());
    let update = difference(wanted, standing);
    let same = update == RiskUpdate::default();
    let Reconciled { writes, note } = reconcile(view, counts, same, rules.on_empty_result, NOTHING_AT_RISK, clock);
    if writes {
        store.update_risk(&update).await?;
    }
    Ok(note.noted(store.note_view(&note.seen, &note.said).await?))
}

/// What makes the rows that stand into the wanted ones.
fn difference(wanted: Vec<RiskRow>, standing: Vec<RiskRow>) -> RiskUpdate {
    let mut standing: HashMap<_, _> = standing.into_iter().map(|row| (row.key(), row)).collect();
    let upsert =
        wanted.into_iter().filter(|row| !standing.remove(&row.key()).is_some_and(|old| old.same_as(row))).collect();
    RiskUpdate { upsert, delete: standing.into_keys().collect() }
}
