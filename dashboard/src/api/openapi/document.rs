//! The OpenAPI document.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use stockstream_model::documents::{ClientRow, DailyRow, Field, Kind, RiskRow, Winner};

use crate::{
    api::{
        Rejected,
        live::{self, Change},
        openapi::operations::{Operation, Parameter, operations},
    },
    data::overview::Overview,
    middleware::error_pages::Problem,
    views::ListView,
};

const SCHEMAS: &str = "#/components/schemas";

/// The document (OpenAPI 3.1.1, <https://spec.openapis.org/oas/v3.1.1.html>) of a dashboard of that title.
pub(crate) fn document(title: &str) -> Value {
    let mut paths: Map<String, Value> =
        operations().into_iter().map(|operation| (operation.path.clone(), json!({ "get": get(&operation) }))).collect();
    paths.insert(live::PATH.into(), json!({ "get": listen() }));
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": format!("{title}: what the shop's events tell"),
            "version": "1",
            "description": "Read only. Numbers and names are those of the pages; times are of UTC. A field that is null is \
                            not known or does not apply.",
        },
        "paths": paths,
        "components": { "schemas": schemas(), "responses": { "Problem": problem() } },
    })
}

fn get(operation: &Operation) -> Value {
    let answer = json!({ "$ref": format!("{SCHEMAS}/{}", operation.answer) });
    let fails = json!({ "$ref": "#/components/responses/Problem" });
    json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": operation.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": {
            "200": {
                "description": "The answer. If-None-Match with its ETag asks whether it is still the same.",
                "headers": { "ETag": { "schema": { "type": "string" } } },
                "content": { "application/json": { "schema": answer } },
            },
            "304": { "description": "It is still the same." },
            "default": fails,
        },
    })
}

/// The stream of changes: no question that is answered once, so the page of the API has no form for it.
fn listen() -> Value {
    let fails = json!({ "$ref": "#/components/responses/Problem" });
    let of_id = json!({ "type": "string" });
    json!({
        "operationId": "listenToChanges",
        "summary": "Which parts of the numbers changed, as server-sent events for as long as the connection stands.",
        "parameters": [
            { "name": "since", "in": "query", "description": "The id of the last event that was heard, from an earlier \
              stream: what changed since comes first.", "schema": of_id },
            { "name": "Last-Event-ID", "in": "header", "description": "The same; it counts before since.", "schema": of_id },
        ],
        "responses": {
            "200": {
                "description": "Events named change, each with an id and, as data, JSON of the schema Change. A comment \
                                every 15 s is a sign of life.",
                "content": { "text/event-stream": { "schema": { "type": "string" } } },
            },
            "default": fails,
        },
    })
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.what,
        "schema": parameter.schema,
    })
}

fn problem() -> Value {
    json!({
        "description": "What happened, and what to do next. 400: a parameter cannot be used; 401 and 403: sign in, or as \
                        somebody else; 503: the database does not answer, and Retry-After says when to try again.",
        "content": { "application/problem+json": { "schema": { "$ref": format!("{SCHEMAS}/Problem") } } },
    })
}

fn schemas() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut own = Map::new();
    own.insert("Problem".into(), generator.root_schema_for::<Problem>().to_value());
    own.insert("Change".into(), generator.root_schema_for::<Change>().to_value());
    own.insert("Status".into(), generator.root_schema_for::<Overview>().to_value());
    own.insert("WinnerPage".into(), page(&row::<Winner>()));
    own.insert("RiskPage".into(), page(&row::<RiskRow>()));
    own.insert("ClientPage".into(), page(&row::<ClientRow>()));
    own.insert("RejectedPage".into(), page(&reference::<Rejected>(&mut generator)));
    own.insert("Sales".into(), sales(page(&reference::<DailyRow>(&mut generator))));
    for schema in own.values_mut().filter_map(Value::as_object_mut) {
        schema.remove("$defs");
        schema.remove("components");
    }
    own.extend(generator.take_definitions(true));
    // What is asked with may be written in many ways; what is answered, in one.
    own.insert(
        "Timestamp".into(),
        json!({ "description": "A time of UTC, RFC 3339.", "type": "string", "format": "date-time" }),
    );
    own
}

fn reference<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// A row, with any of its fields: `columns` says which.
fn row<R: ListView>() -> Value {
    let fields: Map<String, Value> = R::FIELDS.iter().map(|field| (field.name.to_owned(), held(field))).collect();
    json!({ "type": "object", "properties": fields, "additionalProperties": false })
}

fn held<R>(field: &Field<R>) -> Value {
    match field.kind {
        Kind::Text => json!({ "type": ["string", "null"] }),
        Kind::Word(words) => {
            json!({ "type": ["string", "null"], "enum": words.iter().map(|word| json!(word)).chain([Value::Null]).collect::<Vec<_>>() })
        }
        Kind::Whole => json!({ "type": ["integer", "null"] }),
        Kind::Number => json!({ "type": ["number", "null"] }),
        Kind::Flag => json!({ "type": ["boolean", "null"] }),
        Kind::Time => json!({ "type": ["string", "null"], "format": "date-time" }),
    }
}

fn page(row: &Value) -> Value {
    let count = |what: &str, least: u8| json!({ "description": what, "type": "integer", "minimum": least });
    json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": row },
            "page": count("Its number, from 1.", 1),
            "per_page": count("Rows on a page.", 1),
            "total": count("Rows on all pages.", 0),
            "searched": count("How many rows were looked at, where those are not all.", 0),
        },
        "required": ["items", "page", "per_page", "total"],
    })
}

fn sales(mut page: Value) -> Value {
    let day = json!({ "$ref": format!("{SCHEMAS}/Day") });
    page["properties"]["from"] = day.clone();
    page["properties"]["to"] = day;
    page
}
