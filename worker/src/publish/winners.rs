//! `product_winners`: a whole ranking under a new revision, then the pointer forward, then the old rows away.

use stockstream_model::{
    analytics::winner_row,
    documents::{ViewState, Winner},
    settings::ProductWinners,
};
use stockstream_store::{StateStore, StoreError, fail_point};

use stockstream_protocol::publication::{Clock, PublishOutcome, Ranking};

const NOTHING_RANKED: &str = "no product can be ranked: a product needs units and revenue above zero, returns deducted, and a known cost (unit_cost, or buy_price in its inventory record)";

pub(super) async fn publish<S: StateStore>(
    store: &S,
    rules: &ProductWinners,
    view: ViewState,
    clock: Clock,
) -> Result<PublishOutcome, StoreError> {
    let (mut rows, mut standing): (Vec<Winner>, Vec<Winner>) = Default::default();
    let mut step = Ranking::begin(view);
    loop {
        step = match &step {
            Ranking::Rank(view) => {
                // At once: the rows of a revision stay as they are until the pointer has moved on, and then nothing that is said
                // of this view holds.
                let (best, stands) = tokio::try_join!(store.top_products(rules.limit), store.ranking(view.pointer))?;
                standing = stands;
                let ranked = best.iter().zip(1..);
                rows = ranked
                    .filter_map(|(product, rank)| winner_row(product, rank, clock.as_of, clock.now, rules))
                    .collect();
                step.ranked(rows.len(), rules.on_empty_result, NOTHING_RANKED, clock)
            }
            Ranking::Compare(..) => {
                let same = standing.len() == rows.len() && standing.iter().zip(&rows).all(|(a, b)| a.same_as(b));
                step.compared(same, clock)
            }
            Ranking::Claim(view, _) => {
                let won = store.claim_revision(view.view, view.revision).await?;
                fail_point("revision-claimed");
                step.claimed(won, clock)
            }
            Ranking::Insert(_, state) => {
                store.insert_ranking(state.revision, &rows).await?;
                fail_point("ranking-inserted");
                step.inserted()
            }
            Ranking::Point(seen, state) => {
                let stands = store.publish_revision(seen, state).await?;
                fail_point("pointer-moved");
                step.pointed(stands)
            }
            Ranking::Clear(below) => {
                store.delete_rankings_below(*below).await?;
                step.cleared()
            }
            Ranking::Note(note) => {
                let stands = store.update_view_status(&note.seen, &note.said).await?;
                step.noted(stands)
            }
            Ranking::Done(outcome) => return Ok(*outcome),
        }
    }
}
