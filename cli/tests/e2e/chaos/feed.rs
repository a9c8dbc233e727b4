//! What is produced: the real data set's invoices, a made-up shop's events, and what a fault puts in between.

use std::path::PathBuf;

use stockstream_input::{DeriveInventory, Generator, GeneratorOptions, Import, ImportOptions, OutboundEvent};
use stockstream_model::{Timestamp, event::EventKind};

use crate::harness::SeededRng;

/// The made-up shop's time goes on by so much with each of its events: fast enough that days move out of products, and slow enough
/// that a copy comes within the time in which copies are told.
const PACE_MS: i64 = 180_000;

/// An event before it is produced.
#[derive(Clone)]
pub struct Item {
    pub stream: EventKind,
    pub payload: Vec<u8>,
    /// Whether it was made to be refused.
    pub refused: bool,
}

/// An endless stream of events, the same for the same seed and file.
pub struct Feed {
    shop: Generator,
    now: Timestamp,
    rng: SeededRng,
    file: Option<PathBuf>,
    real: Box<dyn Iterator<Item = OutboundEvent> + Send>,
    again: bool,
}

impl Feed {
    /// `again`: the file begins again after its last invoice. What is produced twice counts twice, unless copies are told.
    pub fn new(seed: u64, file: Option<PathBuf>, (products, clients): (u32, u32), again: bool) -> Self {
        let now: Timestamp = "2011-07-01T09:00:00Z".parse().unwrap(); // within the data set's own time
        let shop = Generator::new(GeneratorOptions { products, clients, ..GeneratorOptions::new(seed, now) });
        let real = events(file.as_ref(), Some(DeriveInventory::default()));
        Self { shop, now, rng: SeededRng::new(seed), file, real, again }
    }

    pub fn next(&mut self) -> Item {
        let of_file = self.file.is_some() && self.rng.between(0, 2) == 0;
        let event = of_file.then(|| self.next_real()).flatten().unwrap_or_else(|| {
            self.now = Timestamp::from_millis(self.now.millis() + PACE_MS);
            self.shop.next(self.now)
        });
        Item { stream: event.stream, payload: event.payload, refused: false }
    }

    fn next_real(&mut self) -> Option<OutboundEvent> {
        let event = self.real.next();
        if event.is_some() || !self.again {
            return event;
        }
        self.real = events(self.file.as_ref(), None);
        self.real.next()
    }
}

fn events(
    file: Option<&PathBuf>,
    derive_inventory: Option<DeriveInventory>,
) -> Box<dyn Iterator<Item = OutboundEvent> + Send> {
    let Some(file) = file else { return Box::new(std::iter::empty()) };
    let import = Import::open(file, ImportOptions { derive_inventory, ..ImportOptions::default() }).unwrap();
    Box::new(import.events().unwrap().map(Result::unwrap))
}
