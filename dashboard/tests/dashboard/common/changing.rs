//! A store that changes while it is read, and counts how often its state is asked for.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    BTreeSet, ChangeProbe, Checkpoint, ClientDetail, ClientFigures, ClientRow, DailyRow, Day, Fake, Page, PartitionId,
    ProductDetail, RejectedEvent, RejectedSelect, Result, RiskFigures, RiskRow, Select, Status, ViewStore, Winner,
};

pub struct Changing {
    fake: Mutex<Fake>,
    pub asked: AtomicUsize,
}

impl Changing {
    pub fn new(fake: Fake) -> Self {
        Self { fake: Mutex::new(fake), asked: AtomicUsize::new(0) }
    }

    pub fn change(&self, change: impl FnOnce(&mut Fake)) {
        change(&mut self.fake.lock().unwrap());
    }

    fn now(&self) -> Fake {
        self.fake.lock().unwrap().clone()
    }
}

impl ViewStore for Changing {
    async fn status(&self) -> Result<Status> {
        self.now().status().await
    }
    async fn pulse(&self) -> Result<ChangeProbe> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.now().pulse().await
    }
    async fn positions(&self, of: &BTreeSet<PartitionId>) -> Result<Vec<Checkpoint>> {
        self.now().positions(of).await
    }
    async fn product_winners(&self) -> Result<Vec<Winner>> {
        self.now().product_winners().await
    }
    async fn loss_risk_products(&self, select: impl Into<Select<RiskRow>> + Send) -> Result<Page<RiskRow>> {
        self.now().loss_risk_products(select).await
    }
    async fn clients(&self, select: impl Into<Select<ClientRow>> + Send) -> Result<Page<ClientRow>> {
        self.now().clients(select).await
    }
    async fn risk_figures(&self, select: &Select<RiskRow>) -> Result<RiskFigures> {
        self.now().risk_figures(select).await
    }
    async fn client_figures(&self, select: &Select<ClientRow>) -> Result<ClientFigures> {
        self.now().client_figures(select).await
    }
    async fn risk_categories(&self) -> Result<Vec<String>> {
        self.now().risk_categories().await
    }
    async fn product(&self, id: &str) -> Result<Option<ProductDetail>> {
        self.now().product(id).await
    }
    async fn client(&self, id: &str) -> Result<Option<ClientDetail>> {
        self.now().client(id).await
    }
    async fn sales_daily(&self, from: Day, to: Day) -> Result<Vec<DailyRow>> {
        self.now().sales_daily(from, to).await
    }
    async fn rejected_events(&self, select: impl Into<RejectedSelect> + Send) -> Result<Page<RejectedEvent>> {
        self.now().rejected_events(select).await
    }
}
