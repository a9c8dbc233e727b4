//! The page of a list: notices, a table or a placeholder, a pager.

use askama::Template;
use axum::response::Response;

use crate::{
    error::HttpError,
    request::query::PerPage,
    ui::{
        components::{EmptyState, Notice, Pager},
        layout::{self, Layout},
        table::Table,
    },
};

/// Rows of a page that people read.
pub(super) const PER_PAGE: PerPage = PerPage { default: 50, max: 500 };

/// The page of a list.
#[derive(Template)]
#[template(path = "list.html")]
pub(super) struct ListPage {
    pub(super) shell: Layout,
    /// What is listed, in a sentence.
    pub(super) lead: String,
    pub(super) notices: Vec<Notice>,
    pub(super) filters: Option<Filters>,
    pub(super) rows: Rows,
    /// Where programs find the same.
    pub(super) json: &'static str,
}

/// What rejected events can be filtered by.
pub(super) struct Filters {
    /// Each reason, and whether it is wanted.
    pub(super) reasons: Vec<(&'static str, bool)>,
    /// Each topic, and whether it is wanted.
    pub(super) topics: Vec<(String, bool)>,
    pub(super) partition: String,
    pub(super) from: String,
    pub(super) to: String,
    /// Where nothing is left out, if anything is.
    pub(super) all: Option<&'static str>,
}

/// What stands in the middle of it.
pub(super) enum Rows {
    /// Rows, and which of them these are.
    Some(Table, Option<Pager>),
    /// None.
    None(EmptyState),
}

impl ListPage {
    pub(super) fn answer(&self) -> Result<Response, HttpError> {
        layout::page(self)
    }
}
