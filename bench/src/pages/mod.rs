//! What a dashboard is asked for: each of its pages alone, then all of them mixed at a rate while others stay live.

mod alone;
mod client;
mod live;
mod mixed;

use std::time::Duration;

use clap::Args;

use self::client::Client;
use crate::Result;

/// Addresses as people and programs ask for them; `{product}` and `{client}` stand for ids.
const PAGES: [&str; 27] = [
    "/",
    "/charts",
    "/charts?range=all",
    "/product-winners",
    "/product-winners?q=product+12",
    "/product-winners?sort=-units_sold&page=2",
    "/loss-risk-products",
    "/loss-risk-products?page=40",
    "/loss-risk-products?q=product+12",
    "/loss-risk-products?product_category=Category+3",
    "/loss-risk-products?sort=days_until_expiry&risk_category=Expiring+Soon",
    "/clients",
    "/clients?page=1900",
    "/clients?q=c123",
    "/clients?loyalty_tier=Gold",
    "/clients?sort=-last_purchase_date",
    "/clients?sort=loyalty_tier",
    "/clients?eligible_promo=true&invoices_min=3",
    "/product?id={product}",
    "/client?id={client}",
    "/rejected-events",
    "/api/v1/status",
    "/api/v1/product-winners",
    "/api/v1/loss-risk-products",
    "/api/v1/clients",
    "/api/v1/sales-daily",
    "/metrics",
];

/// How soon a dashboard answers.
#[derive(Args)]
pub(crate) struct Pages {
    /// Where the dashboard is, as in 127.0.0.1:8080
    #[arg(long)]
    address: String,
    /// How often each page is asked for alone
    #[arg(long, default_value_t = 20)]
    times: u32,
    /// Requests per second, mixed
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// For how many seconds
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Live connections that stay open meanwhile
    #[arg(long, default_value_t = 200)]
    live: usize,
    /// How many products there are
    #[arg(long, default_value_t = 10_000)]
    products: u64,
    /// How many clients there are
    #[arg(long, default_value_t = 100_000)]
    clients: u64,
    /// A command that prints for each collection how many rows were read of it so far, as NAME ROWS lines; it is asked
    /// before and after each page
    #[arg(long)]
    rows: Option<String>,
}

impl Pages {
    pub async fn run(&self) -> Result<()> {
        let client = Client::new(&self.address);
        if self.times > 0 {
            alone::run(self, &client).await?;
        }
        if self.rate > 0 {
            mixed::run(self, &client, Duration::from_secs(self.seconds)).await?;
        }
        Ok(())
    }

    /// The page with ids of one that is there.
    fn page(&self, pattern: &str, number: u64) -> String {
        pattern
            .replace("{product}", &format!("p{}", number * 7919 % self.products))
            .replace("{client}", &format!("c{}", number * 7919 % self.clients))
    }
}
