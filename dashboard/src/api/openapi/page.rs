//! The page of the API: each question with a form that puts it.

use askama::Template;
use axum::response::Response;
use serde_json::Value;

use crate::{
    api::openapi::operations::{Operation, operations},
    auth::may_read,
    error::HttpError,
    ui::layout::{self, Layout},
};

/// Where programs find it.
pub(crate) const DOCUMENT_PATH: &str = "/api/openapi.json";
/// Where people find it.
pub(crate) const PATH: &str = "/api";

#[derive(Template)]
#[template(path = "api.html")]
struct ApiPage {
    shell: Layout,
    document: &'static str,
    operations: Vec<Operation>,
}

/// How a parameter is asked for in a form.
enum Input {
    /// One of these, or nothing.
    Choice(Vec<String>),
    /// What a browser knows to ask for: `text`, `number` or `date`.
    Line(&'static str),
}

fn input(schema: &Value) -> Input {
    let one = schema.get("items").unwrap_or(schema);
    let words = one["enum"].as_array().map(|words| words.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    match (words, one["type"].as_str(), one["format"].as_str()) {
        (Some(words), _, _) => Input::Choice(words),
        (None, Some("boolean"), _) => Input::Choice(vec!["true".into(), "false".into()]),
        (None, Some("integer" | "number"), _) => Input::Line("number"),
        (None, _, Some("date")) => Input::Line("date"),
        _ => Input::Line("text"),
    }
}

/// Questions that the reader may not put are not offered.
pub(crate) async fn show(shell: Layout) -> Result<Response, HttpError> {
    let role = shell.who.as_ref().map(|who| who.role);
    let may = |operation: &Operation| role.is_some_and(|role| may_read(role, &operation.path));
    let operations = operations().into_iter().filter(may).collect();
    layout::page(&ApiPage { shell: Layout { page: "The API", ..shell }, document: DOCUMENT_PATH, operations })
}
