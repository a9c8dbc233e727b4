//! What is produced: the real data set's invoices, a made-up shop's events, and what a fault puts in between.

use std::path::PathBuf;

use stockstream_input::{DeriveInventory, Generator, GeneratorOptions, Import, ImportOptions, Outgoing};
use stockstream_model::{Timestamp, event::Stream};

use crate::harness::Dice;

/// The made-up shop's time goes on by so much with each of its events.
const PACE_MS: i64 = 60_000;

/// An event before it is produced.
#[derive(Clone)]
pub struct Item {
    pub stream: Stream,
    pub payload: Vec<u8>,
    /// Whether it was made to be refused.
    pub refused: bool,
}

/// An endless stream of events, the same for the same seed and file.
pub struct Feed {
    shop: Generator,
    now: Timestamp,
    dice: Dice,
    file: Option<PathBuf>,
    real: Box<dyn Iterator<Item = Outgoing> + Send>,
}

impl Feed {
    pub fn new(seed: u64, file: Option<PathBuf>, (products, clients): (u32, u32)) -> Self {
        let now: Timestamp = "2011-07-01T09:00:00Z".parse().unwrap(); // within the data set's own time
        let shop = Generator::new(GeneratorOptions { products, clients, ..GeneratorOptions::new(seed, now) });
        let real = events(file.as_ref(), Some(DeriveInventory::default()));
        Self { shop, now, dice: Dice::new(seed), file, real }
    }

    pub fn next(&mut self) -> Item {
        let event = if self.file.is_some() && self.dice.between(0, 2) == 0 {
            self.next_real()
        } else {
            self.now = Timestamp::from_millis(self.now.millis() + PACE_MS);
            self.shop.next(self.now)
        };
        Item { stream: event.stream, payload: event.payload, refused: false }
    }

    /// After its last invoice the file begins again: what is produced twice counts twice.
    fn next_real(&mut self) -> Outgoing {
        self.real.next().unwrap_or_else(|| {
            self.real = events(self.file.as_ref(), None);
            self.real.next().expect("the data set has invoices")
        })
    }
}

fn events(
    file: Option<&PathBuf>,
    derive_inventory: Option<DeriveInventory>,
) -> Box<dyn Iterator<Item = Outgoing> + Send> {
    let Some(file) = file else { return Box::new(std::iter::empty()) };
    let import = Import::open(file, ImportOptions { derive_inventory, ..ImportOptions::default() }).unwrap();
    Box::new(import.events().unwrap().map(Result::unwrap))
}
