//! What a worker asks of the database.

use std::{future::Future, ops::RangeInclusive};

use stockstream_model::{
    Timestamp,
    analytics::ProductFacts,
    documents::{Checkpoint, Heartbeat, InventoryState, ProductState, StartPositions, View, ViewState, Winner},
    settings::Pipeline,
};
use stockstream_protocol::{
    dedup::DedupCandidate,
    owner::{Owner, SignsOfLife},
    risk::{RiskUpdate, StandingRisk, StockKey},
};

use crate::{ApplyReport, Changes, CheckpointStore, Guard, PositionStore, StoreError, Trouble, at_limit::AtLimit};

type Result<T> = std::result::Result<T, StoreError>;

/// A batch of stock, with what its risk depends on besides.
pub type RiskFacts = (InventoryState, ProductFacts);

/// A product that claims changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedProduct {
    /// The claim that changed it last, as [`last_claim`](stockstream_protocol::last_claim::last_claim) makes it a number.
    pub last_claim: i64,
    /// Its id.
    pub product_id: String,
    /// What the risk of its stock depends on.
    pub facts: ProductFacts,
}

/// Whose database it is, and how far its pipeline has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Which pipeline owns the database; `None` before any came.
    pub owner: Option<Owner>,
    /// The database's id; `None` before any pipeline came.
    pub database_id: Option<String>,
    /// Where it started, if that was written.
    pub start: Option<StartPositions>,
    /// The state of every partition, in their order.
    pub checkpoints: Vec<Checkpoint>,
    /// Workers that gave a sign of life lately.
    pub workers: Vec<Heartbeat>,
}

/// The working state. All writes are idempotent or guarded, so that whoever loses an acknowledgement may ask again;
/// implementations retry what may pass until the caller drops the future.
///
/// Guarantees that the exactly-once protocol rests on: a compare-and-set is atomic per document; a read after an
/// acknowledged write sees it, also in another process; documents that carry marks are never deleted.
pub trait StateStore: PositionStore + CheckpointStore + Send + Sync + 'static {
    /// Makes the indexes, checks that this pipeline owns the database and may write, and settles the generation of the
    /// settings: returns the stamp that derived fields written by this store carry. Safe to repeat, and first of all.
    fn prepare(&self, pipeline: &Pipeline) -> impl Future<Output = Result<i64>> + Send;

    /// Checks that this pipeline owns the database and that it is the one it expects, or makes it its own where it is nobody's;
    /// gives the database an id where it has none. Less than
    /// [`prepare`](Self::prepare): for whoever has no settings to compute with.
    fn claim(&self, pipeline: &Pipeline) -> impl Future<Output = Result<()>> + Send;

    /// Checks that the database is still this pipeline's, and the one that it expects. Writes nothing.
    fn verify_owner(&self, pipeline: &Pipeline) -> impl Future<Output = Result<()>> + Send;

    /// What the owner shows of being alive.
    fn signs_of_life(&self) -> impl Future<Output = Result<SignsOfLife>> + Send;

    /// Shows that the owner is alive while no worker of it runs; does nothing where the database is another's.
    fn owner_heartbeat(&self, pipeline: &Pipeline) -> impl Future<Output = Result<()>> + Send;

    /// Makes the database this pipeline's own where its owner has the same name, another uid and still these signs of life;
    /// returns whether it is this pipeline's now. How long they must have stood the same is for the caller to know.
    fn take_over(&self, pipeline: &Pipeline, seen: &SignsOfLife) -> impl Future<Output = Result<bool>> + Send;

    /// Whose database it is, and how far its pipeline has come: three small reads.
    fn progress(&self) -> impl Future<Output = Result<Progress>> + Send;

    /// What fails just now and is tried again, what fails for longest first.
    fn troubles(&self) -> Vec<Trouble> {
        Vec::new()
    }

    /// The newest generation of settings that any worker brought.
    fn newest_generation(&self) -> impl Future<Output = Result<i64>> + Send;

    /// Writes where a new pipeline starts unless that was written before; returns what stands.
    fn init_start_offsets(&self, start: &StartPositions) -> impl Future<Output = Result<StartPositions>> + Send;

    /// Where the pipeline started, if that was written.
    fn start_positions(&self) -> impl Future<Output = Result<Option<StartPositions>>> + Send;

    /// The state of every partition, in their order, as readers see it.
    fn checkpoints(&self) -> impl Future<Output = Result<Vec<Checkpoint>>> + Send;

    /// Which of these sales of claimed ranges count, and which are copies of sales that do. A second request under the
    /// same claim gets the same answer.
    fn deduplicate(&self, asking: &[DedupCandidate]) -> impl Future<Output = Result<Vec<bool>>> + Send;

    /// Forgets invoices none of whose sales that count is of that time or later, but not more than so many at once.
    /// Returns how many were forgotten.
    fn expire_invoices(&self, before: Timestamp, at_most: u32) -> impl Future<Output = Result<u64>> + Send;

    /// Applies the changes of a claim: each once, whoever else tries. They must be those of all events of the claim, for every
    /// key that they name.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the server will never take a document.
    fn apply(&self, changes: &Changes, guard: &Guard) -> impl Future<Output = Result<ApplyReport>> + Send;

    /// Moves days that are not among the latest of a product out of what every sale rewrites, of so many products at most, and drops
    /// those behind the history. Readers find all days all the time. Returns of how many products. Safe to repeat, at any time,
    /// also by several at once.
    fn move_days(&self, at_most: u32) -> impl Future<Output = Result<u64>> + Send;

    /// Recomputes derived fields that were computed with settings of another generation, unless a newer generation than
    /// this store's is known. Returns how many documents changed.
    fn recompute_derived(&self) -> impl Future<Output = Result<u64>> + Send;

    /// The best ranked products by the part of the score that does not move with the day, best first; ties by id. Without
    /// their sales by day.
    fn top_products(&self, limit: u32) -> impl Future<Output = Result<Vec<ProductState>>> + Send;

    /// Batches of stock in the order of their keys, from behind a key, with what their risk depends on.
    fn stock_after(
        &self,
        after: Option<&StockKey>,
        at_most: u32,
    ) -> impl Future<Output = Result<Vec<RiskFacts>>> + Send;

    /// Batches of these products, not more than so many, in any order.
    fn stock_of(&self, products: &[String], at_most: u32) -> impl Future<Output = Result<Vec<InventoryState>>> + Send;

    /// Products whose last claim is one of these, in the order of claim and id, from behind one of them.
    fn products_changed(
        &self,
        by: &RangeInclusive<i64>,
        after: Option<&ChangedProduct>,
        at_most: u32,
    ) -> impl Future<Output = Result<Vec<ChangedProduct>>> + Send;

    /// The rows of `loss_risk_products` whose keys lie behind the one, up to the other.
    fn risks_between(
        &self,
        after: Option<&StockKey>,
        up_to: Option<&StockKey>,
    ) -> impl Future<Output = Result<Vec<StandingRisk>>> + Send;

    /// The rows of these products, not more than so many, in any order.
    fn risks_of(&self, products: &[String], at_most: u32) -> impl Future<Output = Result<Vec<StandingRisk>>> + Send;

    /// Whether `loss_risk_products` has rows that a revision below wrote.
    fn has_risks_below(&self, revision: i64) -> impl Future<Output = Result<bool>> + Send;

    /// Writes, then deletes rows of `loss_risk_products`, but none that a later revision wrote. Returns whether no command was sent
    /// twice: the first copy of one that was may take effect later, also once the revision is long complete.
    fn update_risk(&self, update: &RiskUpdate) -> impl Future<Output = Result<bool>> + Send;

    /// The `views` document of a view.
    fn view(&self, view: View) -> impl Future<Output = Result<ViewState>> + Send;

    /// Claims the revision after `seen` by compare-and-set; `false` when somebody else did.
    fn claim_revision(&self, view: View, seen: i64) -> impl Future<Output = Result<bool>> + Send;

    /// The ranking of a revision, by rank.
    fn ranking(&self, revision: i64) -> impl Future<Output = Result<Vec<Winner>>> + Send;

    /// Writes the ranking of a claimed revision.
    fn insert_ranking(&self, revision: i64, rows: &[Winner]) -> impl Future<Output = Result<()>> + Send;

    /// Moves the pointer forward to a revision and writes the state; does nothing where the pointer stands as far, or
    /// where something was said since the view was seen. Returns whether the pointer stands at that revision now.
    fn publish_revision(&self, seen: &ViewState, state: &ViewState) -> impl Future<Output = Result<bool>> + Send;

    /// Deletes rows of rankings below the pointer.
    fn delete_rankings_below(&self, revision: i64) -> impl Future<Output = Result<u64>> + Send;

    /// Whether rows of rankings below the pointer are left.
    fn has_rankings_below(&self, revision: i64) -> impl Future<Output = Result<bool>> + Send;

    /// Writes what is said of a view (all but revision and pointer), where it is still as it was seen; `false` where it
    /// is not.
    fn update_view_status(&self, seen: &ViewState, said: &ViewState) -> impl Future<Output = Result<bool>> + Send;

    /// Counts what all clients and all stock at risk amount to and keeps it for readers, where they could not count it as
    /// fast. What was counted later stays.
    fn publish_totals(&self) -> impl Future<Output = Result<()>> + Send;

    /// Sums that are at their limit, of at most so many keys of each kind.
    fn sums_at_limit(&self, at_most: u32) -> impl Future<Output = Result<Vec<AtLimit>>> + Send;

    /// Writes a worker's heartbeat.
    fn heartbeat(&self, heartbeat: &Heartbeat) -> impl Future<Output = Result<()>> + Send;

    /// Removes a worker's heartbeat at its orderly end.
    fn leave(&self, worker: &str) -> impl Future<Output = Result<()>> + Send;
}
