//! `product_winners`: a whole ranking under a new revision, then the pointer forward, then the old rows away.

use stockstream_model::{
    analytics::winner_row,
    documents::{ViewState, Winner},
    settings::ProductWinners,
};
use stockstream_store::{StateStore, StoreError};

use super::{Clock, Published, empty_result, keeps, published, same_result};

const NOTHING_RANKED: &str = "no product can be ranked yet: a product needs a sale and a known cost (unit_cost, or buy_price in its inventory record)";

pub(super) async fn publish<S: StateStore>(
    store: &S,
    rules: &ProductWinners,
    view: ViewState,
    clock: Clock,
) -> Result<Published, StoreError> {
    let best = store.top_products(rules.limit).await?;
    let rows =
        best.iter().zip(1..).filter_map(|(product, rank)| winner_row(product, rank, clock.as_of, clock.now, rules));
    let rows: Vec<Winner> = rows.collect();
    if rows.is_empty() && (keeps(rules.on_empty_result) || view.rows == 0) {
        return empty_result(store, view, NOTHING_RANKED, clock).await;
    }
    let standing = store.ranking(view.pointer).await?;
    let same = standing.len() == rows.len() && standing.iter().zip(&rows).all(|(a, b)| a.same_as(b));
    // A revision that was claimed and never pointed to is another publisher's that died, or is about to overtake us.
    if same && view.revision == view.pointer {
        return same_result(store, view, clock).await;
    }
    if !store.claim_revision(view.view, view.revision).await? {
        return Ok(Published::Overtaken);
    }
    let revision = view.revision + 1;
    store.insert_ranking(revision, &rows).await?;
    let state = ViewState { revision, pointer: revision, ..published(&view, rows.len(), clock) };
    if !store.point_to(&state).await? {
        return Ok(Published::Overtaken);
    }
    store.delete_rankings_below(revision).await?;
    Ok(Published::Changed)
}
