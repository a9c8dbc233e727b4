use std::{collections::BTreeMap, time::Instant};

use tokio::process::Command;

use crate::{
    Result,
    pages::{
        args::{PAGES, Pages},
        client::Client,
    },
    percentiles::Percentiles,
};

/// Asks for each page alone, one time after the other: the first time is read from the database, later ones may be shared
/// as long as nothing changes.
pub(super) async fn run(pages: &Pages, client: &Client) -> Result<()> {
    println!("{:<72} {:>9} {:>9} {:>9}", "each page alone", "first ms", "p50 ms", "bytes");
    for pattern in PAGES {
        let before = rows(pages.rows.as_deref()).await?;
        let (mut times, mut bytes) = (Vec::new(), 0);
        for number in 0..pages.times {
            let path = pages.page(pattern, number.into());
            let answer = client.get(&path, Instant::now()).await?;
            if answer.status != 200 {
                return Err(format!("{path} was answered with {}", answer.status).into());
            }
            times.push(answer.took);
            bytes = bytes.max(answer.bytes);
        }
        let after = rows(pages.rows.as_deref()).await?;
        let first = times.first().map_or(f64::NAN, |first| first.as_secs_f64() * 1_000.0);
        print!("{pattern:<72} {first:>9.1} {:>9.1} {bytes:>9}", Percentiles::new(times).at(0.5));
        for (collection, rows) in after {
            let read = rows.saturating_sub(before.get(&collection).copied().unwrap_or(0)) / u64::from(pages.times);
            if read > 0 {
                print!(" {collection}:{read}");
            }
        }
        println!();
    }
    Ok(())
}

async fn rows(command: Option<&str>) -> Result<BTreeMap<String, u64>> {
    let Some(command) = command else { return Ok(BTreeMap::new()) };
    let output = Command::new("sh").args(["-c", command]).output().await?;
    if !output.status.success() {
        return Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let pair = |line: &str| {
        let (name, rows) = line.split_once(' ')?;
        Some((name.to_owned(), rows.trim().parse().ok()?))
    };
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(pair).collect())
}
