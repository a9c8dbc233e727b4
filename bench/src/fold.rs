use std::time::{Duration, Instant};

use clap::Args;
use rand::{SeedableRng, rngs::StdRng};
use stockstream_model::{
    Timestamp,
    documents::{FoldRules, PartitionId},
    event::EventKind,
    settings::Sales,
};
use stockstream_protocol::positions::Counters;
use stockstream_store::Changes;
use stockstream_worker::core::fold::{Folder, Record};

use crate::{Result, backlog::Shop};

/// From the bytes of sales to changes in memory: what a worker's folding threads do.
#[derive(Args)]
pub(crate) struct Fold {
    /// How many sales
    #[arg(long, default_value_t = 500_000)]
    sales: u64,
    #[command(flatten)]
    shop: Shop,
    /// How many partitions they come from
    #[arg(long, default_value_t = 6)]
    partitions: usize,
    /// How many of a partition come one behind the other
    #[arg(long, default_value_t = 150)]
    run: usize,
    /// How often; the fastest round is told
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

impl Fold {
    pub fn run(&self) -> Result<()> {
        let mut random = StdRng::seed_from_u64(1);
        let from = Timestamp::now();
        let sold = |n: u64| self.shop.sale(&mut random, n, from.plus_millis(n as i64 / 100)).into_bytes();
        let sales: Vec<Vec<u8>> = (0..self.sales).map(sold).collect();
        let bytes: usize = sales.iter().map(Vec::len).sum();
        let tolerance = Sales::default().future_tolerance;
        let mut fastest = Duration::MAX;
        for _ in 0..self.rounds {
            let (mut changes, mut counters) = <(Changes, Counters)>::default();
            let began = Instant::now();
            for (run, sales) in sales.chunks(self.run).enumerate() {
                let id = PartitionId { stream: EventKind::Sales, partition: (run % self.partitions) as i32 };
                let mut folder = Folder::new(&mut changes, FoldRules::checking(tolerance));
                for (offset, payload) in sales.iter().enumerate() {
                    let (offset, produced_at) = (offset as i64, Some(from));
                    let record = Record { id, incarnation: 0, topic: "sales", offset, produced_at, payload };
                    folder.fold(&record, &mut counters, from);
                }
                folder.finish();
            }
            fastest = fastest.min(began.elapsed());
            assert_eq!(counters.rejected, 0, "the bench's own sales are good");
        }
        let (count, seconds) = (self.sales as f64, fastest.as_secs_f64());
        println!(
            "fold: {:.0} ns for a sale of {:.0} bytes, {:.0} events/s, {:.0} MB/s",
            seconds / count * 1e9,
            bytes as f64 / count,
            count / seconds,
            bytes as f64 / seconds / 1e6
        );
        Ok(())
    }
}
