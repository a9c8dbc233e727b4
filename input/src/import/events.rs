//! The second pass: the events.

use std::{collections::HashMap, sync::Arc};

use snafu::ensure;
use stockstream_model::event::{Item, Sale};

use super::{DeriveInventory, ImportError, error::ChangedSnafu, inventory, plan::Plan, row::Row, rows::Rows};
use crate::outbound::{OutboundEvent, id};

/// The events of a file: inventory records in the order in which the products appear, then each sale as soon as its last
/// line was read. A sale has the time of its first line and the first client that its lines name.
///
/// An error is the last item; what was yielded before it stands.
pub struct Events {
    rows: Rows,
    plan: Arc<Plan>,
    derive: Option<DeriveInventory>,
    products: usize,
    /// Invoices of which lines are yet to come.
    open: HashMap<String, Sale<'static>>,
    sales: u64,
    over: bool,
}

impl Events {
    pub(super) fn new(rows: Rows, derive: Option<DeriveInventory>, plan: Arc<Plan>) -> Self {
        Self { rows, plan, derive, products: 0, open: HashMap::new(), sales: 0, over: false }
    }

    fn next_record(&mut self) -> Option<OutboundEvent> {
        let record = inventory::record(self.plan.products.get(self.products)?, self.derive?);
        self.products += 1;
        Some(OutboundEvent::inventory(&record))
    }

    fn next_sale(&mut self) -> Result<Option<OutboundEvent>, ImportError> {
        while let Some((_, row)) = self.rows.next()? {
            let Ok(row) = row else { continue };
            if self.plan.held.contains(row.invoice.as_str()) {
                continue;
            }
            let lines = self.plan.invoices.get(row.invoice.as_str()).map_or(0, |invoice| invoice.rows);
            let sale = add(&mut self.open, &row);
            if sale.items.len() as u64 == lines {
                let sent = self.open.remove(row.invoice.as_str()).map(|sale| OutboundEvent::sale(&sale));
                self.sales += 1;
                return Ok(sent);
            }
        }
        let whole = self.open.is_empty() && self.sales == self.plan.summary.invoices;
        ensure!(whole, ChangedSnafu { path: self.rows.path() });
        Ok(None)
    }
}

impl Iterator for Events {
    type Item = Result<OutboundEvent, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        if let Some(record) = self.next_record() {
            return Some(Ok(record));
        }
        let sale = self.next_sale();
        self.over = !matches!(sale, Ok(Some(_)));
        sale.transpose()
    }
}

fn add<'a>(open: &'a mut HashMap<String, Sale<'static>>, row: &Row<'_>) -> &'a Sale<'static> {
    let sale = open.entry(row.invoice.as_str().to_owned()).or_insert_with_key(|invoice| Sale {
        invoice_id: id(invoice.clone()),
        client_id: None,
        timestamp: row.at,
        total_amount: None,
        items: Vec::new(),
    });
    if sale.client_id.is_none() {
        sale.client_id = row.client.as_ref().map(|client| id(client.as_str().to_owned()));
    }
    sale.items.push(Item {
        product_id: id(row.product.as_str().to_owned()),
        quantity: row.quantity,
        unit_price: Some(row.price),
        unit_cost: None,
    });
    sale
}
