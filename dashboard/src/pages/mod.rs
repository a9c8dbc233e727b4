//! The pages, each in a file of its own. They work without any script.

mod clients;
mod list;
mod loss_risk_products;
mod parts;
mod product_winners;
mod rejected_events;
mod status;
mod status_tables;

use axum::{Router, routing::get};
use stockstream_store::ViewStore;

use crate::{app::App, query::PerPage};

/// Rows of a page that people read.
const PER_PAGE: PerPage = PerPage { default: 50, max: 500 };

/// The routes of the pages.
pub(crate) fn routes<S: ViewStore>() -> Router<App<S>> {
    Router::new()
        .route("/", get(status::show))
        .route("/product-winners", get(product_winners::show))
        .route("/loss-risk-products", get(loss_risk_products::show))
        .route("/clients", get(clients::show))
        .route("/rejected-events", get(rejected_events::show))
}
