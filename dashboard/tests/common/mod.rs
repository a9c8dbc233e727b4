//! A store of the pages' own, filled by hand, and a reader of its pages.

#![allow(dead_code, clippy::unwrap_used)] // every test uses a part; a failed unwrap is a failed test

mod rows;

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
pub use rows::{client, loaded_status, rejected, risk, winner};
use stockstream_dashboard::{Options, router};
use stockstream_model::{
    Day,
    documents::{ClientRow, DailyRow, RejectedEvent, RiskRow, Winner},
};
use stockstream_store::{Page, Paging, Status, StoreError, ViewStore};
use tower::ServiceExt;

type Result<T> = std::result::Result<T, StoreError>;

/// Every page that has a place in the navigation.
pub const PAGES: [&str; 5] = ["/", "/product-winners", "/loss-risk-products", "/clients", "/rejected-events"];

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
        self.answer(Page { items, page: paging.page, per_page: paging.per_page, total: rows.len() as u64 }).await
    }
}

impl ViewStore for Fake {
    async fn status(&self) -> Result<Status> {
        self.answer(self.status.clone()).await
    }
    async fn product_winners(&self) -> Result<Vec<Winner>> {
        self.answer(self.winners.clone()).await
    }
    async fn loss_risk_products(&self, paging: Paging) -> Result<Page<RiskRow>> {
        self.page(&self.risks, paging).await
    }
    async fn clients(&self, paging: Paging) -> Result<Page<ClientRow>> {
        self.page(&self.clients, paging).await
    }
    async fn sales_daily(&self, from: Day, to: Day) -> Result<Vec<DailyRow>> {
        self.answer(self.days.iter().filter(|row| (from..=to).contains(&row.day)).cloned().collect()).await
    }
    async fn rejected_events(&self, paging: Paging) -> Result<Page<RejectedEvent>> {
        self.page(&self.rejected, paging).await
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
    let response = router(Arc::new(fake), options).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub async fn get(fake: Fake, path: &str) -> Answer {
    send(fake, options(), Request::get(path).header("host", "localhost:8080").body(Body::empty()).unwrap()).await
}
