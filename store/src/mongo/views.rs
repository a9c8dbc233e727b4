use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use stockstream_model::{
    Day, Timestamp,
    documents::{ClientRow, DailyRow, RejectedEvent, RiskRow, View, Winner},
};

use super::{MongoStore, Result, codec, names, reads::Query, rows};
use crate::{
    state_store::StateStore,
    view_store::{Page, Paging, Rejections, Status, ViewStore},
};

impl ViewStore for MongoStore {
    async fn status(&self) -> Result<Status> {
        let read_at = Timestamp::now();
        let meta = self.meta("pipeline").await?;
        let views = self.find(names::VIEWS, Query::all()).await?;
        let mut views: Vec<_> =
            views.iter().filter_map(|v| Some(rows::view(v, View::from_name(v.get_str("_id").ok()?)?))).collect();
        views.sort_by_key(|view| view.view);
        let rows_of = |view| views.iter().find(|v| v.view == view).map_or(0, |v| v.rows as u64);
        Ok(Status {
            pipeline: meta.map(|meta| codec::text(&meta, "name")),
            products: self.count(names::PRODUCTS).await?,
            winners: rows_of(View::ProductWinners),
            risks: rows_of(View::LossRiskProducts),
            clients: self.count(names::CLIENTS).await?,
            checkpoints: self.read_checkpoints().await?,
            workers: self.alive_workers(read_at).await?,
            rejections: self.rejections().await?,
            views,
            read_at,
        })
    }

    async fn product_winners(&self) -> Result<Vec<Winner>> {
        let mut pointer = self.view(View::ProductWinners).await?.pointer;
        loop {
            let ranking = self.ranking(pointer).await?;
            let now = self.view(View::ProductWinners).await?.pointer;
            if now == pointer {
                return Ok(ranking);
            }
            pointer = now; // the rows just read may be half deleted
        }
    }

    async fn loss_risk_products(&self, paging: Paging) -> Result<Page<RiskRow>> {
        let query = Query::all().sort(doc! { "potential_loss_amount": -1, "_id": 1 });
        let found = self.page(names::RISKS, query, paging).await?;
        let items = found.items.iter().map(rows::risk).collect::<Result<_>>()?;
        Ok(Page { items, page: found.page, per_page: found.per_page, total: found.total })
    }

    async fn clients(&self, paging: Paging) -> Result<Page<ClientRow>> {
        let query = Query::all().sort(doc! { "total_revenue_generated": -1, "_id": 1 });
        Ok(self
            .page(names::CLIENTS, query.fields(doc! { "o": 0 }), paging)
            .await?
            .map(|document| rows::client_row(&document)))
    }

    async fn sales_daily(&self, from: Day, to: Day) -> Result<Vec<DailyRow>> {
        let range = doc! { "_id": { "$gte": from.to_string(), "$lte": to.to_string() } };
        let query = Query::of(range).sort(doc! { "_id": 1 }).fields(doc! { "o": 0 });
        self.find(names::DAILY, query).await?.iter().map(rows::daily_row).collect()
    }

    async fn rejected_events(&self, paging: Paging) -> Result<Page<RejectedEvent>> {
        let query = Query::all().sort(doc! { "rejected_at": -1, "_id": 1 });
        Ok(self.page(names::REJECTED, query, paging).await?.map(|document| rows::rejected(&document)))
    }
}

impl MongoStore {
    async fn page(&self, collection: &str, query: Query, paging: Paging) -> Result<Page<Document>> {
        let Paging { page, per_page } = paging;
        let items = self.find(collection, query.part(paging.skip(), per_page)).await?;
        Ok(Page { items, page, per_page, total: self.count(collection).await? })
    }

    async fn rejections(&self) -> Result<Rejections> {
        let action = "count rejected_events";
        let group = doc! { "$group": { "_id": "$reason", "n": { "$sum": 1 } } };
        let counts: Vec<Document> = self
            .retry(action, || async {
                let cursor = self.collection(names::REJECTED).aggregate([group.clone()]).await;
                let cursor = cursor.map_err(|error| self.explain(action, &error))?;
                cursor.try_collect().await.map_err(|error| self.explain(action, &error))
            })
            .await?;
        let pair = |document: &Document| {
            let reason = document.get("_id").and_then(Bson::as_str)?.to_owned();
            Some((reason, codec::integer(document, "n")))
        };
        Ok(counts.iter().filter_map(pair).collect())
    }
}
