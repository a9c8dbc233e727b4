use clap::Args;

/// Addresses as people and programs ask for them; `{product}` and `{client}` stand for ids.
pub(super) const PAGES: [&str; 27] = [
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
    pub(super) address: String,
    /// How often each page is asked for alone
    #[arg(long, default_value_t = 20)]
    pub(super) times: u32,
    /// Requests per second, mixed
    #[arg(long, default_value_t = 500)]
    pub(super) rate: u32,
    /// For how many seconds
    #[arg(long, default_value_t = 30)]
    pub(super) seconds: u64,
    /// Live connections that stay open meanwhile
    #[arg(long, default_value_t = 200)]
    pub(super) live: usize,
    /// How many products there are
    #[arg(long, default_value_t = 10_000)]
    pub(super) products: u64,
    /// How many clients there are
    #[arg(long, default_value_t = 100_000)]
    pub(super) clients: u64,
    /// A command that prints for each collection how many rows were read of it so far, as NAME ROWS lines; it is asked
    /// before and after each page
    #[arg(long)]
    pub(super) rows: Option<String>,
}

impl Pages {
    /// The page with ids of one that is there.
    pub(super) fn page(&self, pattern: &str, number: u64) -> String {
        pattern
            .replace("{product}", &format!("p{}", number * 7919 % self.products))
            .replace("{client}", &format!("c{}", number * 7919 % self.clients))
    }
}
