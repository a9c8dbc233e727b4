//! The first pass: what the second needs to know beforehand.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use snafu::ensure;
use stockstream_model::{
    Money, Timestamp,
    event::{Id, LinesTotal, Rejection},
};

use super::{
    ImportError, ImportOptions,
    columns::{CLIENT, DATE, INVOICE},
    error::TooLargeSnafu,
    row::Row,
    rows::{Place, Rows},
    summary::{BadRow, RowError, Summary},
};
use crate::outbound::id;

/// The most that may lie between a row of an invoice and its first one: half a day. Tills write the minute of each line, and
/// a shop may close after midnight; a number that is used again, be it the next day, is used much later, and where only
/// days are written, by 24 hours at least.
const ONE_INVOICE_MS: u64 = 12 * 3_600_000;

/// Tells clients apart by eight bytes each.
static CLIENTS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

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
    /// That of its last row that sells: a return moves no stock.
    pub(super) sold: Option<Timestamp>,
}

/// What is known of an invoice.
#[derive(Debug)]
pub(super) struct Invoice {
    /// How many rows it has.
    pub(super) rows: u64,
    /// The first of them.
    first: Place,
    /// The time of that one.
    at: Timestamp,
    /// The client that its rows name, as a hash, and the line of the first that names one.
    client: Option<(u64, u64)>,
    total: LinesTotal,
}

impl Invoice {
    fn new(row: &Row<'_>, first: Place, client: Option<u64>) -> Result<Self, Unfit> {
        let total = LinesTotal::default().with(&row.item())?;
        let client = client.map(|client| (client, first.line));
        Ok(Self { rows: 1, first, at: row.at, client, total })
    }

    /// Takes a row more.
    fn take(&mut self, row: &Row<'_>, place: Place, client: Option<u64>) -> Result<(), Unfit> {
        if place.sheet != self.first.sheet {
            return Err(Unfit::OtherSheet(self.first.sheet));
        }
        if row.at.millis().abs_diff(self.at.millis()) > ONE_INVOICE_MS {
            return Err(Unfit::OtherTime { at: row.at, first: self.at, line: self.first.line });
        }
        if let (Some(client), Some((other, line))) = (client, self.client)
            && client != other
        {
            let client = row.client.as_ref().map(|client| client.as_str().to_owned()).unwrap_or_default();
            return Err(Unfit::OtherClient { client, line });
        }
        self.total = self.total.with(&row.item())?;
        self.rows += 1;
        self.client = self.client.or_else(|| Some((client?, place.line)));
        Ok(())
    }
}

/// What the first pass gathers.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) summary: Summary,
    pub(super) invoices: HashMap<String, Invoice>,
    /// Invoices that are held back.
    pub(super) held: HashSet<String>,
    /// In order of first appearance.
    pub(super) products: Vec<Product>,
    /// Those whom sales name.
    pub(super) clients: HashSet<String>,
    /// The place of each product.
    places: HashMap<String, usize>,
}

/// Why a row cannot be taken together with the ones before.
enum Unfit {
    Bad(RowError),
    /// Its invoice has rows in another sheet.
    OtherSheet(usize),
    /// Its invoice has another client, as a row before says.
    OtherClient {
        client: String,
        line: u64,
    },
    /// Its invoice is of another time, as its first row says.
    OtherTime {
        at: Timestamp,
        first: Timestamp,
        line: u64,
    },
    /// With it, its invoice is more than a sale may be.
    TooMuch(String),
}

impl From<Rejection> for Unfit {
    fn from(refused: Rejection) -> Self {
        Self::TooMuch(refused.message)
    }
}

impl Unfit {
    fn fault(self, rows: &Rows) -> RowError {
        let columns = rows.columns();
        match self {
            Self::Bad(fault) => fault,
            Self::OtherClient { client, line } => {
                let line = rows.numbered(line);
                let what = format!(
                    "{client:?} is not the client of the same invoice in {line}: write one client in all of its rows, or give \
                     each client's invoice a number of its own"
                );
                columns.fault(CLIENT, &what)
            }
            Self::OtherSheet(other) => {
                let other = rows.sheet(other).unwrap_or_default();
                columns.fault(INVOICE, &format!("has rows in sheet {other} too: move them into one"))
            }
            Self::OtherTime { at, first, line } => {
                let line = rows.numbered(line);
                let what = format!(
                    "{at} is more than 12 hours from {first}, the time of the same invoice in {line}: if they are two \
                     invoices, give each a number of its own; if they are one, write one time in all of its rows"
                );
                columns.fault(DATE, &what)
            }
            Self::TooMuch(what) if what.starts_with("together ") => {
                RowError { column: None, reason: format!("its invoice's lines up to this one {what}") }
            }
            Self::TooMuch(reason) => RowError { column: None, reason },
        }
    }
}

impl Plan {
    /// Reads all rows. Which invoices are held back shows only at their end, so that it takes a second time to leave them
    /// out of everything: then they are given.
    pub(super) fn of(mut rows: Rows, options: &ImportOptions, held: HashSet<String>) -> Result<Self, ImportError> {
        let mut plan = Self {
            summary: Summary::default(),
            invoices: HashMap::new(),
            held,
            products: Vec::new(),
            clients: HashSet::new(),
            places: HashMap::new(),
        };
        let mut suspects = HashSet::new();
        while let Some((place, unfit)) = plan.take(&mut rows, options)? {
            suspects.extend(rows.suspects());
            let fault = unfit.fault(&rows);
            let (sheet, cells) = (rows.sheet(place.sheet).map(str::to_owned), rows.cells());
            plan.summary.record_bad_row(BadRow { sheet, line: place.line, cells, faults: vec![fault] });
            plan.within(&rows, options)?;
        }
        plan.summary.headers = rows.headers().to_vec();
        // Also those of which no row was good here: another pass may judge less strictly.
        suspects.retain(|invoice| !plan.held.contains(invoice));
        for invoice in suspects {
            let lines = plan.invoices.get(&invoice).map_or(0, |invoice| invoice.rows);
            plan.summary.held_rows += lines;
            plan.summary.rows -= lines;
            plan.held.insert(invoice);
        }
        let held = &plan.held;
        plan.invoices.retain(|invoice, _| !held.contains(invoice));
        plan.summary.invoices = plan.invoices.len() as u64;
        plan.summary.products = plan.products.len() as u64;
        plan.places = HashMap::new();
        Ok(plan)
    }

    /// Takes rows up to the next bad one.
    fn take(&mut self, rows: &mut Rows, options: &ImportOptions) -> Result<Option<(Place, Unfit)>, ImportError> {
        while let Some((place, row)) = rows.next()? {
            let taken = row.map_err(Unfit::Bad).and_then(|row| self.add(&row, place));
            if let Err(unfit) = taken {
                return Ok(Some((place, unfit)));
            }
            self.within(rows, options)?;
        }
        Ok(None)
    }

    fn within(&self, rows: &Rows, options: &ImportOptions) -> Result<(), ImportError> {
        let (most, summary) = (options.limits.rows, &self.summary);
        let read = summary.rows + summary.bad_rows + summary.held_rows;
        ensure!(read <= most, TooLargeSnafu { path: rows.path(), what: format!("more than {most} rows") });
        Ok(())
    }

    fn add(&mut self, row: &Row<'_>, place: Place) -> Result<(), Unfit> {
        let client = row.client.as_ref().map(|client| CLIENTS.hash_one(client.as_str()));
        match self.invoices.get_mut(row.invoice.as_str()) {
            Some(invoice) => invoice.take(row, place, client)?,
            None => {
                let invoice = Invoice::new(row, place, client)?;
                self.invoices.insert(row.invoice.as_str().to_owned(), invoice);
            }
        }
        if self.held.contains(row.invoice.as_str()) {
            self.summary.held_rows += 1;
            return Ok(());
        }
        self.summary.rows += 1;
        if let Some(client) = row.client.as_ref().filter(|client| !self.clients.contains(client.as_str())) {
            self.clients.insert(client.as_str().to_owned());
        }
        let place = self.places.get(row.product.as_str()).copied().unwrap_or_else(|| {
            let id = id(row.product.as_str().to_owned());
            self.places.insert(id.as_str().to_owned(), self.products.len());
            self.products.push(Product { id, name: None, price: None, net: 0, last: row.at, sold: None });
            self.products.len() - 1
        });
        let product = &mut self.products[place];
        if !row.description.is_empty() && product.name.as_deref() != Some(row.description) {
            product.name = Some(row.description.to_owned());
        }
        if row.price > Money::ZERO {
            product.price = Some(row.price);
        }
        product.net += i128::from(row.quantity);
        product.last = row.at;
        if row.quantity > 0 {
            product.sold = Some(row.at);
        }
        Ok(())
    }
}
