//! All that a store shows at the end.

use proptest::test_runner::TestCaseError;
use stockstream_model::{
    Day,
    analytics::risk_row,
    documents::{Checkpoint, ClientRow, DailyRow, ProductState, RejectedEvent, RiskRow},
    settings::{LossRisk, Settings},
};
use stockstream_store::{
    Page, Paging, StateStore, ViewStore,
    inspect::{Inspect, Snapshot},
};

const PER_PAGE: u64 = 3;

#[derive(Debug)]
pub struct Seen {
    pub snapshot: Snapshot,
    ranked: Vec<ProductState>,
    best: Vec<ProductState>,
    risks: Vec<RiskRow>,
    clients: Vec<Page<ClientRow>>,
    daily: Vec<DailyRow>,
    rejected: Vec<Page<RejectedEvent>>,
    counts: (u64, u64),
    rejections: std::collections::BTreeMap<String, i64>,
    positions: Vec<Checkpoint>,
}

impl Seen {
    pub async fn of<S: StateStore + ViewStore + Inspect>(store: &S, settings: &Settings) -> Self {
        let snapshot = store.snapshot().await.unwrap();
        let (mut clients, mut rejected) = (Vec::new(), Vec::new());
        for page in 1..=snapshot.clients.len() as u64 / PER_PAGE + 1 {
            clients.push(ViewStore::clients(store, Paging { page, per_page: PER_PAGE }).await.unwrap());
        }
        for page in 1..=snapshot.rejected.len() as u64 / PER_PAGE + 1 {
            rejected.push(store.rejected_events(Paging { page, per_page: PER_PAGE }).await.unwrap());
        }
        let mut risks = Vec::new();
        for day in [20_480, 20_490, 20_530].map(Day::from_number) {
            let rules = LossRisk { idle_days: 10, ..settings.analytics.loss_risk.clone() };
            let found = store.stock_after(None, 1_000).await.unwrap();
            risks.extend(found.iter().filter_map(|(batch, facts)| risk_row(batch, facts, day, day.start(), &rules)));
        }
        risks.sort_by_key(|row| (row.analysis_timestamp, row.key()));
        let status = store.status().await.unwrap();
        // Which worker wrote a position last is none of its matter.
        let bare = |checkpoint| Checkpoint { writer: String::new(), version: 0, ..checkpoint };
        Self {
            snapshot,
            ranked: store.top_products(1_000).await.unwrap(),
            best: store.top_products(2).await.unwrap(),
            risks,
            clients,
            daily: store.sales_daily(Day::from_number(-30_000), Day::from_number(40_000)).await.unwrap(),
            rejected,
            counts: (status.products, status.clients),
            rejections: status.rejections,
            positions: status.checkpoints.into_iter().map(bare).filter(|at| at.next > 0).collect(),
        }
    }

    /// Compares piece by piece, so that a failure shows the piece.
    pub fn same_as(&self, other: &Self) -> Result<(), TestCaseError> {
        let (a, b) = (&self.snapshot, &other.snapshot);
        same("products", &a.products, &b.products)?;
        same("inventory", &a.inventory, &b.inventory)?;
        same("clients", &a.clients, &b.clients)?;
        same("days", &a.daily, &b.daily)?;
        same("rejected events", &a.rejected, &b.rejected)?;
        same("ranked products", &self.ranked, &other.ranked)?;
        same("best products", &self.best, &other.best)?;
        same("stock at risk", &self.risks, &other.risks)?;
        same("pages of clients", &self.clients, &other.clients)?;
        same("sales by day", &self.daily, &other.daily)?;
        same("pages of rejected events", &self.rejected, &other.rejected)?;
        same("counts", &self.counts, &other.counts)?;
        same("rejections", &self.rejections, &other.rejections)?;
        same("positions", &self.positions, &other.positions)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, a: &T, b: &T) -> Result<(), TestCaseError> {
    if a == b { Ok(()) } else { Err(TestCaseError::fail(format!("{what} differ:\n{a:#?}\nand\n{b:#?}"))) }
}
