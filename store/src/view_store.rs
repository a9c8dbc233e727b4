//! What the dashboard asks of the database. Nothing here writes.

use std::{collections::BTreeMap, future::Future};

use serde::Serialize;
use stockstream_model::{
    Day, Timestamp,
    documents::{Checkpoint, ClientRow, DailyRow, Heartbeat, RejectedEvent, RiskRow, ViewState, Winner},
};

use crate::StoreError;

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
}

impl<T> Page<T> {
    /// The same page with every row made into another.
    pub fn map<U>(self, row: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, page, per_page, total } = self;
        Page { items: items.into_iter().map(row).collect(), page, per_page, total }
    }
}

/// Heartbeats older than this are of workers that are gone, whether or not they were forgotten yet.
pub(crate) fn alive_since(now: Timestamp) -> Timestamp {
    now.plus_millis(-30_000)
}

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
    /// Rejected events that are still kept, by reason.
    pub rejections: Rejections,
    /// When this was read.
    pub read_at: Timestamp,
}

/// The read-only views.
pub trait ViewStore: Send + Sync + 'static {
    /// Counts, positions, workers and the state of the views.
    fn status(&self) -> impl Future<Output = Result<Status>> + Send;

    /// The ranking that the pointer names, always a whole one.
    fn product_winners(&self) -> impl Future<Output = Result<Vec<Winner>>> + Send;

    /// Stock at risk, greatest loss first.
    fn loss_risk_products(&self, paging: Paging) -> impl Future<Output = Result<Page<RiskRow>>> + Send;

    /// Clients, greatest revenue first.
    fn clients(&self, paging: Paging) -> impl Future<Output = Result<Page<ClientRow>>> + Send;

    /// Sales by day, from and to (both included), in order.
    fn sales_daily(&self, from: Day, to: Day) -> impl Future<Output = Result<Vec<DailyRow>>> + Send;

    /// Rejected events, latest first.
    fn rejected_events(&self, paging: Paging) -> impl Future<Output = Result<Page<RejectedEvent>>> + Send;
}
