//! The store in memory: for `stockstream up` with nothing installed, and the twin against which MongoDB is tested.

mod checkpoints;
mod positions;
mod state;
mod views;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parking_lot::{Mutex, MutexGuard};
use stockstream_model::{
    Day, Timestamp,
    documents::{
        ClientState, DayTotals, Heartbeat, InventoryState, ProductState, RejectedEvent, StartPositions, View,
        ViewState, Winner,
    },
    settings::Analytics,
};
use stockstream_protocol::{
    dedup::CountedSale,
    owner::Owner,
    positions::Positions,
    risk::{StandingRisk, StockKey},
};

/// A store that lives and ends with the process. Cheap to share: wrap it in an `Arc`.
pub struct MemoryStore {
    analytics: Analytics,
    inner: Mutex<Inner>,
}

/// A document with its marks, by their paths.
#[derive(Default)]
struct Marked<T> {
    value: T,
    marks: HashMap<String, i64>,
}

#[derive(Default)]
struct Inner {
    owner: Option<Owner>,
    owner_at: Option<Timestamp>,
    id: Option<String>,
    start: Option<StartPositions>,
    positions: Option<Positions>,
    products: BTreeMap<String, Marked<ProductState>>,
    /// The claim that changed a product last, and the products by it.
    last_claims: HashMap<String, i64>,
    changed: BTreeSet<(i64, String)>,
    inventory: BTreeMap<StockKey, Marked<Option<InventoryState>>>,
    clients: BTreeMap<String, Marked<ClientState>>,
    daily: BTreeMap<Day, Marked<DayTotals>>,
    rejected: BTreeMap<String, RejectedEvent>,
    invoices: BTreeMap<String, Vec<CountedSale>>,
    views: BTreeMap<View, ViewState>,
    rankings: BTreeMap<i64, Vec<Winner>>,
    risks: BTreeMap<StockKey, StandingRisk>,
    workers: BTreeMap<String, Heartbeat>,
}

impl MemoryStore {
    /// An empty store whose derived fields follow these settings.
    pub fn new(analytics: Analytics) -> Self {
        Self { analytics, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change below is made whole or not at all, so what a panicking thread left behind is still sound.
        self.inner.lock()
    }
}

impl Inner {
    fn view(&self, view: View) -> ViewState {
        self.views.get(&view).cloned().unwrap_or_else(|| ViewState::new(view))
    }
}
