//! The first pass: what the second needs to know beforehand.

use std::collections::HashMap;

use stockstream_model::{Money, Timestamp, event::Id};

use super::{ImportError, row::Row, rows::Rows};
use crate::outgoing::id;

/// How many bad rows a [`Summary`] tells apart; beyond that they are only counted.
pub const MAX_BAD_ROWS: usize = 1_000;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that are a line of an invoice.
    pub rows: u64,
    /// Rows that can be part of no event; they are left out.
    pub bad_rows: u64,
    /// The first [`MAX_BAD_ROWS`] of them.
    pub bad: Vec<BadRow>,
    /// Invoices, and so sales.
    pub invoices: u64,
    /// Products.
    pub products: u64,
}

/// A row that can be part of no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Where it begins; the header is line 1.
    pub line: u64,
    /// Why, for a person.
    pub reason: String,
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
    /// In order of first appearance.
    pub(super) products: Vec<Product>,
}

impl Plan {
    pub(super) fn of(mut rows: Rows) -> Result<Self, ImportError> {
        let mut plan = Self { summary: Summary::default(), lines: HashMap::new(), products: Vec::new() };
        let mut places = HashMap::new();
        while let Some((line, row)) = rows.next()? {
            match row {
                Ok(row) => plan.add(&row, &mut places),
                Err(reason) => plan.leave_out(line, reason),
            }
        }
        plan.summary.invoices = plan.lines.len() as u64;
        plan.summary.products = plan.products.len() as u64;
        Ok(plan)
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

    fn leave_out(&mut self, line: u64, reason: String) {
        self.summary.bad_rows += 1;
        if self.summary.bad.len() < MAX_BAD_ROWS {
            self.summary.bad.push(BadRow { line, reason });
        }
    }
}
