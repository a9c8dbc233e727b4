//! What the OpenAPI document says, held against what is answered.

use std::{collections::BTreeSet, io::Read, sync::Arc};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use stockstream_dashboard::router;
use tower::ServiceExt;

use crate::common::{API, Answer, Fake, Fault, get, options, raw, send};

async fn document() -> Value {
    let answer = get(Fake::loaded(), "/api/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    answer.json()
}

/// The schema at that place, with all that it refers to.
fn schema(document: &Value, place: &str) -> jsonschema::Validator {
    let schema =
        json!({ "$ref": format!("#{place}"), "components": document["components"], "paths": document["paths"] });
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn assert_fits(document: &Value, place: &str, answer: &Value) {
    let schema = schema(document, place);
    let wrong: Vec<_> =
        schema.iter_errors(answer).map(|error| format!("{} at {}", error, error.instance_path)).collect();
    assert!(wrong.is_empty(), "{place}: {wrong:#?}");
}

#[tokio::test]
async fn every_answer_fits_its_schema() {
    let document = document().await;
    for fake in [Fake::loaded(), Fake::default()] {
        for path in API {
            let answer = get(fake.clone(), path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            let place =
                format!("/paths/{}/get/responses/200/content/application~1json/schema", path.replace('/', "~1"));
            assert_fits(&document, &place, &answer.json());
        }
    }
}

#[tokio::test]
async fn the_document_is_of_all_that_the_api_answers() {
    let document = document().await;
    let told: BTreeSet<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(told, API.into_iter().chain(["/live"]).collect());
}

#[tokio::test]
async fn what_a_stream_tells_fits_its_schema() {
    let request = Request::get("/live?since=x").header("host", "localhost").body(Body::empty()).unwrap();
    let response = router(Arc::new(Fake::loaded()), options()).oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut body, mut text) = (response.into_body().into_data_stream(), String::new());
    while !text.contains("data: ") {
        text.push_str(std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap());
    }
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    assert_fits(&document().await, "/components/schemas/Change", &serde_json::from_str(data).unwrap());
}

#[tokio::test]
async fn problems_fit_their_schema() {
    let document = document().await;
    for (fake, path, status) in [
        (Fake::loaded(), "/api/v1/clients?sort=nonsense", StatusCode::BAD_REQUEST),
        (Fake::loaded(), "/api/v1/nothing", StatusCode::NOT_FOUND),
        (Fake::faulty(Fault::Unreachable), "/api/v1/status", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let answer = get(fake, path).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"), "{path}");
        assert_fits(&document, "/components/schemas/Problem", &answer.json());
    }
}

#[tokio::test]
async fn each_parameter_is_understood_as_it_is_described() {
    let document = document().await;
    for path in API {
        let operations = &document["paths"][path];
        for parameter in operations["get"]["parameters"].as_array().unwrap() {
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            let one = schema.get("items").unwrap_or(schema);
            let said = match (&one["enum"], one["type"].as_str().unwrap(), one["format"].as_str()) {
                (Value::Array(words), _, _) => words[0].as_str().unwrap(),
                (_, "boolean", _) => "true",
                (_, "integer" | "number", _) => "1",
                (_, _, Some("date")) => "2011-07-28",
                _ => "word",
            };
            let answer = get(Fake::loaded(), &format!("{path}?{name}={said}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}?{name}={said}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn the_page_has_a_form_for_every_question() {
    let answer = get(Fake::loaded(), "/api").await;
    assert_eq!(answer.status, StatusCode::OK);
    for path in API {
        assert!(answer.body.contains(&format!("action=\"{path}\"")), "{path}");
    }
    assert!(answer.body.contains("name=\"loyalty_tier\""));
}

async fn asked(path: &str, header: (&str, &str)) -> Answer {
    let request = Request::get(path).header("host", "localhost").header(header.0, header.1);
    send(Fake::loaded(), options(), request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn what_is_the_same_is_not_sent_again() {
    let first = get(Fake::loaded(), "/api/v1/clients").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    for known in [tag.as_str(), &format!("\"other\", {tag}"), tag.trim_start_matches("W/"), "*"] {
        let again = asked("/api/v1/clients", ("if-none-match", known)).await;
        assert_eq!(
            (again.status, again.body.as_str(), again.header("etag")),
            (StatusCode::NOT_MODIFIED, "", tag.as_str())
        );
    }
    assert_eq!(asked("/api/v1/clients?page=2&per_page=10", ("if-none-match", &tag)).await.status, StatusCode::OK);
    let failed = get(Fake::faulty(Fault::Unreachable), "/api/v1/clients").await;
    assert_eq!(failed.header("etag"), "");
}

#[tokio::test]
async fn answers_are_packed_for_who_can_unpack_them() {
    for path in ["/api/v1/clients", "/clients", "/export/clients/csv"] {
        let plain = get(Fake::loaded(), path).await;
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        let (headers, packed) = raw(Fake::loaded(), path, ("accept-encoding", "gzip")).await;
        assert_eq!(headers["content-encoding"], "gzip", "{path}");
        assert!(packed.len() * 3 < plain.body.len(), "{path}: {} of {}", packed.len(), plain.body.len());
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text.len(), plain.body.len(), "{path}");
    }
}
