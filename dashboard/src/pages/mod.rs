//! The pages, each in a file of its own. They work without any script.

mod browse;
mod client_page;
mod controls;
mod list;
mod parts;
mod product_page;
mod rejected_events;
mod sales;
mod status;
mod status_tables;

use axum::{Router, routing::get};
use stockstream_model::documents::{ClientRow, RiskRow, Winner};
use stockstream_store::ViewStore;

pub(crate) use self::{
    parts::{Notice, Placeholder, Tile, idle, product},
    rejected_events::selection as rejected_selection,
    sales::last_day,
};
use crate::{app::App, listing::Listed, query::PerPage};

/// Rows of a page that people read.
const PER_PAGE: PerPage = PerPage { default: 50, max: 500 };

/// The routes of the pages.
pub(crate) fn routes<S: ViewStore>() -> Router<App<S>> {
    Router::new()
        .route("/", get(status::show))
        .route(Winner::PATH, get(browse::show::<S, Winner>))
        .route(RiskRow::PATH, get(browse::show::<S, RiskRow>))
        .route(ClientRow::PATH, get(browse::show::<S, ClientRow>))
        .route("/product", get(product_page::show))
        .route("/client", get(client_page::show))
        .route("/charts", get(sales::show))
        .route("/rejected-events", get(rejected_events::show))
}
