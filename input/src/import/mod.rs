//! Reading a file into events: invoice lines laid out like the *Online Retail* data set, or a workbook of records.
//!
//! A CSV file has a header and is plain or gzipped (its first bytes decide, not its name); so is the only sheet of an XLSX
//! workbook laid out. Columns are found by name, in any order: `InvoiceNo`, `StockCode`, `Description`, `Quantity`,
//! `InvoiceDate`, `UnitPrice`, `CustomerID`, or as a [`Mapping`] says; others are ignored. Such a file is read twice,
//! because the lines of an invoice need not follow each other: once to count, once to send. Memory holds the invoices that
//! are begun and not complete, a counter per invoice and a few figures per product. A workbook is read whole, within
//! [`Limits`]; one with the sheets Products, Clients, Invoices and Invoice_Details is judged row by row by the workers' own
//! decoder.
//!
//! What can be written as an event is sent as it stands; whether it is accepted is for the workers to say, unless
//! [`whole_invoices`](ImportOptions::whole_invoices) are asked for.

mod bounded;
mod error;
mod events;
mod inventory;
mod mapping;
mod plan;
mod row;
mod rows;
mod sheet;
mod workbook;
mod xlsx;

use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use snafu::{ResultExt, ensure};
use stockstream_model::Decimal;

pub use self::{
    error::ImportError,
    events::Events,
    mapping::Mapping,
    plan::{BadRow, Fault, Header, MAX_BAD_ROWS, Summary},
};
use self::{
    error::{ReadSnafu, ShareSnafu, SheetsSnafu},
    plan::Plan,
    rows::{Rows, ZIP},
    sheet::Sheet,
};
use crate::Outgoing;

/// How a file becomes events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Whether inventory records, which such a file has none of, are made up before the sales.
    pub derive_inventory: Option<DeriveInventory>,
    /// Columns of other names.
    pub mapping: Mapping,
    /// Whether a row that a worker would refuse is bad, and an invoice with a bad row is held back as a whole.
    pub whole_invoices: bool,
    /// What is read at most.
    pub limits: Limits,
}

/// What is read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a workbook.
    pub file: u64,
    /// Bytes of a workbook when it is unpacked.
    pub unpacked: u64,
    /// Bytes of CSV when it is unpacked.
    pub text: u64,
    /// Rows of a file or sheet.
    pub rows: u64,
}

impl Default for Limits {
    /// As many rows as a sheet can have; of CSV, any number.
    fn default() -> Self {
        Self { file: 128 << 20, unpacked: 2 << 30, text: u64::MAX, rows: u64::MAX }
    }
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
    contents: Contents,
}

#[derive(Clone, Debug)]
enum Contents {
    /// Invoice lines, to be read again.
    Lines { source: Source, plan: Arc<Plan> },
    /// All events of a workbook.
    Records { events: Arc<Vec<Outgoing>>, summary: Arc<Summary> },
}

#[derive(Clone, Debug)]
enum Source {
    File,
    Bytes(Arc<[u8]>),
    Sheet(Arc<Sheet>),
}

impl Import {
    /// Reads the whole file once, to count.
    ///
    /// # Errors
    /// A file that cannot be opened or read to its end, that is neither CSV nor XLSX with the required columns, that is
    /// beyond the limits, or that is no regular file (it is read twice); shares below zero. Rows that are no part of any
    /// event are no error: see [`Summary`].
    pub fn open(path: &Path, options: ImportOptions) -> Result<Self, ImportError> {
        options.check()?;
        let mut file = rows::open(path)?;
        let start = rows::peek(&mut file, ZIP.len()).context(ReadSnafu { path, line: 1_u64, gzip: false })?;
        if start == ZIP {
            let bytes = xlsx::whole(Cursor::new(start).chain(file), path, options.limits)?;
            return Self::of_workbook(path, bytes, options);
        }
        Self::of_lines(path, Source::File, options)
    }

    /// Reads a file that is in memory; the path is only its name in errors.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(path: &Path, bytes: Arc<[u8]>, options: ImportOptions) -> Result<Self, ImportError> {
        options.check()?;
        if bytes.starts_with(ZIP) {
            return Self::of_workbook(path, bytes, options);
        }
        Self::of_lines(path, Source::Bytes(bytes), options)
    }

    fn of_lines(path: &Path, source: Source, options: ImportOptions) -> Result<Self, ImportError> {
        let plan = Arc::new(Plan::of(source.rows(path, &options)?, &options)?);
        Ok(Self { path: path.to_owned(), options, contents: Contents::Lines { source, plan } })
    }

    fn of_workbook(path: &Path, bytes: Arc<[u8]>, options: ImportOptions) -> Result<Self, ImportError> {
        let mut sheets = xlsx::sheets(bytes, path, options.limits)?;
        if sheets.iter().any(|sheet| workbook::is_known(&sheet.name)) {
            let (events, summary) = workbook::events(&sheets, path, &options.mapping)?;
            let contents = Contents::Records { events: Arc::new(events), summary: Arc::new(summary) };
            return Ok(Self { path: path.to_owned(), options, contents });
        }
        let found = || sheets.iter().map(|sheet| sheet.name.as_str()).collect::<Vec<_>>().join(", ");
        ensure!(sheets.len() == 1, SheetsSnafu { path, found: found() });
        let sheet = Arc::new(sheets.remove(0));
        Self::of_lines(path, Source::Sheet(sheet), options)
    }

    /// What the first pass found.
    pub fn summary(&self) -> &Summary {
        match &self.contents {
            Contents::Lines { plan, .. } => &plan.summary,
            Contents::Records { summary, .. } => summary,
        }
    }

    /// How many events [`events`](Self::events) yields.
    pub fn total_events(&self) -> u64 {
        match &self.contents {
            Contents::Lines { plan, .. } => {
                plan.summary.invoices + self.options.derive_inventory.map_or(0, |_| plan.summary.products)
            }
            Contents::Records { events, .. } => events.len() as u64,
        }
    }

    /// The second pass: inventory records, if asked for, then the sales; of a workbook, what it holds. Each call begins
    /// anew.
    ///
    /// # Errors
    /// The file cannot be opened any more, or has another header now.
    pub fn events(&self) -> Result<impl Iterator<Item = Result<Outgoing, ImportError>> + use<>, ImportError> {
        let (lines, records) = match &self.contents {
            Contents::Lines { source, plan } => {
                let rows = source.rows(&self.path, &self.options)?;
                (Some(Events::new(rows, self.options.derive_inventory, Arc::clone(plan))), None)
            }
            Contents::Records { events, .. } => (None, Some(Arc::clone(events))),
        };
        let records = records.into_iter().flat_map(|events| (0..events.len()).map(move |at| Ok(events[at].clone())));
        Ok(lines.into_iter().flatten().chain(records))
    }
}

impl Source {
    fn rows(&self, path: &Path, options: &ImportOptions) -> Result<Rows, ImportError> {
        let ImportOptions { mapping, limits, .. } = options;
        match self {
            Self::File => Rows::read(Box::new(rows::open(path)?), path, mapping, *limits),
            Self::Bytes(bytes) => Rows::read(Box::new(Cursor::new(Arc::clone(bytes))), path, mapping, *limits),
            Self::Sheet(sheet) => Rows::of_sheet(sheet, path, mapping),
        }
    }
}

impl ImportOptions {
    fn check(&self) -> Result<(), ImportError> {
        if let Some(DeriveInventory { buy_share, stock_share }) = self.derive_inventory {
            for (name, share) in [("buy price", buy_share), ("stock", stock_share)] {
                ensure!(share >= Decimal::ZERO, ShareSnafu { name, share });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod xlsx_tests;

#[cfg(test)]
mod tests;
