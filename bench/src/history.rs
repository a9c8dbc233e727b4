use std::time::{Duration, Instant};

use clap::Args;
use stockstream_kafka::Producer;
use stockstream_model::{Timestamp, settings::Settings};
use stockstream_store::{MongoStore, StateStore};

use crate::{Result, backlog::Shop};

/// A history of every product: one sale of it on each of the last days but today, oldest first, to nobody known.
#[derive(Args)]
pub(crate) struct History {
    /// How many days
    #[arg(long)]
    days: i64,
    #[command(flatten)]
    shop: Shop,
    /// Only print how many sales that are
    #[arg(long)]
    count: bool,
}

/// So many products are sold by one sale.
const LINES: u64 = 4;

impl History {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        let Self { days, shop, count } = self;
        if *count {
            println!("{}", days * shop.products.div_ceil(LINES) as i64);
            return Ok(());
        }
        stockstream_kafka::create_topics(&settings.kafka).await?;
        let (began, now) = (Instant::now(), Timestamp::now());
        let producer = Producer::new(&settings.kafka, |_| {})?;
        for ago in (1..=*days).rev() {
            let day = now.plus_millis(-ago * 86_400_000);
            for first in (0..shop.products).step_by(LINES as usize) {
                let line = |product| format!(r#"{{"product_id":"p{product}","quantity":1,"unit_price":2.50}}"#);
                let lines: Vec<_> = (first..(first + LINES).min(shop.products)).map(line).collect();
                let sale =
                    format!(r#"{{"invoice_id":"h{ago}-{first}","timestamp":"{day}","items":[{}]}}"#, lines.join(","));
                producer.send(&settings.kafka.topics.sales.name, &first.to_string(), sale.as_bytes())?;
            }
        }
        producer.flush(Duration::from_secs(120))?;
        println!("history: {days} days written in {:.1} s", began.elapsed().as_secs_f64());
        Ok(())
    }
}

/// Moves days out of products as a worker does, with all of the time.
#[derive(Args)]
pub(crate) struct Moved {
    /// For how many days they are kept
    #[arg(long)]
    history_days: u32,
}

impl Moved {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        let mut settings = settings.clone();
        settings.analytics.history_days = self.history_days;
        let (store, began, mut products) = (MongoStore::connect(&settings).await?, Instant::now(), 0);
        loop {
            match store.move_days(200).await? {
                0 => break,
                some => products += some,
            }
        }
        println!("moved: days of {products} products in {:.1} s", began.elapsed().as_secs_f64());
        Ok(())
    }
}
