//! What people buy and bring back.

use std::collections::VecDeque;

use stockstream_model::{
    Timestamp,
    event::{Item, Sale},
};

use super::shop::Shop;
use crate::{
    generate::{
        clients::{client_id, hundredths},
        rng::SeededRng,
    },
    outbound::{OutboundEvent, id},
};

/// How many of the latest sales may still be brought back.
const REMEMBERED: usize = 256;

/// The till: it numbers the invoices and remembers the latest.
#[derive(Default)]
pub(super) struct SalesGenerator {
    invoices: u64,
    latest: VecDeque<Bought>,
}

struct Bought {
    client: Option<usize>,
    lines: Vec<Line>,
}

/// A line of an invoice; price and cost in hundredths.
#[derive(Clone, Copy)]
struct Line {
    product: usize,
    count: u32,
    price: u32,
    cost: u32,
}

impl SalesGenerator {
    /// A sale; the goods leave the shelf.
    pub(super) fn sell(
        &mut self,
        shop: &mut Shop,
        client: Option<usize>,
        now: Timestamp,
        rng: &mut SeededRng,
    ) -> OutboundEvent {
        let client = client.filter(|_| rng.percent(82));
        let lines = fill_basket(shop, rng);
        let mut sale = self.invoice("INV", shop, client, &lines, 1, now);
        if rng.percent(15) {
            let discount = if client.is_some() { [0, 0, 5, 10][rng.below(4) as usize] } else { 0 };
            let sum: u32 = lines.iter().map(|line| line.price * line.count).sum();
            sale.total_amount = Some(hundredths(sum - sum * discount / 100));
        }
        if rng.percent(10) {
            for (item, line) in sale.items.iter_mut().zip(&lines) {
                item.unit_cost = Some(hundredths(line.cost));
            }
        }
        let event = OutboundEvent::sale(&sale);
        for line in &lines {
            shop.take(line.product, line.count, now);
        }
        self.latest.push_back(Bought { client, lines });
        if self.latest.len() > REMEMBERED {
            self.latest.pop_front();
        }
        event
    }

    /// Some of what was bought lately, with negative quantities; `None` where nothing was.
    pub(super) fn take_back(&mut self, shop: &mut Shop, now: Timestamp, rng: &mut SeededRng) -> Option<OutboundEvent> {
        let bought = self.latest.remove(rng.below(self.latest.len() as u32) as usize)?;
        let mut lines = bought.lines;
        rng.shuffle(&mut lines);
        lines.truncate(rng.between(1, lines.len() as u32) as usize);
        for line in &mut lines {
            line.count = rng.between(1, line.count);
        }
        let event = OutboundEvent::sale(&self.invoice("RET", shop, bought.client, &lines, -1, now));
        for line in &lines {
            shop.products[line.product].shelve(line.count, now);
        }
        Some(event)
    }

    /// A sale that is written and never happens.
    pub(super) fn draft<'a>(
        &mut self,
        shop: &'a Shop,
        client: Option<usize>,
        now: Timestamp,
        rng: &mut SeededRng,
    ) -> Sale<'a> {
        self.invoice("INV", shop, client, &fill_basket(shop, rng), 1, now)
    }

    fn invoice<'a>(
        &mut self,
        kind: &str,
        shop: &'a Shop,
        client: Option<usize>,
        lines: &[Line],
        sign: i64,
        now: Timestamp,
    ) -> Sale<'a> {
        self.invoices += 1;
        let item = |line: &Line| Item {
            product_id: shop.products[line.product].id(),
            quantity: sign * i64::from(line.count),
            unit_price: Some(hundredths(line.price)),
            unit_cost: None,
        };
        Sale {
            invoice_id: id(format!("{kind}-{:07}", self.invoices)),
            client_id: client.map(client_id),
            timestamp: now,
            total_amount: None,
            items: lines.iter().map(item).collect(),
        }
    }
}

/// One to six different products, many of what is cheap.
fn fill_basket(shop: &Shop, rng: &mut SeededRng) -> Vec<Line> {
    let wanted = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6][rng.below(20) as usize];
    let mut lines: Vec<Line> = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        let place = shop.favourite(rng);
        if lines.iter().any(|line| line.product == place) {
            continue;
        }
        let product = &shop.products[place];
        let most = match product.price {
            0..400 => 4,
            400..1_000 => 2,
            _ => 1,
        };
        let count = if rng.percent(2) { rng.between(6, 24) } else { rng.between(1, most) };
        lines.push(Line { product: place, count, price: product.price, cost: product.cost });
    }
    lines
}
