pub(crate) mod checkpoints;
pub(crate) mod inspect;
pub(crate) mod invoices;
pub(crate) mod meta;
pub(crate) mod positions;
pub(crate) mod product_days;
pub(crate) mod risk;

use std::ops::RangeInclusive;

use bson::{Document, doc};
use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, Heartbeat, InventoryState, ProductState, StartPositions, View, ViewState, Winner},
    settings::Pipeline,
};
use stockstream_protocol::{
    checkpoints::checkpoints,
    dedup::DedupCandidate,
    generation::may_recompute,
    owner::SignsOfLife,
    product_days::Days,
    revision::is_at,
    risk::{RiskUpdate, StandingRisk, StockKey},
};

use super::{MongoStore, Result, names};
use crate::{
    ApplyReport, ChangedProduct, Changes, Guard, PositionStore, RiskFacts, Trouble,
    at_limit::AtLimit,
    mongo::{
        apply::update,
        codec::{self, views},
        command::find::FindQuery,
        state::{meta::owner, product_days::without_days},
    },
    state_store::{Progress, StateStore},
    view_store::alive_since,
};

/// What is read of one collection for whoever does not know who wrote it, such as the operator: a thousand partitions take
/// about one of these MiB.
const MOST_BYTES: usize = 32 << 20;

/// How often behind `mongos` documents are swept that were passed by; what is left then, the next sweep finds.
const SWEEPS: u32 = 8;

impl StateStore for MongoStore {
    fn troubles(&self) -> Vec<Trouble> {
        self.troubles.list()
    }

    async fn prepare(&self, pipeline: &Pipeline) -> Result<i64> {
        let generation = self.claim_and_resolve_generation(pipeline).await?;
        self.learn_server().await?;
        self.make_indexes().await?;
        for view in View::ALL {
            let empty = ViewState::new(view);
            let mut document = views::view_document(&empty);
            document.extend(doc! { "_id": view.name(), "revision": 0_i64, "pointer": 0_i64 });
            self.insert_if_absent(names::VIEWS, document).await?;
        }
        Ok(generation)
    }

    async fn claim(&self, pipeline: &Pipeline) -> Result<()> {
        self.claim_database(pipeline).await.map(drop)
    }

    async fn verify_owner(&self, pipeline: &Pipeline) -> Result<()> {
        self.verify(pipeline).await
    }

    async fn signs_of_life(&self) -> Result<SignsOfLife> {
        self.signs().await
    }

    async fn owner_heartbeat(&self, pipeline: &Pipeline) -> Result<()> {
        self.beat(pipeline).await
    }

    async fn take_over(&self, pipeline: &Pipeline, seen: &SignsOfLife) -> Result<bool> {
        self.take_from(pipeline, seen).await
    }

    async fn progress(&self) -> Result<Progress> {
        let mut progress = Progress::default();
        let of = doc! { "_id": { "$in": ["pipeline", names::IDENTITY, "start"] } };
        for document in self.find(names::META, FindQuery::of(of).within(MOST_BYTES)).await? {
            match document.get_str("_id") {
                Ok("pipeline") => progress.owner = Some(owner(&document)),
                Ok(names::IDENTITY) => progress.database_id = codec::maybe_text(&document, "id"),
                _ => progress.start = Some(codec::start(&document)?),
            }
        }
        progress.checkpoints = self.read_checkpoints_within(MOST_BYTES).await?;
        progress.workers = self.alive_workers(Timestamp::now()).await?;
        Ok(progress)
    }

    async fn newest_generation(&self) -> Result<i64> {
        self.newest().await
    }

    async fn init_start_offsets(&self, start: &StartPositions) -> Result<StartPositions> {
        self.insert_if_absent(names::META, codec::start_document(start)).await?;
        Ok(self.start_positions().await?.unwrap_or_default())
    }

    async fn start_positions(&self) -> Result<Option<StartPositions>> {
        self.meta("start").await?.as_ref().map(codec::start).transpose()
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>> {
        self.read_checkpoints().await
    }

    async fn deduplicate(&self, asking: &[DedupCandidate]) -> Result<Vec<bool>> {
        self.take(asking).await
    }

    async fn expire_invoices(&self, before: Timestamp, at_most: u32) -> Result<u64> {
        self.forget(before, at_most).await
    }

    async fn apply(&self, changes: &Changes, guard: &Guard) -> Result<ApplyReport> {
        self.apply_changes(changes, guard).await
    }

    async fn move_days(&self, at_most: u32) -> Result<u64> {
        self.move_older_days(at_most).await
    }

    async fn recompute_derived(&self) -> Result<u64> {
        let stamp = self.stamp();
        if !may_recompute(stamp, self.newest().await?) {
            return Ok(0);
        }
        let products = update::product_derived(&self.analytics.product_winners.weights, stamp);
        let clients = update::client_derived(&self.analytics.clients, stamp);
        let mut swept = 0;
        for (collection, derived) in [(names::PRODUCTS, products), (names::CLIENTS, clients)] {
            let stale = doc! { "g": { "$ne": stamp } };
            let update = doc! { "q": stale.clone(), "u": [{ "$set": derived }], "multi": true };
            for _ in 0..SWEEPS {
                swept += self.update_many(collection, std::slice::from_ref(&update)).await?.n;
                // There, a document that moves to another shard meanwhile may be passed by.
                if !self.is_sharded().await? || self.find_one(collection, stale.clone()).await?.is_none() {
                    break;
                }
            }
        }
        Ok(swept)
    }

    async fn top_products(&self, limit: u32) -> Result<Vec<ProductState>> {
        let ranked = doc! { "score": { "$gte": f64::MIN } }; // null, not ranked, is no number
        let query = FindQuery::of(ranked).sort(doc! { "score": -1, "_id": 1 }).fields(without_days());
        let documents = self.find(names::PRODUCTS, query.part(0, limit.into())).await?;
        Ok(documents.iter().map(|document| codec::product(document, Days::new())).collect())
    }

    async fn stock_after(&self, after: Option<&StockKey>, at_most: u32) -> Result<Vec<RiskFacts>> {
        self.read_stock_after(after, at_most).await
    }

    async fn stock_of(&self, products: &[String], at_most: u32) -> Result<Vec<InventoryState>> {
        self.read_stock_of(products, at_most).await
    }

    async fn products_changed(
        &self,
        by: &RangeInclusive<i64>,
        after: Option<&ChangedProduct>,
        at_most: u32,
    ) -> Result<Vec<ChangedProduct>> {
        self.read_products_changed(by, after, at_most).await
    }

    async fn risks_between(&self, after: Option<&StockKey>, up_to: Option<&StockKey>) -> Result<Vec<StandingRisk>> {
        self.read_risks_between(after, up_to).await
    }

    async fn risks_of(&self, products: &[String], at_most: u32) -> Result<Vec<StandingRisk>> {
        self.read_risks_of(products, at_most).await
    }

    async fn has_risks_below(&self, revision: i64) -> Result<bool> {
        Ok(self.find_one(names::RISKS, doc! { "revision": { "$lt": revision } }).await?.is_some())
    }

    async fn update_risk(&self, update: &RiskUpdate) -> Result<bool> {
        self.write_risks(update).await
    }

    async fn view(&self, view: View) -> Result<ViewState> {
        let document = self.find_one(names::VIEWS, doc! { "_id": view.name() }).await?;
        Ok(document.map_or_else(|| ViewState::new(view), |document| views::view(&document, view)))
    }

    async fn claim_revision(&self, view: View, seen: i64) -> Result<bool> {
        let update = doc! { "q": { "_id": view.name(), "revision": seen }, "u": { "$set": { "revision": seen + 1 } } };
        Ok(self.update_many(names::VIEWS, &[update]).await?.n == 1)
    }

    async fn ranking(&self, revision: i64) -> Result<Vec<Winner>> {
        let query = FindQuery::of(doc! { "revision": revision }).sort(doc! { "ranking": 1 });
        Ok(self.find(names::WINNERS, query).await?.iter().map(views::winner).collect())
    }

    async fn insert_ranking(&self, revision: i64, ranking: &[Winner]) -> Result<()> {
        let write = |row: &Winner| {
            let mut fields = views::winner_document(row);
            fields.insert("revision", revision);
            let id = doc! { "revision": revision, "ranking": i64::from(row.ranking) };
            doc! { "q": { "_id": id }, "u": { "$set": fields }, "upsert": true }
        };
        let updates: Vec<Document> = ranking.iter().map(write).collect();
        self.update_many(names::WINNERS, &updates).await?;
        Ok(())
    }

    async fn publish_revision(&self, seen: &ViewState, state: &ViewState) -> Result<bool> {
        let mut fields = views::view_document(state);
        fields.insert("pointer", state.pointer);
        let behind = views::may_point(seen, state.pointer);
        let moved = self.update_many(names::VIEWS, &[doc! { "q": behind, "u": { "$set": fields } }]).await?;
        Ok(moved.n == 1 || is_at(&self.view(state.view).await?, state.pointer))
    }

    async fn delete_rankings_below(&self, revision: i64) -> Result<u64> {
        self.delete(names::WINNERS, doc! { "revision": { "$lt": revision } }).await
    }

    async fn has_rankings_below(&self, revision: i64) -> Result<bool> {
        Ok(self.find_one(names::WINNERS, doc! { "revision": { "$lt": revision } }).await?.is_some())
    }

    async fn update_view_status(&self, seen: &ViewState, said: &ViewState) -> Result<bool> {
        let update = doc! { "q": views::as_seen(seen), "u": { "$set": views::view_document(said) } };
        Ok(self.update_many(names::VIEWS, &[update]).await?.n == 1)
    }

    async fn publish_totals(&self) -> Result<()> {
        self.write_totals().await
    }

    async fn sums_at_limit(&self, at_most: u32) -> Result<Vec<AtLimit>> {
        let of = |collection| {
            let query =
                FindQuery::of(doc! { update::AT_LIMIT: true }).sort(doc! { "_id": 1 }).fields(codec::without_marks());
            self.find(collection, query.part(0, at_most.into()))
        };
        let (products, clients, days) = tokio::try_join!(of(names::PRODUCTS), of(names::CLIENTS), of(names::DAILY))?;
        let mut all = Vec::new();
        all.extend(self.whole_products(products).await?.iter().filter_map(AtLimit::of_product));
        all.extend(clients.iter().filter_map(|client| AtLimit::of_client(&codec::client(client))));
        let day = |document| Some((codec::text(document, "_id").parse().ok()?, codec::day_totals(document)));
        all.extend(days.iter().filter_map(day).filter_map(|(day, totals)| AtLimit::of_day(day, &totals)));
        Ok(all)
    }

    async fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<()> {
        let fields = views::heartbeat_document(heartbeat);
        let update = doc! { "q": { "_id": &heartbeat.worker }, "u": { "$set": fields }, "upsert": true };
        self.update_many(names::WORKERS, &[update]).await?;
        Ok(())
    }

    async fn leave(&self, worker: &str) -> Result<()> {
        self.delete(names::WORKERS, doc! { "_id": worker }).await?;
        Ok(())
    }
}

impl MongoStore {
    pub(crate) async fn alive_workers(&self, now: Timestamp) -> Result<Vec<Heartbeat>> {
        let alive = doc! { "at": { "$gte": codec::date(alive_since(now)) } };
        let alive = FindQuery::of(alive).sort(doc! { "_id": 1 }).within(MOST_BYTES);
        let workers = self.find(names::WORKERS, alive).await?;
        Ok(workers.iter().map(views::heartbeat).collect())
    }

    pub(crate) async fn read_checkpoints(&self) -> Result<Vec<Checkpoint>> {
        self.read_checkpoints_within(usize::MAX).await
    }

    /// The state of every partition; while versions before lanes are being replaced, as those left it.
    async fn read_checkpoints_within(&self, bytes: usize) -> Result<Vec<Checkpoint>> {
        match self.load_positions().await? {
            Some(positions) => Ok(checkpoints(&positions)),
            None => self.read_old_checkpoints(FindQuery::all().within(bytes)).await,
        }
    }
}
