//! The names of collections, and of documents that are alone of their kind.

pub const META: &str = "meta";
pub const CHECKPOINTS: &str = "checkpoints";
pub const POSITIONS: &str = "positions";
pub const PRODUCTS: &str = "products";
pub const PRODUCT_DAYS: &str = "product_days";
pub const INVENTORY: &str = "inventory";
pub const CLIENTS: &str = "clients";
pub const DAILY: &str = "sales_daily";
pub const INVOICES: &str = "invoices";
pub const REJECTED: &str = "rejected_events";
pub const VIEWS: &str = "views";
pub const WINNERS: &str = "product_winners";
pub const RISKS: &str = "loss_risk_products";
pub const WORKERS: &str = "workers";

/// Those that hold what a pipeline counted.
pub const OF_A_PIPELINE: [&str; 11] =
    [CHECKPOINTS, POSITIONS, PRODUCTS, PRODUCT_DAYS, INVENTORY, CLIENTS, DAILY, INVOICES, REJECTED, WINNERS, RISKS];

/// The document of [`META`] that holds the database's id.
pub const IDENTITY: &str = "identity";
