pub(crate) mod aggregates;
pub(crate) mod bounded_scan;
pub(crate) mod details;
pub(crate) mod query;
pub(crate) mod rejected_events;
pub(crate) mod totals;

use std::collections::BTreeSet;

use bson::{Bson, Document, deserialize_from_document, doc};
use stockstream_model::{
    Day, Timestamp,
    documents::{Checkpoint, ClientRow, DailyRow, PartitionId, RejectedEvent, RiskRow, View, Winner},
};

use super::{MongoStore, Result, names};
use crate::{
    Select,
    mongo::{
        codec::{self, views},
        command::find::FindQuery,
    },
    state_store::StateStore,
    view_store::{
        CATEGORIES, ChangeProbe, ClientDetail, ClientFigures, Page, ProductDetail, RejectedSelect, RiskFigures, Status,
        ViewStore,
    },
};

impl ViewStore for MongoStore {
    fn trouble(&self) -> Option<String> {
        self.troubles.list().into_iter().next().map(|trouble| trouble.message)
    }

    async fn status(&self) -> Result<Status> {
        let read_at = Timestamp::now();
        let meta = self.meta("pipeline").await?;
        let ChangeProbe { views, checkpoints, workers, .. } = self.pulse().await?;
        let settings = meta.as_ref().and_then(|meta| meta.get_document("settings").ok().cloned());
        let rows_of = |view| views.iter().find(|v| v.view == view).map_or(0, |v| v.rows as u64);
        Ok(Status {
            pipeline: meta.as_ref().map(|meta| codec::text(meta, "name")),
            products: self.count(names::PRODUCTS).await?,
            winners: rows_of(View::ProductWinners),
            risks: rows_of(View::LossRiskProducts),
            clients: self.count(names::CLIENTS).await?,
            checkpoints,
            workers,
            rejections: self.rejections().await?,
            server: self.server_found().await?,
            settings: settings.and_then(|settings| deserialize_from_document(settings).ok()),
            views,
            read_at,
        })
    }

    async fn pulse(&self) -> Result<ChangeProbe> {
        let (views, checkpoints, workers) = tokio::try_join!(
            self.find(names::VIEWS, FindQuery::all()),
            self.read_checkpoints(),
            self.alive_workers(Timestamp::now())
        )?;
        let counted_at = totals::counted_at(&views);
        let mut views: Vec<_> =
            views.iter().filter_map(|v| Some(views::view(v, View::from_name(v.get_str("_id").ok()?)?))).collect();
        views.sort_by_key(|view| view.view);
        Ok(ChangeProbe { views, checkpoints, workers, counted_at })
    }

    async fn positions(&self, of: &BTreeSet<PartitionId>) -> Result<Vec<Checkpoint>> {
        let mut checkpoints = self.read_checkpoints().await?;
        checkpoints.retain(|checkpoint| of.contains(&checkpoint.id));
        Ok(checkpoints)
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

    async fn loss_risk_products(&self, select: impl Into<Select<RiskRow>> + Send) -> Result<Page<RiskRow>> {
        views::risk_page(self.select(names::RISKS, &select.into()).await?)
    }

    async fn clients(&self, select: impl Into<Select<ClientRow>> + Send) -> Result<Page<ClientRow>> {
        Ok(self.select(names::CLIENTS, &select.into()).await?.map(|document| views::client_row(&document)))
    }

    async fn risk_figures(&self, select: &Select<RiskRow>) -> Result<RiskFigures> {
        self.figures_of_risks(select).await
    }

    async fn client_figures(&self, select: &Select<ClientRow>) -> Result<ClientFigures> {
        self.figures_of_clients(select).await
    }

    async fn risks_with_figures(&self, select: &Select<RiskRow>) -> Result<(Page<RiskRow>, RiskFigures)> {
        self.page_of_risks(select).await
    }

    async fn clients_with_figures(&self, select: &Select<ClientRow>) -> Result<(Page<ClientRow>, ClientFigures)> {
        self.page_of_clients(select).await
    }

    async fn risk_categories(&self) -> Result<Vec<String>> {
        let action = "read the categories of loss_risk_products";
        let found = self
            .retry(action, || async {
                let names = self.collection(names::RISKS).distinct("product_category", Document::new()).await;
                names.map_err(|error| self.explain(action, &error))
            })
            .await?;
        let mut names: Vec<_> = found.iter().filter_map(Bson::as_str).map(str::to_owned).collect();
        names.sort_unstable();
        names.truncate(CATEGORIES);
        Ok(names)
    }

    async fn product(&self, id: &str) -> Result<Option<ProductDetail>> {
        self.product_detail(id).await
    }

    async fn client(&self, id: &str) -> Result<Option<ClientDetail>> {
        self.client_detail(id).await
    }

    async fn sales_daily(&self, from: Day, to: Day) -> Result<Vec<DailyRow>> {
        let range = doc! { "_id": { "$gte": from.to_string(), "$lte": to.to_string() } };
        let query = FindQuery::of(range).sort(doc! { "_id": 1 }).fields(codec::without_marks());
        self.find(names::DAILY, query).await?.iter().map(views::daily_row).collect()
    }

    async fn rejected_events(&self, select: impl Into<RejectedSelect> + Send) -> Result<Page<RejectedEvent>> {
        let select = select.into();
        Ok(self.select_rejected(&select).await?.map(|document| views::rejected(&document)))
    }
}
