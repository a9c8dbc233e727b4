//! A product and what is in stock of it.

use stockstream_model::{
    Day, Timestamp,
    event::{Id, InventoryRecord},
};

use super::{
    batch::{Batch, number_of},
    catalogue::{CATEGORIES, Category, VARIANTS},
};
use crate::{
    generate::{clients::hundredths, rng::SeededRng},
    outbound::id,
};

const MS_PER_DAY: i64 = 86_400_000;

/// A product of the shop. Prices are in hundredths.
pub(super) struct Product {
    id: Id<'static>,
    name: String,
    pub(super) category: &'static Category,
    usual_price: u32,
    pub(super) price: u32,
    pub(super) cost: u32,
    /// In percent.
    least_margin: u32,
    /// How many the shop likes to have.
    pub(super) target: u32,
    /// Nobody has bought it for long.
    pub(super) dormant: bool,
    /// It is on the list of what to order.
    pub(super) listed: bool,
    pub(super) batches: Vec<Batch>,
}

impl Product {
    /// The product at `place`; `rank` 0 is the one liked best.
    pub(super) fn new(place: usize, rank: usize, start: Timestamp, rng: &mut SeededRng) -> Self {
        let category = &CATEGORIES[place % CATEGORIES.len()];
        let number = place / CATEGORIES.len();
        let (good, usual_price) = category.goods[number % category.goods.len()];
        let usual_price = near(usual_price, rng);
        let margin = rng.between(category.margin.0, category.margin.1);
        let mut product = Self {
            id: id(format!("{}-{:03}", category.code, number + 1)),
            name: good.to_owned() + &variant(number / category.goods.len()),
            category,
            usual_price,
            price: usual_price,
            cost: (usual_price * (100 - margin) / 100).max(1),
            least_margin: category.margin.0 - 5,
            target: 60 + 3_000 / (rank as u32 + 4),
            dormant: category.keeps.is_none() && rank > 0 && rng.percent(12),
            listed: false,
            batches: Vec::new(),
        };
        product.stock(start, rng);
        product
    }

    /// What is on the shelf when the shop opens.
    fn stock(&mut self, start: Timestamp, rng: &mut SeededRng) {
        let Some((least, most)) = self.category.keeps else {
            let idle = if self.dormant { rng.between(35, 240) } else { rng.below(20) };
            let created = back(start, rng.between(250, 700));
            let quantity = if self.dormant { rng.between(8, 60) } else { self.target * rng.between(50, 110) / 100 };
            return self.batches.push(Batch::new(None, None, quantity, created, back(start, idle)));
        };
        let count = rng.between(1, 3);
        for _ in 0..count {
            let keeps = rng.between(least, most);
            let left = match rng.below(100) {
                0..3 => -i64::from(rng.between(1, 5)),
                3..8 => i64::from(rng.between(1, 6)),
                _ => i64::from(keeps - rng.below(keeps * 6 / 10)),
            };
            let age = (i64::from(keeps) - left) as u32;
            let created = back(start, age);
            let number = number_of(created);
            if self.batches.iter().any(|batch| batch.number.as_ref() == Some(&number)) {
                continue;
            }
            let expires = Day::from_number(start.day().number() + left as i32);
            let quantity = (self.target * rng.between(50, 110) / 100 / count).max(1);
            let moved = back(start, rng.below(age.min(20)));
            self.batches.push(Batch::new(Some(number), Some(expires), quantity, created, moved));
        }
    }

    pub(super) fn id(&self) -> Id<'_> {
        id(self.id.as_str())
    }

    /// How many can be sold.
    pub(super) fn available(&self, today: Day) -> u32 {
        self.batches.iter().filter(|batch| !batch.expired(today)).map(|batch| batch.quantity).sum()
    }

    /// What expires first is sold first; nothing happens where there is none.
    pub(super) fn take(&mut self, mut count: u32, now: Timestamp) {
        let today = now.day();
        while count > 0 {
            let sellable = self.batches.iter_mut().filter(|batch| batch.quantity > 0 && !batch.expired(today));
            let Some(batch) = sellable.min_by_key(|batch| batch.expires) else { return };
            let taken = count.min(batch.quantity);
            (batch.quantity, batch.moved) = (batch.quantity - taken, now);
            count -= taken;
        }
    }

    /// Puts goods on the shelf, if they keep: food that comes back is not sold again.
    pub(super) fn shelve(&mut self, count: u32, now: Timestamp) {
        if let Some(batch) = self.batches.iter_mut().find(|batch| batch.number.is_none()) {
            (batch.quantity, batch.moved) = (batch.quantity + count, now);
        }
    }

    /// Another price, not far from the usual one.
    pub(super) fn reprice(&mut self, rng: &mut SeededRng) {
        self.price = near(self.usual_price, rng).max(self.cost + 1);
    }

    /// The record of a batch, which counts as reported from here on; `None` where there is no such batch.
    pub(super) fn report(&mut self, batch: usize, at: Timestamp) -> Option<InventoryRecord<'_>> {
        let reported = self.batches.get_mut(batch)?;
        reported.reported = reported.quantity;
        self.record(batch, at)
    }

    /// The record of a batch.
    pub(super) fn record(&self, batch: usize, at: Timestamp) -> Option<InventoryRecord<'_>> {
        let batch = self.batches.get(batch)?;
        Some(InventoryRecord {
            product_id: self.id(),
            name: Some(self.name.as_str().into()),
            category: Some(self.category.name.into()),
            buy_price: Some(hundredths(self.cost)),
            sell_price: Some(hundredths(self.price)),
            min_margin_threshold: Some(hundredths(self.least_margin * 100)),
            quantity: batch.quantity.into(),
            last_movement: Some(batch.moved),
            expiry_date: batch.expires.map(Day::start),
            batch_no: batch.number.as_deref().map(id),
            created_at: Some(batch.created),
            updated_at: Some(at),
        })
    }
}

fn variant(round: usize) -> String {
    let Some(round) = round.checked_sub(1) else { return String::new() };
    let name = VARIANTS[round % VARIANTS.len()];
    match round / VARIANTS.len() {
        0 => format!(" ({name})"),
        more => format!(" ({name}, No. {})", more + 1),
    }
}

fn back(from: Timestamp, days: u32) -> Timestamp {
    from.plus_millis(-i64::from(days) * MS_PER_DAY)
}

/// A price within 8 % that looks like one: it ends in 5 or 9.
fn near(price: u32, rng: &mut SeededRng) -> u32 {
    price * rng.between(92, 108) / 100 / 10 * 10 + if rng.percent(50) { 5 } else { 9 }
}
