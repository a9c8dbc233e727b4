//! What a batch of events changes, one value per key: sums, extremes and latest records, so that changes of the same
//! key combine in any order. Applying them to state is a pure function; the store on MongoDB does the same in updates.

use smallvec::SmallVec;

use super::state::{ClientRecordFields, ClientState, DayTotals, InventoryState, ProductRecord, ProductState, Version};
use crate::{Day, Money, Timestamp, sum};

/// What a batch changes of a product.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProductChange {
    /// Cost of lines with a cost.
    pub cost: Money,
    /// Units of lines without a cost.
    pub uncosted: i64,
    /// First and last sale; a return is none.
    pub sales: Option<(Timestamp, Timestamp)>,
    /// Sales and returns by day, no day twice.
    pub days: SmallVec<[(Day, DayTotals); 1]>,
    /// What inventory events say; on the heap, since few changes have any.
    pub stock: Option<Box<StockChange>>,
}

/// What the inventory events of a batch change of a product.
#[derive(Clone, Debug, PartialEq)]
pub struct StockChange {
    /// The latest record's version.
    pub version: Version,
    /// The latest record.
    pub record: ProductRecord,
    /// Sum of the quantities.
    pub sum: i64,
    /// How many events.
    pub count: i64,
}

/// What a batch changes of a client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientChange {
    /// Revenue of the invoices.
    pub revenue: Money,
    /// How many invoices.
    pub invoices: i64,
    /// The latest of them.
    pub last_purchase: Option<Timestamp>,
    /// The latest record; on the heap, since few changes have one.
    pub record: Versioned<ClientRecordFields>,
}

/// What a batch changes of a product's batch in stock: its record, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct InventoryChange {
    /// The record, with its version.
    pub record: InventoryState,
}

/// What a batch changes of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DailyChange {
    /// The day's additions.
    pub totals: DayTotals,
}

/// A record with its version.
type Versioned<T> = Option<Box<(Version, T)>>;

fn later<T>(a: Versioned<T>, b: Versioned<T>) -> Versioned<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 > a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}

impl DayTotals {
    /// Adds another's totals.
    pub fn add(&mut self, other: &Self) {
        self.invoices += other.invoices;
        self.units = sum::add(self.units, other.units);
        self.revenue = self.revenue.summed(other.revenue);
        self.unpriced = sum::add(self.unpriced, other.unpriced);
    }
}

impl DayTotals {
    /// Whether one of them is no sum any more.
    pub fn is_at_limit(&self) -> bool {
        [self.units, self.revenue.units(), self.unpriced].into_iter().any(sum::is_at_limit)
    }
}

impl ProductChange {
    /// Widens the first and last sale by one at that time.
    pub fn sold_at(&mut self, at: Timestamp) {
        self.sales = Some(self.sales.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }

    /// The totals of a day, to add to.
    pub fn day(&mut self, day: Day) -> &mut DayTotals {
        let index = self.days.iter().rposition(|(d, _)| *d == day).unwrap_or_else(|| {
            self.days.push((day, DayTotals::default()));
            self.days.len() - 1
        });
        &mut self.days[index].1
    }

    /// All its sales, returns deducted. Beside those by day they would only take room, and waiting for memory is what folding costs.
    pub fn sold(&self) -> DayTotals {
        let mut all = DayTotals::default();
        self.days.iter().for_each(|(_, totals)| all.add(totals));
        all
    }

    /// Takes in the record of an inventory event.
    pub fn apply_record(&mut self, version: Version, record: ProductRecord, quantity: i64) {
        self.take_stock(StockChange { version, record, sum: quantity, count: 1 });
    }

    fn take_stock(&mut self, other: StockChange) {
        let Some(stock) = &mut self.stock else {
            self.stock = Some(Box::new(other));
            return;
        };
        stock.sum = sum::add(stock.sum, other.sum);
        stock.count += other.count;
        if other.version > stock.version {
            (stock.version, stock.record) = (other.version, other.record);
        }
    }

    /// Takes in another change of the same product.
    pub fn merge(&mut self, other: &Self) {
        self.cost = self.cost.summed(other.cost);
        self.uncosted = sum::add(self.uncosted, other.uncosted);
        if let Some((first, last)) = other.sales {
            self.sold_at(first);
            self.sold_at(last);
        }
        for (day, totals) in &other.days {
            self.day(*day).add(totals);
        }
        if let Some(stock) = &other.stock {
            self.take_stock((**stock).clone());
        }
    }

    /// Applies it to state, days of any age with it.
    pub fn apply(&self, state: &mut ProductState) {
        let DayTotals { units, revenue, unpriced, .. } = self.sold();
        state.units = sum::add(state.units, units);
        state.revenue = state.revenue.summed(revenue);
        state.cost = state.cost.summed(self.cost);
        state.unpriced = sum::add(state.unpriced, unpriced);
        state.uncosted = sum::add(state.uncosted, self.uncosted);
        if let Some((first, last)) = self.sales {
            state.first_sale = Some(state.first_sale.map_or(first, |at| at.min(first)));
            let last = state.last_sale.map_or(last, |at| at.max(last));
            state.last_sale = Some(last);
        }
        for (day, totals) in &self.days {
            state.days.entry(*day).or_default().add(totals);
        }
        let Some(stock) = &self.stock else { return };
        state.stock_sum = sum::add(state.stock_sum, stock.sum);
        state.stock_count += stock.count;
        if state.version.is_none_or(|standing| stock.version > standing) {
            state.version = Some(stock.version);
            state.record = Some(stock.record.clone());
        }
    }
}

impl ClientChange {
    /// Adds an invoice.
    pub fn bought(&mut self, amount: Money, at: Timestamp) {
        self.revenue = self.revenue.summed(amount);
        self.invoices += 1;
        self.last_purchase = self.last_purchase.max(Some(at));
    }

    /// Adds what was brought back, which is no invoice.
    pub fn returned(&mut self, amount: Money) {
        self.revenue = self.revenue.summed(amount);
    }

    /// Takes in a client's record.
    pub fn apply_record(&mut self, version: Version, record: ClientRecordFields) {
        self.record = later(self.record.take(), Some(Box::new((version, record))));
    }

    /// Takes in another change of the same client.
    pub fn merge(&mut self, other: &Self) {
        self.revenue = self.revenue.summed(other.revenue);
        self.invoices += other.invoices;
        self.last_purchase = self.last_purchase.max(other.last_purchase);
        self.record = later(self.record.take(), other.record.clone());
    }

    /// Applies it to state.
    pub fn apply(&self, state: &mut ClientState) {
        state.revenue = state.revenue.summed(self.revenue);
        state.invoices += self.invoices;
        state.last_purchase = state.last_purchase.max(self.last_purchase);
        if let Some((version, record)) = self.record.as_deref()
            && state.version.is_none_or(|standing| *version > standing)
        {
            state.version = Some(*version);
            state.record = record.clone();
        }
    }
}

impl InventoryChange {
    /// Takes in another record of the same product and batch.
    pub fn merge(&mut self, other: &Self) {
        if other.record.version > self.record.version {
            self.record = other.record.clone();
        }
    }

    /// Applies it to what stands, if anything does.
    pub fn apply(&self, standing: Option<&InventoryState>) -> Option<InventoryState> {
        standing.is_none_or(|standing| self.record.version > standing.version).then(|| self.record.clone())
    }
}

impl DailyChange {
    /// Takes in another change of the same day.
    pub fn merge(&mut self, other: &Self) {
        self.totals.add(&other.totals);
    }
}
