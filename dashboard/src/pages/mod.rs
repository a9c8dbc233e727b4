//! The pages, each in a file of its own. They work without any script.

mod browse;
mod client_page;
mod controls;
mod list;
pub(crate) mod oidc_sign_in;
mod product_page;
mod rejected_events;
mod sales;
pub(crate) mod sign_in;
mod status;
mod status_tables;
mod too_many_sign_ins;

use axum::{Router, routing::get};
use stockstream_model::documents::{ClientRow, RiskRow, Winner};
use stockstream_store::ViewStore;

pub(crate) use self::{rejected_events::selection as rejected_selection, sales::last_day};
use crate::{data::state::AppState, views::ListView};

/// The routes of the pages.
pub(crate) fn routes<S: ViewStore>() -> Router<AppState<S>> {
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
