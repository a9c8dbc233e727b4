//! The first pass: what the second needs to know beforehand.

use std::collections::{HashMap, HashSet};

use snafu::ensure;
use stockstream_model::{Money, Timestamp, event::Id};

use super::{ImportError, ImportOptions, error::TooLargeSnafu, row::Row, rows::Rows};
use crate::outgoing::id;

/// How many bad rows a [`Summary`] tells apart; beyond that they are only counted.
pub const MAX_BAD_ROWS: usize = 1_000;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that are part of an event.
    pub rows: u64,
    /// Rows that can be part of no event; they are left out.
    pub bad_rows: u64,
    /// The first [`MAX_BAD_ROWS`] of them.
    pub bad: Vec<BadRow>,
    /// Rows that are good but part of an invoice with a bad one, which is held back as a whole.
    pub held_rows: u64,
    /// The columns of the file, or of each sheet of a workbook.
    pub headers: Vec<Header>,
    /// Invoices, and so sales.
    pub invoices: u64,
    /// Products.
    pub products: u64,
    /// Clients with a record of their own.
    pub clients: u64,
}

/// The columns of a file or sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sheet, of a workbook.
    pub sheet: Option<String>,
    /// The columns.
    pub columns: Vec<String>,
}

/// A row that can be part of no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The sheet, of a workbook.
    pub sheet: Option<String>,
    /// Where it begins; the header is line 1.
    pub line: u64,
    /// What stands in it.
    pub cells: Vec<String>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In which column; none where it is the row as a whole.
    pub column: Option<usize>,
    /// The column, what stands there and what may, for a person.
    pub reason: String,
}

impl BadRow {
    /// All that is wrong with it, for a person.
    pub fn reason(&self) -> String {
        self.faults.iter().map(|fault| fault.reason.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// Where it is, for a person.
    pub fn place(&self) -> String {
        match &self.sheet {
            Some(sheet) => format!("sheet {sheet}, row {}", self.line),
            None => format!("line {}", self.line),
        }
    }
}

impl Summary {
    pub(super) fn leave_out(&mut self, row: BadRow) {
        self.bad_rows += 1;
        if self.bad.len() < MAX_BAD_ROWS {
            self.bad.push(row);
        }
    }
}

/// A product over all of its rows.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) id: Id<'static>,
    /// The last description that is not empty.
    pub(super) name: Option<String>,
    /// The last price above zero.
    pub(super) price: Option<Money>,
    /// Units sold less units returned.
    pub(super) net: i128,
    /// The date of its last row in the file.
    pub(super) last: Timestamp,
}

/// What the first pass gathers.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) summary: Summary,
    /// How many rows each invoice has.
    pub(super) lines: HashMap<String, u64>,
    /// Invoices that are held back.
    pub(super) held: HashSet<String>,
    /// In order of first appearance.
    pub(super) products: Vec<Product>,
}

impl Plan {
    pub(super) fn of(mut rows: Rows, options: &ImportOptions) -> Result<Self, ImportError> {
        let mut plan =
            Self { summary: Summary::default(), lines: HashMap::new(), held: HashSet::new(), products: Vec::new() };
        let header = Header { sheet: rows.sheet().map(str::to_owned), columns: rows.columns().header.clone() };
        plan.summary.headers.push(header);
        let mut places = HashMap::new();
        while let Some((line, fault)) = plan.take(&mut rows, options, &mut places)? {
            if options.whole_invoices {
                plan.held.extend(rows.invoice());
            }
            let (sheet, cells) = (rows.sheet().map(str::to_owned), rows.cells());
            plan.summary.leave_out(BadRow { sheet, line, cells, faults: vec![fault] });
            plan.within(&rows, options)?;
        }
        for invoice in &plan.held {
            let lines = plan.lines.remove(invoice).unwrap_or_default();
            plan.summary.held_rows += lines;
            plan.summary.rows -= lines;
        }
        plan.summary.invoices = plan.lines.len() as u64;
        plan.summary.products = plan.products.len() as u64;
        Ok(plan)
    }

    /// Takes rows up to the next bad one.
    fn take(
        &mut self,
        rows: &mut Rows,
        options: &ImportOptions,
        places: &mut HashMap<String, usize>,
    ) -> Result<Option<(u64, Fault)>, ImportError> {
        while let Some((line, row)) = rows.next(options.whole_invoices)? {
            match row {
                Ok(row) => self.add(&row, places),
                Err(fault) => return Ok(Some((line, fault))),
            }
            self.within(rows, options)?;
        }
        Ok(None)
    }

    fn within(&self, rows: &Rows, options: &ImportOptions) -> Result<(), ImportError> {
        let (most, read) = (options.limits.rows, self.summary.rows + self.summary.bad_rows);
        ensure!(read <= most, TooLargeSnafu { path: rows.path(), what: format!("more than {most} rows") });
        Ok(())
    }

    fn add(&mut self, row: &Row<'_>, places: &mut HashMap<String, usize>) {
        self.summary.rows += 1;
        match self.lines.get_mut(row.invoice.as_str()) {
            Some(lines) => *lines += 1,
            None => _ = self.lines.insert(row.invoice.as_str().to_owned(), 1),
        }
        let place = places.get(row.product.as_str()).copied().unwrap_or_else(|| {
            let id = id(row.product.as_str().to_owned());
            places.insert(id.as_str().to_owned(), self.products.len());
            self.products.push(Product { id, name: None, price: None, net: 0, last: row.at });
            self.products.len() - 1
        });
        let product = &mut self.products[place];
        if !row.description.is_empty() && product.name.as_deref() != Some(&*row.description) {
            product.name = Some(row.description.clone().into_owned());
        }
        if row.price > Money::ZERO {
            product.price = Some(row.price);
        }
        product.net += i128::from(row.quantity);
        product.last = row.at;
    }
}
