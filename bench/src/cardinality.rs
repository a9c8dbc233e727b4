use std::collections::HashSet;

use clap::Args;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::Result;

/// How many different clients a flush changes: what a pipeline's database must write.
#[derive(Args)]
pub(crate) struct KeyCardinality {
    /// Events per second
    #[arg(long, default_value_t = 1_000_000)]
    rate: u64,
    /// How many clients
    #[arg(long, default_value_t = 100_000_000)]
    clients: u64,
    /// Seconds between two flushes
    #[arg(long, value_delimiter = ',', default_value = "1,5,10,60")]
    every: Vec<u64>,
    /// Which share of the clients makes half of the purchases; 0.5 is none more than others
    #[arg(long, default_value_t = 0.5)]
    half: f64,
}

impl KeyCardinality {
    pub fn run(&self) -> Result<()> {
        let few = (self.clients as f64 * self.half) as u64;
        if few == 0 || few >= self.clients {
            return Err("--half is a share of the clients, between 0 and 1".into());
        }
        for seconds in &self.every {
            let mut random = StdRng::seed_from_u64(1);
            let events = self.rate * seconds;
            let mut touched = HashSet::new();
            for _ in 0..events {
                let is_one_of_few: bool = random.random();
                touched.insert(if is_one_of_few {
                    random.random_range(0..few)
                } else {
                    random.random_range(few..self.clients)
                });
            }
            let each = touched.len() as f64 / events as f64;
            println!(
                "a flush every {seconds} s: {} of {} clients change, {each:.2} for an event, {:.0} updates/s",
                touched.len(),
                self.clients,
                touched.len() as f64 / *seconds as f64
            );
        }
        Ok(())
    }
}
