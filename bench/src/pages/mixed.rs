use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{
    args::{PAGES, Pages},
    client::Client,
    live::Live,
};
use crate::{Result, percentiles::Percentiles};

/// Asks for all pages in turn at a rate, whether or not those before were answered: a time counts from when its request
/// was due.
pub(super) async fn run(pages: &Pages, client: &Client, length: Duration) -> Result<()> {
    let live = Live::open(client, pages.live).await?;
    let mut ticks = interval(Duration::from_secs(1) / pages.rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (begun, mut asked) = (Instant::now(), JoinSet::new());
    for number in 0.. {
        let due = ticks.tick().await.into_std();
        if begun.elapsed() > length {
            break;
        }
        // A step that shares no factor with their number, so that equal pages are not neighbours.
        let pattern = PAGES[(number * 10 % PAGES.len() as u64) as usize];
        let (client, path) = (client.clone(), pages.page(pattern, number));
        asked.spawn(async move { (pattern, client.get(&path, due).await) });
    }
    let (mut all, mut by_page, mut refused, mut failed) = (Vec::new(), BTreeMap::<_, Vec<_>>::new(), 0, 0);
    while let Some(answered) = asked.join_next().await {
        match answered? {
            (pattern, Ok(answer)) if answer.status == 200 => {
                all.push(answer.took);
                by_page.entry(pattern).or_default().push(answer.took);
            }
            (_, Ok(_)) => refused += 1,
            (_, Err(_)) => failed += 1,
        }
    }
    let rate = all.len() as f64 / begun.elapsed().as_secs_f64();
    let (open, heard) = live.told();
    let times = Percentiles::new(all);
    println!(
        "mixed: {rate:.0} of {} requests/s answered, p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, worst {:.0} ms; {refused} \
         refused, {failed} failed",
        pages.rate,
        times.at(0.5),
        times.at(0.9),
        times.at(0.99),
        times.worst()
    );
    println!("live: {open} of {} connections stayed open and heard {heard} changes", pages.live);
    for (pattern, times) in by_page {
        let times = Percentiles::new(times);
        println!("{pattern:<72} {:>8.1} {:>9.1}", times.at(0.5), times.at(0.99));
    }
    Ok(())
}
