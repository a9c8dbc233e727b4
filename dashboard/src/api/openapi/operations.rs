//! What can be asked for, and with which parameters.

use serde_json::{Value, json};
use stockstream_model::{
    documents::{ClientRow, Kind, RiskRow, Winner},
    event::Reason,
};

use crate::{
    api::PER_PAGE,
    request::query::{DEFAULT_DAYS, MAX_DAYS, MAX_PAGE},
    views::{ListView, MAX_SEARCH, MAX_TEXT, MAX_VALUES},
};

/// A question that can be put.
pub(crate) struct Operation {
    /// Its name, for programs that make functions of operations.
    pub(crate) id: &'static str,
    pub(crate) path: String,
    /// What is answered, in a sentence.
    pub(crate) summary: String,
    pub(crate) parameters: Vec<Parameter>,
    /// The name of the answer's schema.
    pub(crate) answer: &'static str,
}

/// A parameter of a question.
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// What it means, in a sentence.
    pub(crate) what: String,
    /// What may be said, as JSON Schema.
    pub(crate) schema: Value,
}

fn parameter(name: impl Into<String>, what: impl Into<String>, schema: Value) -> Parameter {
    Parameter { name: name.into(), what: what.into(), schema }
}

/// All questions.
pub(crate) fn operations() -> Vec<Operation> {
    vec![
        of(
            "getStatus",
            "/api/v1/status",
            "The state of the pipeline: counts, lag, freshness, workers.",
            vec![],
            "Status",
        ),
        list::<Winner>("listProductWinners", "WinnerPage"),
        list::<RiskRow>("listLossRiskProducts", "RiskPage"),
        list::<ClientRow>("listClients", "ClientPage"),
        of(
            "listSalesDaily",
            "/api/v1/sales-daily",
            "Invoices, units and revenue by day of UTC.",
            vec![
                parameter("from", format!("The first day. Left out: {DEFAULT_DAYS} days up to the last."), day()),
                parameter(
                    "to",
                    format!("The last day, at most {MAX_DAYS} in all. Left out: the latest with sales."),
                    day(),
                ),
            ],
            "Sales",
        ),
        of(
            "listRejectedEvents",
            "/api/v1/rejected-events",
            "Events that broke their contract, the latest first.",
            rejected(),
            "RejectedPage",
        ),
    ]
}

fn of(id: &'static str, path: &str, summary: &str, parameters: Vec<Parameter>, answer: &'static str) -> Operation {
    Operation { id, path: path.to_owned(), summary: summary.to_owned(), parameters, answer }
}

fn list<R: ListView>(id: &'static str, answer: &'static str) -> Operation {
    let search = json!({ "type": "string", "maxLength": MAX_SEARCH });
    let hint = format!("Words that must all occur, in either case: {}.", R::SEARCH_HINT.to_lowercase());
    let mut parameters = vec![parameter("q", hint, search)];
    for (name, title) in R::FILTERS {
        parameters.extend(R::field(name).into_iter().flat_map(|field| filter(field.name, title, field.kind)));
    }
    let names: Vec<_> = R::FIELDS.iter().map(|field| field.name).collect();
    let orders: Vec<_> = names.iter().flat_map(|name| [(*name).to_owned(), format!("-{name}")]).collect();
    let order = format!("By which field; with - before it the greatest first. Left out: {}.", R::DEFAULT_ORDER);
    parameters.push(parameter("sort", order, json!({ "type": "string", "enum": orders })));
    let columns = json!({ "type": "array", "items": { "type": "string", "enum": names } });
    parameters.push(parameter("columns", "Only these fields.", columns));
    parameters.extend(paging());
    Operation { id, path: format!("/api/v1{}", R::PATH), summary: R::DESCRIPTION.to_owned(), parameters, answer }
}

fn filter(name: &str, title: &str, kind: Kind) -> Vec<Parameter> {
    let bounds = |schema: &Value| {
        let bound = |end, words| parameter(format!("{name}_{end}"), format!("{title}: {words}."), schema.clone());
        vec![bound("min", "at least"), bound("max", "at most")]
    };
    match kind {
        Kind::Text => {
            let one = json!({ "type": "string", "maxLength": MAX_TEXT });
            let schema = json!({ "type": "array", "maxItems": MAX_VALUES, "items": one });
            vec![parameter(name, format!("{title}: one of these."), schema)]
        }
        Kind::Word(words) => {
            let schema =
                json!({ "type": "array", "maxItems": MAX_VALUES, "items": { "type": "string", "enum": words } });
            vec![parameter(name, format!("{title}: one of these."), schema)]
        }
        Kind::Flag => vec![parameter(name, format!("{title}: whether it is so."), json!({ "type": "boolean" }))],
        Kind::Whole | Kind::Number => bounds(&json!({ "type": "number" })),
        Kind::Time => bounds(&day()),
    }
}

fn rejected() -> Vec<Parameter> {
    let reasons = Reason::ALL.map(Reason::name);
    let mut parameters = vec![
        parameter("reason", "Rejected for this reason.", json!({ "type": "string", "enum": reasons })),
        parameter("topic", "Of this topic.", json!({ "type": "string" })),
        parameter("partition", "Of this partition.", json!({ "type": "integer", "minimum": 0, "maximum": i32::MAX })),
        parameter("from", "Rejected on this day of UTC or later.", day()),
        parameter("to", "Rejected on this day of UTC or before.", day()),
    ];
    parameters.extend(paging());
    parameters
}

fn paging() -> Vec<Parameter> {
    let whole = |most: u64, usual: u64| json!({ "type": "integer", "minimum": 1, "maximum": most, "default": usual });
    vec![
        parameter("page", "Which page, from 1.", whole(MAX_PAGE, 1)),
        parameter("per_page", "Rows on a page.", whole(PER_PAGE.max, PER_PAGE.default)),
    ]
}

fn day() -> Value {
    json!({ "type": "string", "format": "date" })
}
