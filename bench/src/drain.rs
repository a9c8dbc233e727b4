use std::time::{Duration, Instant};

use clap::Args;
use stockstream_model::{event::EventKind, settings::Settings};
use stockstream_store::{MongoStore, StateStore};

use crate::Result;

/// Waits until workers have applied so many sales.
#[derive(Args)]
pub(crate) struct Drain {
    /// How many sales
    #[arg(long, default_value_t = 2_000_000)]
    sales: i64,
    /// How many were applied before, and do not count
    #[arg(long, default_value_t = 0)]
    before: i64,
}

/// How many sales were applied, and when that was seen.
type Seen = (i64, Instant);

impl Drain {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        let store = MongoStore::connect(settings).await?;
        // All of it counts: a first flush is late where workers start far behind, and what they read before took time.
        let mut seen = vec![(0, Instant::now())];
        let mut applied = 0;
        while applied < self.sales {
            let checkpoints = store.checkpoints().await?;
            let sales = checkpoints.iter().filter(|checkpoint| checkpoint.id.stream == EventKind::Sales);
            let now = sales.map(|checkpoint| checkpoint.events).sum::<i64>() - self.before;
            if now > applied {
                applied = now;
                seen.push((applied, Instant::now()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tell("from its start on", &seen);
        let half = |step: &usize| (seen[*step].0 - self.sales / 2).abs();
        let half = (0..seen.len() - 1).min_by_key(half).unwrap_or_default();
        tell(&format!("its second half, from {} on", seen[half].0), &seen[half..]);
        Ok(())
    }
}

/// The rate since then, and how long nothing was to be seen.
fn tell(what: &str, seen: &[Seen]) {
    let (Some(from), Some((applied, at))) = (seen.first(), seen.last()) else { return };
    let seconds = at.duration_since(from.1).as_secs_f64();
    let times = seen.iter().map(|(_, at)| *at);
    let gaps = times.clone().zip(times.skip(1)).map(|(one, next)| next - one);
    let (count, longest) = gaps.fold((0, Duration::ZERO), |(n, longest), gap| (n + 1, longest.max(gap)));
    println!(
        "worker, {what}: {} sales in {seconds:.1} s, {:.0} events/s, {count} steps, the longest after {:.1} s",
        applied - from.0,
        (applied - from.0) as f64 / seconds,
        longest.as_secs_f64()
    );
}
