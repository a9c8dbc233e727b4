use std::time::{Duration, Instant};

use clap::Args;
use stockstream_model::{event::Stream, settings::Settings};
use stockstream_store::{MongoStore, StateStore};

use crate::Result;

/// Waits until workers have applied so many sales.
#[derive(Args)]
pub(crate) struct Drain {
    /// How many sales
    #[arg(long, default_value_t = 2_000_000)]
    sales: i64,
}

/// How many sales were applied, and when that was seen.
type Seen = (i64, Instant);

impl Drain {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        let store = MongoStore::connect(settings).await?;
        let (mut began, mut seen) = (None, Vec::<Seen>::new());
        while seen.last().is_none_or(|(applied, _)| *applied < self.sales) {
            let checkpoints = store.checkpoints().await?;
            let sales = checkpoints.iter().filter(|checkpoint| checkpoint.id.stream == Stream::Sales);
            let (applied, claimed) = sales.fold((0, false), |(n, any), c| (n + c.events, any || c.version > 0));
            if claimed {
                began.get_or_insert_with(Instant::now);
            }
            if seen.last().map_or(0, |(applied, _)| *applied) < applied {
                seen.push((applied, Instant::now()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let first = (0, began.unwrap_or_else(Instant::now));
        tell("from its first claim on", first, &seen);
        if let Some(half) =
            seen.iter().position(|(applied, _)| *applied * 2 >= self.sales).filter(|n| n + 1 < seen.len())
        {
            tell("the second half", seen[half], &seen[half + 1..]);
        }
        Ok(())
    }
}

/// The rate since then, and how long nothing was to be seen.
fn tell(what: &str, from: Seen, seen: &[Seen]) {
    let Some((applied, at)) = seen.last() else { return };
    let seconds = at.duration_since(from.1).as_secs_f64();
    let times = std::iter::once(&from).chain(seen).map(|(_, at)| *at);
    let gaps = times.clone().zip(times.skip(1)).map(|(one, next)| next - one);
    let (count, longest) = gaps.fold((0, Duration::ZERO), |(n, longest), gap| (n + 1, longest.max(gap)));
    println!(
        "worker, {what}: {} sales in {seconds:.1} s, {:.0} events/s, {count} steps, the longest after {:.1} s",
        applied - from.0,
        (applied - from.0) as f64 / seconds,
        longest.as_secs_f64()
    );
}
