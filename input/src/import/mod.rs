//! Reading a file laid out like the *Online Retail* data set into events: an invoice is a sale.
//!
//! The file is CSV with a header, plain or gzipped (its first bytes decide, not its name). Columns are found by name, in
//! any order: `InvoiceNo`, `StockCode`, `Description`, `Quantity`, `InvoiceDate`, `UnitPrice`, `CustomerID`; others are
//! ignored. It is read twice, because the lines of an invoice need not follow each other: once to count, once to send.
//! Memory holds the invoices that are begun and not complete, a counter per invoice and a few figures per product.
//!
//! What can be written as an event is sent as it stands; whether it is accepted is for the workers to say.

mod error;
mod events;
mod inventory;
mod plan;
mod row;
mod rows;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use stockstream_model::Decimal;

pub use self::{
    error::ImportError,
    events::Events,
    plan::{BadRow, MAX_BAD_ROWS, Summary},
};
use self::{error::ShareSnafu, plan::Plan};

/// How a file becomes events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Whether inventory records, which such a file has none of, are made up before the sales.
    pub derive_inventory: Option<DeriveInventory>,
}

/// How to make one inventory record per product from its sales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeriveInventory {
    /// `buy_price` as a share of the last positive price; zero or more.
    pub buy_share: Decimal,
    /// `quantity` as a share of the units sold less those returned; zero or more.
    pub stock_share: Decimal,
}

impl Default for DeriveInventory {
    /// 0.6 of the price and 0.1 of the units.
    fn default() -> Self {
        Self { buy_share: Decimal::from_units(6_000), stock_share: Decimal::from_units(1_000) }
    }
}

/// A file whose first pass is done.
#[derive(Clone, Debug)]
pub struct Import {
    path: PathBuf,
    options: ImportOptions,
    plan: Arc<Plan>,
}

impl Import {
    /// Reads the whole file once, to count.
    ///
    /// # Errors
    /// A file that cannot be opened or read to its end, that is not CSV with the required columns, or that is no regular
    /// file (it is read twice); shares below zero. Rows that are no part of any event are no error: see [`Summary`].
    pub fn open(path: &Path, options: ImportOptions) -> Result<Self, ImportError> {
        if let Some(DeriveInventory { buy_share, stock_share }) = options.derive_inventory {
            for (name, share) in [("buy price", buy_share), ("stock", stock_share)] {
                snafu::ensure!(share >= Decimal::ZERO, ShareSnafu { name, share });
            }
        }
        let plan = Plan::of(rows::Rows::open(path)?)?;
        Ok(Self { path: path.to_owned(), options, plan: Arc::new(plan) })
    }

    /// What the first pass found.
    pub fn summary(&self) -> &Summary {
        &self.plan.summary
    }

    /// How many events [`events`](Self::events) yields.
    pub fn total_events(&self) -> u64 {
        let summary = self.summary();
        summary.invoices + self.options.derive_inventory.map_or(0, |_| summary.products)
    }

    /// The second pass: the inventory records, if asked for, then the sales. Each call begins anew.
    ///
    /// # Errors
    /// The file cannot be opened any more, or has another header now.
    pub fn events(&self) -> Result<Events, ImportError> {
        Ok(Events::new(rows::Rows::open(&self.path)?, self.options.derive_inventory, Arc::clone(&self.plan)))
    }
}

#[cfg(test)]
mod tests;
