use std::{
    sync::mpsc::TryRecvError,
    time::{Duration, Instant},
};

use bson::doc;
use clap::Args;
use mongodb::Database;
use rand::{SeedableRng, rngs::StdRng};
use stockstream_kafka::Producer;
use stockstream_model::{Timestamp, settings::Settings};

use crate::{Result, backlog::Shop, database, percentiles::Percentiles};

/// How often it is looked for: more often would be a load of its own, on machines that share everything.
const LOOK: Duration = Duration::from_millis(4);
const GIVE_UP: Duration = Duration::from_secs(30);

/// Latency from produce to document, under load.
#[derive(Args)]
pub(crate) struct Latency {
    /// Events per second besides the probes
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// How many probes
    #[arg(long, default_value_t = 200)]
    probes: u64,
    #[command(flatten)]
    shop: Shop,
}

impl Latency {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        let db = database(settings).await?;
        let run = Timestamp::now().millis();
        let topics = settings.kafka.topics.clone();
        let (rate, shop, kafka) = (self.rate, self.shop, settings.kafka.clone());
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let load = std::thread::spawn(move || -> Result<()> {
            let producer = Producer::new(&kafka, |_| {})?;
            let (mut random, began, mut sent) = (StdRng::seed_from_u64(2), Instant::now(), 0);
            while stopped.try_recv() == Err(TryRecvError::Empty) {
                let due = (began.elapsed().as_secs_f64() * rate as f64) as u64;
                while sent < due {
                    let event = shop.sale(&mut random, run as u64 + sent, Timestamp::now());
                    producer.send(&kafka.topics.sales.name, &sent.to_string(), event.as_bytes())?;
                    sent += 1;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        });
        let probe = Producer::new(&settings.kafka, |_| {})?;
        let (mut documents, mut winners) = (Vec::new(), Vec::new());
        for n in 0..self.probes {
            let client = format!("probe-{run}-{n}");
            // Worth so much that every probe changes the top of the ranking.
            let event = format!(
                r#"{{"invoice_id":"{client}","client_id":"{client}","timestamp":"{}","items":[{{"product_id":"probe","quantity":1,"unit_price":100000000,"unit_cost":1}}]}}"#,
                Timestamp::now()
            );
            let before = units(&db).await?;
            let sent = Instant::now();
            probe.send(&topics.sales.name, &client, event.as_bytes())?;
            let document = until(sent, async || Ok(found(&db, &client).await?)).await?;
            let ranked = until(sent, async || Ok(units(&db).await? > before)).await?;
            let (Some(document), Some(ranked)) = (document, ranked) else {
                println!(
                    "latency at {rate} events/s: the database falls behind, probe {n} was not seen within {GIVE_UP:?}"
                );
                break;
            };
            documents.push(document);
            winners.push(ranked);
            tokio::time::sleep(Duration::from_millis(37)).await;
        }
        probe.flush(GIVE_UP)?;
        drop((probe, stop));
        load.join().map_err(|_| "the load ended badly")??;
        tell(&format!("at {rate} events/s, to document"), documents);
        tell(&format!("at {rate} events/s, to winners"), winners);
        Ok(())
    }
}

async fn found(db: &Database, client: &str) -> Result<bool> {
    Ok(db.collection::<bson::Document>("clients").find_one(doc! { "_id": client }).await?.is_some())
}

/// The units of the probe's product as the ranking shows them.
async fn units(db: &Database) -> Result<i64> {
    let row = db
        .collection::<bson::Document>("product_winners")
        .find_one(doc! { "product_id": "probe" })
        .sort(doc! { "revision": -1 })
        .await?;
    Ok(row.and_then(|row| row.get_i64("units_sold").ok()).unwrap_or(0))
}

/// How long it took until it was seen; `None` when that was given up.
async fn until(sent: Instant, seen: impl AsyncFn() -> Result<bool>) -> Result<Option<Duration>> {
    while !seen().await? {
        if sent.elapsed() > GIVE_UP {
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(Some(sent.elapsed()))
}

fn tell(what: &str, times: Vec<Duration>) {
    if times.is_empty() {
        return;
    }
    let times = Percentiles::new(times);
    println!(
        "latency {what}: p50 {:.0} ms, p90 {:.0} ms, p99 {:.0} ms, worst {:.0} ms ({} probes)",
        times.at(0.5),
        times.at(0.9),
        times.at(0.99),
        times.worst(),
        times.len()
    );
}
