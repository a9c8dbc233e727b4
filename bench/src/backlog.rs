use std::time::{Duration, Instant};

use clap::Args;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use stockstream_kafka::{Producer, create_topics};
use stockstream_model::{Timestamp, settings::Settings};

use crate::Result;

/// What the made-up sales are of, and to whom.
#[derive(Args, Clone, Copy)]
pub(crate) struct Shop {
    /// How many products
    #[arg(long, default_value_t = 10_000)]
    pub(crate) products: u64,
    /// How many clients; none for sales to nobody known
    #[arg(long, default_value_t = 100_000)]
    clients: u64,
    /// Which share of the items is of the first hundredth of the products alone, 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    hot: f64,
}

fn share(text: &str) -> std::result::Result<f64, String> {
    let share = text.parse().map_err(|_| "not a number")?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("not between 0 and 1".into()) }
}

/// A backlog of sales with 1 to 4 items; products are drawn with a skew, clients evenly.
#[derive(Args)]
pub(crate) struct Backlog {
    /// How many sales
    #[arg(long, default_value_t = 2_000_000)]
    sales: u64,
    #[command(flatten)]
    shop: Shop,
    /// A record for every client too
    #[arg(long)]
    records: bool,
}

impl Backlog {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        create_topics(&settings.kafka).await?;
        let began = Instant::now();
        let producer = Producer::new(&settings.kafka, |_| {})?;
        let topics = &settings.kafka.topics;
        for product in 0..self.shop.products {
            let record = record(product);
            producer.send(&topics.inventory.name, &format!("p{product}"), record.as_bytes())?;
        }
        for client in 0..if self.records { self.shop.clients } else { 0 } {
            let record =
                format!(r#"{{"client_id":"c{client}","name":"Client {client}","email":"client{client}@example.com"}}"#);
            producer.send(&topics.clients.name, &format!("c{client}"), record.as_bytes())?;
        }
        let mut random = StdRng::seed_from_u64(1);
        for invoice in 0..self.sales {
            let sale = self.shop.sale(&mut random, invoice, Timestamp::now());
            producer.send(&topics.sales.name, &invoice.to_string(), sale.as_bytes())?;
        }
        producer.flush(Duration::from_secs(120))?;
        println!("backlog: {} sales written in {:.1} s", self.sales, began.elapsed().as_secs_f64());
        Ok(())
    }
}

/// A product in one of 20 categories. Every other one expires within five days.
fn record(product: u64) -> String {
    let expiry = match product % 2 {
        0 => String::new(),
        _ => format!(r#","expiry_date":"{}""#, Timestamp::now().plus_millis(product as i64 % 5 * 86_400_000).day()),
    };
    let category = product / 2 % 20;
    format!(
        r#"{{"product_id":"p{product}","name":"Product {product}","category":"Category {category}","quantity":100,"buy_price":"1.20","sell_price":"2.50"{expiry}}}"#
    )
}

impl Shop {
    /// A sale of 1 to 4 items, to nobody known where there are no clients. The square of an even draw makes few products
    /// sell often; `hot` makes a hundredth of them sell more often still.
    pub(crate) fn sale(self, random: &mut impl Rng, invoice: u64, at: Timestamp) -> String {
        let Self { products, clients, hot } = self;
        let mut items = String::new();
        for line in 0..random.random_range(1..=4) {
            let draw: f64 = random.random();
            let among = if hot > 0.0 && random.random_bool(hot) { products / 100 } else { products };
            let product = (draw * draw * among as f64) as u64;
            let (quantity, cents) = (random.random_range(1..=9), random.random_range(50..2_000));
            let comma = if line == 0 { "" } else { "," };
            items += &format!(
                r#"{comma}{{"product_id":"p{product}","quantity":{quantity},"unit_price":{}.{:02}}}"#,
                cents / 100,
                cents % 100
            );
        }
        let client = match clients {
            0 => String::new(),
            _ => format!(r#""client_id":"c{}","#, random.random_range(0..clients)),
        };
        format!(r#"{{"invoice_id":"{invoice}",{client}"timestamp":"{at}","items":[{items}]}}"#)
    }
}
