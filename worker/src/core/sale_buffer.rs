//! From sales to the changes of their products, clients and days.
//!
//! Changes are many and lie anywhere in memory; finding one is waiting for it. So what sales say of products and clients is
//! gathered for some of them, all changes are found, and all are added to: what is waited for, is waited for at once.

use std::{collections::HashSet, hint::black_box};

use stockstream_model::{
    Day, Money, Timestamp,
    documents::{DayTotals, FoldRules},
    event::{Item, Sale},
    sum,
};
use stockstream_store::{
    Changes,
    batch::{FastMap, Key},
};

/// How many are gathered: enough that waiting overlaps, and few enough to stay in the nearest cache.
const MANY: usize = 64;

/// What sales say that is not yet added to the changes.
#[derive(Debug)]
pub(super) struct SaleBuffer {
    rules: FoldRules,
    sold: Vec<Sold>,
    bought: Vec<Bought>,
    places: Vec<usize>,
}

/// Of a product, by one line.
#[derive(Debug)]
struct Sold {
    product: Key,
    /// When, if the line is a sale.
    sold_at: Option<Timestamp>,
    day: Day,
    totals: DayTotals,
    cost: Option<Money>,
}

/// By a client, with one event.
#[derive(Debug)]
struct Bought {
    client: Key,
    /// When, if the event is an invoice.
    bought_at: Option<Timestamp>,
    amount: Money,
}

impl SaleBuffer {
    pub fn new(rules: FoldRules) -> Self {
        Self { rules, sold: Vec::new(), bought: Vec::new(), places: Vec::new() }
    }

    /// Takes in a sale. Returns its time.
    pub fn take_in(&mut self, changes: &mut Changes, sale: &Sale<'_>) -> Timestamp {
        let (at, day) = (sale.timestamp, sale.timestamp.day());
        let amount = sale.amount();
        let (mut units, rules) = (0_i64, self.rules);
        let is_first = first_lines(&sale.items, rules);
        let is_invoice = sale.items.iter().any(|item| rules.is_sale(item.quantity));
        for (index, item) in sale.items.iter().enumerate() {
            units = units.saturating_add(item.quantity);
            let times = |price: Option<Money>| price.and_then(|price| price.checked_mul_int(item.quantity));
            let revenue = times(item.unit_price);
            let totals = DayTotals {
                invoices: i64::from(is_first(index)),
                units: item.quantity,
                revenue: revenue.unwrap_or_default(),
                unpriced: if revenue.is_some() { 0 } else { item.quantity },
            };
            self.sold.push(Sold {
                product: Key::from(item.product_id.as_str()),
                sold_at: rules.is_sale(item.quantity).then_some(at),
                day,
                totals,
                cost: times(item.unit_cost),
            });
        }
        let daily = DayTotals { invoices: is_invoice.into(), units, revenue: amount, unpriced: 0 };
        changes.daily.entry(day).or_default().totals.add(&daily);
        if let Some(client) = &sale.client_id {
            let (client, bought_at) = (Key::from(client.as_str()), is_invoice.then_some(at));
            self.bought.push(Bought { client, bought_at, amount });
        }
        if self.sold.len() >= MANY {
            self.settle(changes);
        }
        at
    }

    /// Adds all that was taken in.
    pub fn settle(&mut self, changes: &mut Changes) {
        let Self { sold, bought, places, .. } = self;
        places.extend(sold.iter().map(|sold| place(&mut changes.products, &sold.product)));
        // A change is longer than what was read of it to find it. In a loop that does nothing else most of the rest is on its way
        // at once.
        black_box(places.iter().filter(|place| changes.products[**place].sales.is_some()).count());
        for (Sold { sold_at, day, totals, cost, .. }, place) in sold.drain(..).zip(places.drain(..)) {
            let product = &mut changes.products[place];
            sold_at.into_iter().for_each(|at| product.sold_at(at));
            product.day(day).add(&totals);
            match cost {
                Some(cost) => product.cost = product.cost.summed(cost),
                None => product.uncosted = sum::add(product.uncosted, totals.units),
            }
        }
        places.extend(bought.iter().map(|bought| place(&mut changes.clients, &bought.client)));
        for (Bought { bought_at, amount, .. }, place) in bought.drain(..).zip(places.drain(..)) {
            match bought_at {
                Some(at) => changes.clients[place].bought(amount, at),
                None => changes.clients[place].returned(amount),
            }
        }
    }
}

/// Where the change of a key is.
fn place<T: Default>(changes: &mut FastMap<Key, T>, key: &Key) -> usize {
    changes.get_index_of(key).unwrap_or_else(|| changes.insert_full(key.clone(), T::default()).0)
}

/// For each line whether it is the invoice's first that sells its product: an invoice counts once per product.
fn first_lines<'a>(items: &'a [Item<'_>], rules: FoldRules) -> impl Fn(usize) -> bool + 'a {
    const FEW: usize = 16;
    let is_sale = move |item: &Item<'_>| rules.is_sale(item.quantity);
    let firsts: Option<Vec<bool>> = (items.len() > FEW).then(|| {
        let mut seen = HashSet::with_capacity(items.len());
        items.iter().map(|item| is_sale(item) && seen.insert(item.product_id.as_str())).collect()
    });
    move |index| match &firsts {
        Some(firsts) => firsts[index],
        None => {
            let again = |before: &Item<'_>| before.product_id == items[index].product_id && is_sale(before);
            is_sale(&items[index]) && !items[..index].iter().any(again)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::event::decode_sale;

    fn sale(number: usize) -> String {
        let (a, b) = (number % 7, number % 5);
        format!(
            r#"{{"invoice_id":{number},"client_id":"c{a}","timestamp":"2026-01-0{day}","items":[
                {{"product_id":"p{a}","quantity":2,"unit_price":"1.50","unit_cost":1}},{{"product_id":"p{b}","quantity":-1,"unit_price":2}}]}}"#,
            day = 1 + number % 3
        )
    }

    #[test]
    fn what_waits_is_added_once_and_whole_however_many_it_is() {
        for many in [0, 1, MANY / 2, MANY / 2 + 1, 10 * MANY + 1] {
            let (mut changes, mut lines) = (Changes::default(), SaleBuffer::new(FoldRules::default()));
            for number in 0..many {
                lines.take_in(&mut changes, &decode_sale(sale(number).as_bytes()).unwrap());
            }
            lines.settle(&mut changes);
            lines.settle(&mut changes);
            let sold = |product: usize| changes.products.get(format!("p{product}").as_str()).map(|p| p.sold().units);
            for product in 0..7 {
                let of = |part: usize| (0..many).filter(|number| number % part == product).count() as i64;
                let any = (0..many).any(|number| number % 7 == product || number % 5 == product);
                assert_eq!(sold(product), any.then(|| 2 * of(7) - of(5)), "p{product} of {many}");
            }
            let bought = changes.clients.values().map(|client| (client.invoices, client.revenue.units()));
            let all = bought.fold((0, 0), |(n, sum), (invoices, revenue)| (n + invoices, sum + revenue));
            assert_eq!(all, (many as i64, many as i64 * 10_000));
        }
    }
}
