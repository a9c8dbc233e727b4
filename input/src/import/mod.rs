//! Reading a file into events: invoice lines laid out like the *Online Retail* data set, or a workbook of records.
//!
//! A CSV file has a header and is plain or gzipped (its first bytes decide, not its name), in UTF-8, UTF-16 or an
//! [`Encoding`] that is named; so are sheets of an XLSX workbook laid out. Columns are found by name, in any order:
//! `InvoiceNo`, `StockCode`, `Description`, `Quantity`, `InvoiceDate`, `UnitPrice`, `CustomerID`, or as a [`Mapping`] says;
//! the [`Summary`] names those that are not read. Such a file is read twice, because the lines of an invoice need not
//! follow each other: once to count, once to send; a third time where invoices are held back. Memory holds the invoices
//! that are begun and not complete, a counter per invoice and a few figures per product. A workbook is read whole, within
//! [`Limits`]; sheets named Products, Clients, Invoices and Invoice_Details are judged row by row by the workers' own
//! decoder. A sheet that is not read is named.
//!
//! A row that workers would refuse is bad, for whoever imports the file. An invoice with a bad row is held back as a whole:
//! sent without it, it would count twice once the row is mended and sent again. So are rows whose invoice number is that of
//! another time, and records of which nothing says which one is right.

mod alike;
mod bounded;
mod cell;
mod columns;
mod encoding;
mod error;
mod events;
mod export;
mod format;
mod inventory;
mod mapping;
mod plan;
mod rivals;
mod row;
mod rows;
mod sheet;
mod sheets;
mod table;
mod workbook;
mod xlsx;

use std::{
    collections::{BTreeSet, HashSet},
    io::{Cursor, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use snafu::{ResultExt, ensure};
use stockstream_model::{Decimal, Timestamp, event::Stream};

pub use self::{
    alike::Alike,
    encoding::Encoding,
    error::ImportError,
    events::Events,
    mapping::Mapping,
    plan::{BadRow, Fault, Header, MAX_BAD_ROWS, Summary, UnreadSheet},
};
use self::{
    error::{ReadSnafu, ShareSnafu},
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
    /// What the text of a CSV file is encoded in, where it does not say it itself. UTF-8 goes without saying.
    pub encoding: Option<Encoding>,
    /// The latest time that a row may be from; any, if none is given.
    pub latest: Option<Timestamp>,
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
    /// All events of the records of a workbook.
    records: Arc<Vec<Outgoing>>,
    /// Invoice lines, to be read again.
    lines: Option<(Source, Arc<Plan>)>,
    summary: Arc<Summary>,
}

#[derive(Clone, Debug)]
enum Source {
    File,
    Bytes(Arc<[u8]>),
    Sheets(Vec<Arc<Sheet>>),
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
        let mut plan = plan(&source, path, &options)?;
        let mut summary = plan.summary.clone();
        summary.name_alike(alike::find(&[], Some(&plan)));
        plan.clients = HashSet::new(); // needed no more
        let (lines, summary) = (Some((source, Arc::new(plan))), Arc::new(summary));
        Ok(Self { path: path.to_owned(), options, records: Arc::default(), lines, summary })
    }

    fn of_workbook(path: &Path, bytes: Arc<[u8]>, options: ImportOptions) -> Result<Self, ImportError> {
        let sheets = xlsx::sheets(bytes, path, options.limits)?;
        let sheets = sheets::sort(sheets, path, &options.mapping)?;
        let (events, mut summary) = workbook::events(&sheets.records, path, &options)?;
        let lines = if sheets.lines.is_empty() {
            summary.name_alike(alike::find(&events, None));
            None
        } else {
            let source = Source::Sheets(sheets.lines);
            let mut plan = plan(&source, path, &options)?;
            summary.name_alike(alike::find(&events, Some(&plan)));
            plan.clients = HashSet::new(); // needed no more
            // What the workbook itself says of a product is not made up.
            let known: HashSet<&str> = events
                .iter()
                .filter(|event| event.stream == Stream::Inventory)
                .map(|event| event.key.as_str())
                .collect();
            plan.products.retain(|product| !known.contains(product.id.as_str()));
            summary.add(&plan.summary);
            Some((source, Arc::new(plan)))
        };
        summary.unread = sheets.unread;
        let (records, summary) = (Arc::new(events), Arc::new(summary));
        Ok(Self { path: path.to_owned(), options, records, lines, summary })
    }

    /// What the first pass found.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// How many events [`events`](Self::events) yields.
    pub fn total_events(&self) -> u64 {
        let lines = self.lines.as_ref().map_or(0, |(_, plan)| {
            plan.summary.invoices + self.options.derive_inventory.map_or(0, |_| plan.products.len() as u64)
        });
        self.records.len() as u64 + lines
    }

    /// Which streams its events go to.
    pub fn streams(&self) -> BTreeSet<Stream> {
        let mut streams: BTreeSet<Stream> = self.records.iter().map(|event| event.stream).collect();
        if let Some((_, plan)) = &self.lines {
            let derives = self.options.derive_inventory.is_some() && !plan.products.is_empty();
            streams.extend((plan.summary.invoices > 0).then_some(Stream::Sales));
            streams.extend(derives.then_some(Stream::Inventory));
        }
        streams
    }

    /// The second pass: what the sheets of a workbook hold as records; inventory records, if asked for; then the sales of
    /// invoice lines. Each call begins anew.
    ///
    /// # Errors
    /// The file cannot be opened any more, or has another header now.
    pub fn events(&self) -> Result<impl Iterator<Item = Result<Outgoing, ImportError>> + use<>, ImportError> {
        let lines = match &self.lines {
            Some((source, plan)) => {
                let rows = source.rows(&self.path, &self.options)?;
                Some(Events::new(rows, self.options.derive_inventory, Arc::clone(plan)))
            }
            None => None,
        };
        let records = Arc::clone(&self.records);
        Ok((0..records.len()).map(move |at| Ok(records[at].clone())).chain(lines.into_iter().flatten()))
    }
}

/// The first pass. Where invoices are held back, it takes a second one to leave them out of what is told of products.
fn plan(source: &Source, path: &Path, options: &ImportOptions) -> Result<Plan, ImportError> {
    let plan = Plan::of(source.rows(path, options)?, options, HashSet::new())?;
    if plan.held.is_empty() { Ok(plan) } else { Plan::of(source.rows(path, options)?, options, plan.held) }
}

impl Source {
    fn rows(&self, path: &Path, options: &ImportOptions) -> Result<Rows, ImportError> {
        match self {
            Self::File => Rows::read(Box::new(rows::open(path)?), path, options),
            Self::Bytes(bytes) => Rows::read(Box::new(Cursor::new(Arc::clone(bytes))), path, options),
            Self::Sheets(sheets) => Rows::of_sheets(sheets, path, options),
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
