//! A store of the pages' own, filled by hand, and a reader of its pages.

pub mod changing;
mod rows;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
pub use rows::{client, loaded_status, product, rejected, risk, winner};
use stockstream_dashboard::{Options, router};
use stockstream_model::{
    Day, Money,
    analytics::Tier,
    documents::{Checkpoint, ClientRow, DailyRow, PartitionId, RejectedEvent, RiskCategory, RiskRow, Winner},
};
use stockstream_store::{
    ChangeProbe, ClientDetail, ClientFigures, Page, Paging, ProductDetail, RejectedSelect, RiskFigures, RiskShare,
    Select, Status, StoreError, TierShare, ViewStore,
};
use tower::ServiceExt;

type Result<T> = std::result::Result<T, StoreError>;

/// Every page that has a place in the navigation.
pub const PAGES: [&str; 6] =
    ["/", "/product-winners", "/loss-risk-products", "/clients", "/charts", "/rejected-events"];

/// Every answer of the API.
pub const API: [&str; 6] = [
    "/api/v1/status",
    "/api/v1/product-winners",
    "/api/v1/loss-risk-products",
    "/api/v1/clients",
    "/api/v1/sales-daily",
    "/api/v1/rejected-events",
];

/// How the store fails.
#[derive(Clone, Copy)]
pub enum Fault {
    Unreachable,
    Refused,
    Silent,
}

/// A store that says what it was told to say.
#[derive(Clone, Default)]
pub struct Fake {
    pub status: Status,
    pub winners: Vec<Winner>,
    pub risks: Vec<RiskRow>,
    pub clients: Vec<ClientRow>,
    pub days: Vec<DailyRow>,
    pub rejected: Vec<RejectedEvent>,
    pub products: Vec<ProductDetail>,
    /// How many rows a search looked at, where that is not all.
    pub searched: Option<u64>,
    pub fault: Option<Fault>,
}

impl Fake {
    /// One with something of everything.
    pub fn loaded() -> Self {
        let day = |text: &str| text.parse::<Day>().unwrap();
        Self {
            status: loaded_status(),
            winners: (1..=10).map(winner).collect(),
            risks: (1..=130).map(risk).collect(),
            clients: (1..=120).map(client).collect(),
            days: vec![DailyRow { day: day("2011-07-28"), invoices: 64, units: -3, revenue: 1234.5 }],
            rejected: (1..=12).map(rejected).collect(),
            products: vec![product()],
            searched: None,
            fault: None,
        }
    }

    pub fn faulty(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::loaded() }
    }

    async fn answer<T>(&self, value: T) -> Result<T> {
        match self.fault {
            None => Ok(value),
            Some(Fault::Unreachable) => Err(StoreError::Unreachable {
                place: "mongo.example:27017".into(),
                message: "connection refused".into(),
            }),
            Some(Fault::Refused) => {
                Err(StoreError::Refused { action: "find".into(), message: "no such <command>".into() })
            }
            Some(Fault::Silent) => std::future::pending().await,
        }
    }

    async fn page<T: Clone>(&self, rows: &[T], paging: Paging) -> Result<Page<T>> {
        let items = rows.iter().skip(paging.skip() as usize).take(paging.per_page as usize).cloned().collect();
        let total = rows.len() as u64;
        self.answer(Page { items, page: paging.page, per_page: paging.per_page, total, searched: None }).await
    }
}

impl ViewStore for Fake {
    async fn status(&self) -> Result<Status> {
        self.answer(self.status.clone()).await
    }
    async fn pulse(&self) -> Result<ChangeProbe> {
        let Status { views, checkpoints, workers, .. } = self.status.clone();
        self.answer(ChangeProbe { views, checkpoints, workers, counted_at: None }).await
    }
    async fn positions(&self, of: &BTreeSet<PartitionId>) -> Result<Vec<Checkpoint>> {
        let known = self.status.checkpoints.iter().filter(|checkpoint| of.contains(&checkpoint.id));
        self.answer(known.cloned().collect()).await
    }
    async fn product_winners(&self) -> Result<Vec<Winner>> {
        self.answer(self.winners.clone()).await
    }
    async fn loss_risk_products(&self, select: impl Into<Select<RiskRow>> + Send) -> Result<Page<RiskRow>> {
        let page = select.into().pick(self.risks.clone());
        self.answer(Page { searched: self.searched.or(page.searched), ..page }).await
    }
    async fn clients(&self, select: impl Into<Select<ClientRow>> + Send) -> Result<Page<ClientRow>> {
        let page = select.into().pick(self.clients.clone());
        self.answer(Page { searched: self.searched.or(page.searched), ..page }).await
    }
    async fn risk_figures(&self, select: &Select<RiskRow>) -> Result<RiskFigures> {
        let (rows, _) = select.matching(self.risks.clone());
        let share = |category| {
            let of_it: Vec<_> = rows.iter().filter(|row| row.risk_category == category).collect();
            let losses: Vec<_> = of_it.iter().filter_map(|row| row.potential_loss_amount).collect();
            let (rows, valued) = (of_it.len() as u64, losses.len() as u64);
            RiskShare { category, rows, valued, loss: losses.iter().sum() }
        };
        self.answer(RiskFigures { shares: RiskCategory::ALL.map(share).into(), cut: false }).await
    }
    async fn client_figures(&self, select: &Select<ClientRow>) -> Result<ClientFigures> {
        let (rows, _) = select.matching(self.clients.clone());
        let share = |tier| {
            let of_it: Vec<_> = rows.iter().filter(|row| row.loyalty_tier == tier).collect();
            let revenue: f64 = of_it.iter().map(|row| row.total_revenue_generated).sum();
            TierShare {
                tier,
                clients: of_it.len() as u64,
                revenue,
                invoices: of_it.iter().map(|row| row.invoices).sum(),
                invoiced: Money::from_units((revenue * 10_000.0) as i64),
            }
        };
        self.answer(ClientFigures { shares: Tier::ALL.map(share).into(), cut: false }).await
    }
    async fn risk_categories(&self) -> Result<Vec<String>> {
        let mut names: Vec<_> = self.risks.iter().filter_map(|row| row.product_category.clone()).collect();
        names.sort();
        names.dedup();
        self.answer(names).await
    }
    async fn product(&self, id: &str) -> Result<Option<ProductDetail>> {
        self.answer(self.products.iter().find(|detail| detail.product.product_id == id).cloned()).await
    }
    async fn client(&self, id: &str) -> Result<Option<ClientDetail>> {
        let detail = |row: &ClientRow| ClientDetail {
            row: row.clone(),
            before: Money::from_whole(1_000),
            invoiced: Money::from_whole(500),
            stated: Some(Tier::Silver),
            recorded_at: row.last_purchase_date,
        };
        self.answer(self.clients.iter().find(|row| row.client_id == id).map(detail)).await
    }
    async fn sales_daily(&self, from: Day, to: Day) -> Result<Vec<DailyRow>> {
        self.answer(self.days.iter().filter(|row| (from..=to).contains(&row.day)).cloned().collect()).await
    }
    async fn rejected_events(&self, select: impl Into<RejectedSelect> + Send) -> Result<Page<RejectedEvent>> {
        let RejectedSelect { reason, topic, partition, paging, .. } = select.into();
        let mut rows = self.rejected.clone();
        rows.retain(|row| {
            reason.is_none_or(|reason| row.reason == reason)
                && topic.as_ref().is_none_or(|topic| row.topic == *topic)
                && partition.is_none_or(|partition| row.partition == partition)
        });
        self.page(&rows, paging).await
    }
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub fn options() -> Options {
    Options { pipeline: "shop/stock".into(), store_timeout: Duration::from_millis(50), ..Options::default() }
}

pub async fn send(fake: Fake, options: Options, request: Request<Body>) -> Answer {
    answered(&router(Arc::new(fake), options), request).await
}

/// Asks a dashboard that may be asked again.
pub async fn ask(router: &Router, method: &str, path: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("host", "localhost").body(Body::empty()).unwrap();
    answered(router, request).await
}

async fn answered(router: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// The body of what is no text.
pub async fn bytes(fake: Fake, path: &str) -> Vec<u8> {
    raw(fake, path, ("accept", "*/*")).await.1
}

/// Headers and body as they are sent to who asks with that header.
pub async fn raw(fake: Fake, path: &str, (name, value): (&str, &str)) -> (HeaderMap, Vec<u8>) {
    let request = Request::get(path).header("host", "localhost").header(name, value).body(Body::empty()).unwrap();
    let response = router(Arc::new(fake), options()).oneshot(request).await.unwrap();
    let headers = response.headers().clone();
    (headers, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

pub async fn get(fake: Fake, path: &str) -> Answer {
    send(fake, options(), Request::get(path).header("host", "localhost:8080").body(Body::empty()).unwrap()).await
}
