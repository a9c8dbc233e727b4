//! The shelves, and what is told of them.

use std::collections::VecDeque;

use stockstream_model::{Day, Timestamp};

use super::{
    batch::{Batch, number_of},
    product::Product,
};
use crate::{
    OutboundEvent,
    generate::rng::{SeededRng, WeightedSampler},
};

/// How many batches of a product are kept apart before the one that expires first is cleared.
const MAX_BATCHES: usize = 4;

/// All products.
pub(super) struct Shop {
    pub(super) products: Vec<Product>,
    pub(super) favourites: WeightedSampler,
    /// What runs out, the first first.
    to_order: VecDeque<usize>,
    /// The product and batch whose first record is next.
    opening: (usize, usize),
}

impl Shop {
    pub(super) fn new(count: u32, start: Timestamp, rng: &mut SeededRng) -> Self {
        let mut ranking: Vec<_> = (0..count).collect();
        rng.shuffle(&mut ranking);
        let mut ranks = vec![0; ranking.len()];
        for (rank, place) in ranking.iter().enumerate() {
            ranks[*place as usize] = rank;
        }
        let ranked = ranks.into_iter().enumerate();
        let products: Vec<_> = ranked.map(|(place, rank)| Product::new(place, rank, start, rng)).collect();
        ranking.retain(|place| !products[*place as usize].dormant);
        Self { products, favourites: WeightedSampler::new(ranking, 3), to_order: VecDeque::new(), opening: (0, 0) }
    }

    /// How many records the shop opens with.
    pub(super) fn opening_records(&self) -> u64 {
        self.products.iter().map(|product| product.batches.len() as u64).sum()
    }

    pub(super) fn next_opening_record(&mut self, start: Timestamp) -> Option<OutboundEvent> {
        loop {
            let (product, batch) = self.opening;
            if let Some(record) = self.products.get_mut(product)?.report(batch, start) {
                self.opening.1 += 1;
                return Some(OutboundEvent::inventory(&record));
            }
            self.opening = (product + 1, 0);
        }
    }

    /// A product that people buy.
    pub(super) fn favourite(&self, rng: &mut SeededRng) -> usize {
        self.favourites.choose(rng).unwrap_or(0)
    }

    /// Takes what was sold off the shelf, and notes what runs out.
    pub(super) fn take(&mut self, place: usize, count: u32, now: Timestamp) {
        let product = &mut self.products[place];
        product.take(count, now);
        if !product.listed && product.available(now.day()) <= product.target / 4 {
            product.listed = true;
            self.to_order.push_back(place);
        }
    }

    /// A delivery, goods thrown away, another price, or what a count of a shelf found.
    pub(super) fn next_record(&mut self, now: Timestamp, rng: &mut SeededRng) -> Option<OutboundEvent> {
        let choice = rng.below(100);
        let (place, batch) = match (choice, self.to_order.pop_front()) {
            (0..60, Some(place)) => (place, self.deliver(place, now, rng)),
            (_, order) => {
                order.into_iter().for_each(|place| self.to_order.push_front(place));
                let any = rng.below(self.products.len() as u32) as usize;
                match (choice, self.expired(any, now.day())) {
                    (60..62, Some(batch)) => (any, self.clear(any, batch, now)),
                    (60..72, _) => {
                        self.products[any].reprice(rng);
                        (any, self.uncounted(any))
                    }
                    _ => {
                        let place = self.favourite(rng);
                        (place, self.uncounted(place))
                    }
                }
            }
        };
        self.products.get_mut(place)?.report(batch, now).map(|record| OutboundEvent::inventory(&record))
    }

    /// Puts goods on the shelf, or clears one that is needed for them. Says which batch that is.
    fn deliver(&mut self, place: usize, now: Timestamp, rng: &mut SeededRng) -> usize {
        let product = &mut self.products[place];
        let count = (product.target * rng.between(60, 100) / 100).max(1);
        let Some((least, most)) = product.category.keeps else {
            product.listed = false;
            product.shelve(count, now);
            return 0;
        };
        // What was sold out is forgotten only after a record said so: nobody else would correct the last one.
        product.batches.retain(|batch| batch.quantity > 0 || batch.reported > 0);
        let short_dated = rng.percent(8);
        let keeps = if short_dated { rng.between(2, 6) } else { rng.between(least, most) };
        let number = number_of(now) + if short_dated { "S" } else { "" };
        let same = product.batches.iter().position(|batch| batch.number.as_ref() == Some(&number));
        if same.is_none() && product.batches.len() >= MAX_BATCHES {
            let batches = product.batches.iter().enumerate();
            let first = batches.min_by_key(|(_, batch)| (batch.quantity, batch.expires)).map_or(0, |(place, _)| place);
            self.to_order.push_front(place);
            return self.clear(place, first, now);
        }
        product.listed = false;
        let batch = same.unwrap_or(product.batches.len());
        match product.batches.get_mut(batch) {
            Some(batch) => (batch.quantity, batch.moved) = (batch.quantity + count, now),
            None => {
                let expires = Day::from_number(now.day().number() + keeps as i32);
                product.batches.push(Batch::new(Some(number), Some(expires), count, now, now));
            }
        }
        batch
    }

    fn clear(&mut self, place: usize, batch: usize, now: Timestamp) -> usize {
        if let Some(batch) = self.products[place].batches.get_mut(batch) {
            (batch.quantity, batch.moved) = (0, now);
        }
        batch
    }

    fn expired(&self, place: usize, today: Day) -> Option<usize> {
        self.products[place].batches.iter().position(|batch| batch.quantity > 0 && batch.expired(today))
    }

    /// The batch whose last record is the most out of date.
    fn uncounted(&self, place: usize) -> usize {
        let batches = self.products[place].batches.iter().enumerate();
        batches.max_by_key(|(_, batch)| batch.quantity.abs_diff(batch.reported)).map_or(0, |(place, _)| place)
    }
}
