//! What the dashboard asks of the database. Nothing here writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use serde::Serialize;
use stockstream_model::{
    Day, Money, Timestamp,
    analytics::Tier,
    documents::{
        Checkpoint, ClientRow, DailyRow, DatabaseServer, Heartbeat, InventoryState, PartitionId, ProductState,
        RejectedEvent, RiskCategory, RiskRow, ViewState, Winner,
    },
    event::Reason,
    settings::{Analytics, Weights},
};

use crate::{Select, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Which page, counted from 1, and how many rows it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The page, from 1.
    pub page: u64,
    /// Rows per page.
    pub per_page: u64,
}

impl Paging {
    /// How many rows lie before the page.
    pub fn skip(&self) -> u64 {
        self.page.saturating_sub(1).saturating_mul(self.per_page)
    }

    /// The page of rows that are all there.
    pub(crate) fn part<T>(self, rows: Vec<T>) -> Page<T> {
        let total = rows.len() as u64;
        let items = rows.into_iter().skip(self.skip() as usize).take(self.per_page as usize).collect();
        Page { items, page: self.page, per_page: self.per_page, total, searched: None }
    }
}

/// Which rejected events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedSelect {
    /// Of that reason.
    pub reason: Option<Reason>,
    /// Of that topic.
    pub topic: Option<String>,
    /// Of that partition.
    pub partition: Option<i32>,
    /// Refused from this day on.
    pub from: Option<Day>,
    /// Refused up to this day, which is included.
    pub to: Option<Day>,
    /// Which page of them.
    pub paging: Paging,
}

impl From<Paging> for RejectedSelect {
    fn from(paging: Paging) -> Self {
        Self { reason: None, topic: None, partition: None, from: None, to: None, paging }
    }
}

impl RejectedSelect {
    /// Whether more is said than on which days: of that no index knows.
    pub(crate) fn has_filters(&self) -> bool {
        self.reason.is_some() || self.topic.is_some() || self.partition.is_some()
    }

    /// Whether any event may be left out.
    pub fn narrows(&self) -> bool {
        *self != Self::from(self.paging)
    }

    /// From which time to before which.
    pub(crate) fn span(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let behind = |day: Day| Day::from_number(day.number() + 1).start();
        (self.from.map(Day::start), self.to.map(behind))
    }

    /// Whether it takes an event of its days.
    pub(crate) fn takes(&self, event: &RejectedEvent) -> bool {
        self.reason.is_none_or(|reason| reason == event.reason)
            && self.topic.as_ref().is_none_or(|topic| *topic == event.topic)
            && self.partition.is_none_or(|partition| partition == event.partition)
    }

    /// Whether an event is of its days.
    pub(crate) fn has_day_of(&self, event: &RejectedEvent) -> bool {
        let (from, before) = self.span();
        from.is_none_or(|from| event.rejected_at >= from) && before.is_none_or(|before| event.rejected_at < before)
    }
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Its number, from 1.
    pub page: u64,
    /// Rows per page.
    pub per_page: u64,
    /// Rows on all pages.
    pub total: u64,
    /// How many rows were looked at, where those are not all: the first ones in the view's own order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searched: Option<u64>,
}

impl<T> Page<T> {
    /// The same page with every row made into another.
    pub fn map<U>(self, row: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, page, per_page, total, searched } = self;
        Page { items: items.into_iter().map(row).collect(), page, per_page, total, searched }
    }
}

/// What stock at risk amounts to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskFigures {
    /// Of each category, also those without rows.
    pub shares: Vec<RiskShare>,
    /// Whether there were more rows than are counted.
    pub cut: bool,
}

/// What stock at risk of a category amounts to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiskShare {
    /// The category.
    pub category: RiskCategory,
    /// Rows of it.
    pub rows: u64,
    /// Those whose loss is known.
    pub valued: u64,
    /// The sum of their losses.
    pub loss: f64,
}

/// What clients amount to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientFigures {
    /// Of each tier, lowest first, also those without clients.
    pub shares: Vec<TierShare>,
    /// Whether there were more clients than are counted.
    pub cut: bool,
}

/// What the clients of a tier amount to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TierShare {
    /// The tier.
    pub tier: Tier,
    /// Clients of it.
    pub clients: u64,
    /// What they brought, from before the pipeline too.
    pub revenue: f64,
    /// Their invoices.
    pub invoices: i64,
    /// What those amount to.
    pub invoiced: Money,
}

/// All that is known of a product.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductDetail {
    /// Its totals and latest record.
    pub product: ProductState,
    /// Its batches in stock, by number; at most a thousand.
    pub stock: Vec<InventoryState>,
    /// What of that is at risk; at most a thousand.
    pub risks: Vec<RiskRow>,
    /// The weights that the score follows; `None` before any worker settled them.
    pub weights: Option<Weights>,
}

/// All that is known of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientDetail {
    /// The row.
    pub row: ClientRow,
    /// Revenue from before the pipeline, as the client's record states it.
    pub before: Money,
    /// Revenue of the invoices.
    pub invoiced: Money,
    /// The tier that the client's record states.
    pub stated: Option<Tier>,
    /// Of when the record is.
    pub recorded_at: Option<Timestamp>,
}

/// How many batches of a product are shown at most.
pub(crate) const BATCHES: u64 = 1_000;
/// How many categories are offered at most.
pub(crate) const CATEGORIES: usize = 200;

/// Heartbeats older than this are of workers that are gone, whether or not they were forgotten yet.
pub(crate) fn alive_since(now: Timestamp) -> Timestamp {
    now.plus_millis(-30_000)
}

/// So many rejected events, the latest ones, are counted by reason, or looked at by a question that no index answers.
pub(crate) const LATEST: usize = 10_000;

/// Rejected events, counted by reason.
pub type Rejections = BTreeMap<String, i64>;

/// The state of the pipeline as the database tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Which pipeline owns the database; `None` before any worker came.
    pub pipeline: Option<String>,
    /// Products known.
    pub products: u64,
    /// Ranked products.
    pub winners: u64,
    /// Rows at risk.
    pub risks: u64,
    /// Clients known.
    pub clients: u64,
    /// The `views` documents.
    pub views: Vec<ViewState>,
    /// All checkpoints, by partition.
    pub checkpoints: Vec<Checkpoint>,
    /// Workers that gave a sign of life lately.
    pub workers: Vec<Heartbeat>,
    /// The latest 10,000 rejected events that are still kept, by reason.
    pub rejections: Rejections,
    /// What the server of the database is; `None` before any worker found out.
    pub server: Option<DatabaseServer>,
    /// The settings that hold; `None` before any worker told them.
    pub settings: Option<Analytics>,
    /// When this was read.
    pub read_at: Timestamp,
}

/// What moves when anything does: few and small documents, cheap to ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeProbe {
    /// The `views` documents.
    pub views: Vec<ViewState>,
    /// All checkpoints, by partition.
    pub checkpoints: Vec<Checkpoint>,
    /// Workers that gave a sign of life lately.
    pub workers: Vec<Heartbeat>,
    /// When the totals of clients and stock at risk were counted last, where they are kept.
    pub counted_at: Option<Timestamp>,
}

/// The read-only views.
pub trait ViewStore: Send + Sync + 'static {
    /// Why the database cannot be read just now, while something is tried again.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Counts, positions, workers and the state of the views.
    fn status(&self) -> impl Future<Output = Result<Status>> + Send;

    /// Positions, workers and the state of the views, without the counts.
    fn pulse(&self) -> impl Future<Output = Result<ChangeProbe>> + Send;

    /// The positions of these partitions, in their order, without those of which none is known.
    fn positions(&self, of: &BTreeSet<PartitionId>) -> impl Future<Output = Result<Vec<Checkpoint>>> + Send;

    /// The ranking that the pointer names, always a whole one.
    fn product_winners(&self) -> impl Future<Output = Result<Vec<Winner>>> + Send;

    /// Stock at risk, greatest loss first unless another order is wanted.
    fn loss_risk_products(
        &self,
        select: impl Into<Select<RiskRow>> + Send,
    ) -> impl Future<Output = Result<Page<RiskRow>>> + Send;

    /// Clients, greatest revenue first unless another order is wanted.
    fn clients(
        &self,
        select: impl Into<Select<ClientRow>> + Send,
    ) -> impl Future<Output = Result<Page<ClientRow>>> + Send;

    /// What the stock at risk that is selected amounts to, on all pages; of all of it, as it was published last.
    fn risk_figures(&self, select: &Select<RiskRow>) -> impl Future<Output = Result<RiskFigures>> + Send;

    /// What the clients that are selected amount to, on all pages; of all clients, as it was published last.
    fn client_figures(&self, select: &Select<ClientRow>) -> impl Future<Output = Result<ClientFigures>> + Send;

    /// A page of stock at risk together with what all that is selected amounts to, from one look where it takes one.
    fn risks_with_figures(
        &self,
        select: &Select<RiskRow>,
    ) -> impl Future<Output = Result<(Page<RiskRow>, RiskFigures)>> + Send {
        async move { tokio::try_join!(self.loss_risk_products(select), self.risk_figures(select)) }
    }

    /// A page of clients together with what all that are selected amount to, from one look where it takes one.
    fn clients_with_figures(
        &self,
        select: &Select<ClientRow>,
    ) -> impl Future<Output = Result<(Page<ClientRow>, ClientFigures)>> + Send {
        async move { tokio::try_join!(self.clients(select), self.client_figures(select)) }
    }

    /// The product categories that stock at risk has, by name; at most 200.
    fn risk_categories(&self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// All that is known of a product.
    fn product(&self, id: &str) -> impl Future<Output = Result<Option<ProductDetail>>> + Send;

    /// All that is known of a client.
    fn client(&self, id: &str) -> impl Future<Output = Result<Option<ClientDetail>>> + Send;

    /// Sales by day, from and to (both included), in order.
    fn sales_daily(&self, from: Day, to: Day) -> impl Future<Output = Result<Vec<DailyRow>>> + Send;

    /// Rejected events, latest first.
    fn rejected_events(
        &self,
        select: impl Into<RejectedSelect> + Send,
    ) -> impl Future<Output = Result<Page<RejectedEvent>>> + Send;
}
