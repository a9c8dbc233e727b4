//! A shop made up from a seed: what it has in stock, who its clients are, and then its days without end.
//!
//! First come the records the shop opens with, then a mix: mostly sales, some of them returns, deliveries and counts of
//! stock, clients who change, and now and then an event that is refused. It is the same bytes for the same seed and times.

mod batch;
mod catalogue;
mod clients;
mod invalid_events;
mod product;
mod rng;
mod sales;
mod shop;
#[cfg(test)]
mod tests;

use stockstream_model::Timestamp;

use self::{sales::SalesGenerator, shop::Shop};
use crate::{
    OutboundEvent,
    generate::{
        clients::Client,
        invalid_events::spoil,
        rng::{SeededRng, WeightedSampler},
    },
};

/// What shop to make up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratorOptions {
    /// Another seed is another shop.
    pub seed: u64,
    /// How many products; none counts as one.
    pub products: u32,
    /// How many clients; without any, all sales are to nobody known.
    pub clients: u32,
    /// When the shop opens: the records it opens with are of this time.
    pub start: Timestamp,
}

impl GeneratorOptions {
    /// 200 products and 1,000 clients.
    pub const fn new(seed: u64, start: Timestamp) -> Self {
        Self { seed, products: 200, clients: 1_000, start }
    }
}

/// The shop. See [`next`](Self::next).
pub struct Generator {
    rng: SeededRng,
    shop: Shop,
    till: SalesGenerator,
    clients: Vec<Client>,
    regulars: WeightedSampler,
    start: Timestamp,
    /// How many of the clients' first records were given out.
    known: usize,
    initial_events: u64,
}

/// What an event is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Opening,
    Sale,
    Return,
    Stock,
    Client,
    Invalid,
}

impl Generator {
    /// Makes up the shop; memory grows with its products and clients.
    pub fn new(options: GeneratorOptions) -> Self {
        let mut rng = SeededRng::new(options.seed);
        let shop = Shop::new(options.products.max(1), options.start, &mut rng);
        let clients = (0..options.clients).map(|_| Client::new(&mut rng)).collect();
        let mut ranking: Vec<_> = (0..options.clients).collect();
        rng.shuffle(&mut ranking);
        let regulars = WeightedSampler::new(ranking, 20);
        let initial_events = shop.opening_records() + u64::from(options.clients);
        Self {
            rng,
            shop,
            till: SalesGenerator::default(),
            clients,
            regulars,
            start: options.start,
            known: 0,
            initial_events,
        }
    }

    /// How many records the shop opens with; after so many calls of [`next`](Self::next) the mix begins.
    pub fn initial_events(&self) -> u64 {
        self.initial_events
    }

    /// The next event, taking place at `now`. The records the shop opens with are of its start instead.
    ///
    /// `now` should not be before the start: records would count as older than those the shop opened with.
    pub fn next(&mut self, now: Timestamp) -> OutboundEvent {
        self.step(now).1
    }

    fn step(&mut self, now: Timestamp) -> (Kind, OutboundEvent) {
        if let Some(record) = self.shop.next_opening_record(self.start) {
            return (Kind::Opening, record);
        }
        if let Some(client) = self.clients.get(self.known) {
            self.known += 1;
            return (Kind::Opening, OutboundEvent::client(&client.record(self.known - 1, self.start)));
        }
        let client = self.regulars.choose(&mut self.rng);
        match (self.rng.below(1_000), client) {
            (0..5, _) => (Kind::Invalid, self.spoil(client, now)),
            (5..85, _) => match self.shop.next_record(now, &mut self.rng) {
                Some(record) => (Kind::Stock, record),
                None => self.sell(client, now),
            },
            (85..120, Some(client)) => {
                self.clients[client].change(&mut self.rng);
                (Kind::Client, OutboundEvent::client(&self.clients[client].record(client, now)))
            }
            _ => self.sell(client, now),
        }
    }

    fn spoil(&mut self, client: Option<usize>, now: Timestamp) -> OutboundEvent {
        let sale = self.till.draft(&self.shop, client, now, &mut self.rng);
        let stock = self.shop.products[self.shop.favourite(&mut self.rng)].record(0, now);
        let client = client.map(|place| OutboundEvent::client(&self.clients[place].record(place, now)));
        spoil(sale, stock.map(|record| OutboundEvent::inventory(&record)), client, &mut self.rng)
    }

    fn sell(&mut self, client: Option<usize>, now: Timestamp) -> (Kind, OutboundEvent) {
        if self.rng.percent(4)
            && let Some(event) = self.till.take_back(&mut self.shop, now, &mut self.rng)
        {
            return (Kind::Return, event);
        }
        (Kind::Sale, self.till.sell(&mut self.shop, client, now, &mut self.rng))
    }
}
