//! Everything that is kept, whole: for tests that compare stores or hold them against an oracle.

use std::future::Future;

use stockstream_model::{
    Day,
    documents::{ClientState, DayTotals, InventoryState, ProductState},
};

use crate::StoreError;

/// The working state of a pipeline, every collection in the order of its keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Per product.
    pub products: Vec<ProductState>,
    /// Per product and batch.
    pub inventory: Vec<InventoryState>,
    /// Per client.
    pub clients: Vec<ClientState>,
    /// Per day.
    pub daily: Vec<(Day, DayTotals)>,
    /// Ids and reasons of rejected events.
    pub rejected: Vec<(String, String)>,
}

/// Reads the whole working state. Not for use in the pipeline: it reads every document.
pub trait Inspect {
    /// All of it.
    fn snapshot(&self) -> impl Future<Output = Result<Snapshot, StoreError>> + Send;
}
