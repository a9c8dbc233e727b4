//! What went wrong, and its two forms: a page for a person, problem JSON (RFC 9457) for a program.

use std::{borrow::Cow, time::Duration};

use askama::Template;
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use stockstream_store::StoreError;
use tracing::error;

use crate::{
    format::sentence,
    query::BadParameter,
    reader::Reader,
    shell::Shell,
    words::{Said, key},
};

/// After how many seconds a reader tries again when the database did not answer.
const RETRY_SECONDS: u64 = 10;

/// What went wrong, for whoever asked. As a response it is bare; [`dress`] gives it the form that the path calls for.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) detail: Said,
    pub(crate) advice: &'static str,
    parameter: Option<Box<BadParameter>>,
    /// The methods that there are instead.
    allow: Option<&'static str>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, title: &'static str, detail: impl Into<Said>, advice: &'static str) -> Self {
        Self { status, title, detail: detail.into(), advice, parameter: None, allow: None }
    }

    /// There is nothing at that path.
    pub(crate) fn not_found(path: &str) -> Self {
        let detail = Said::new("There is nothing at {}.", vec![path.to_owned().into()]);
        Self::new(StatusCode::NOT_FOUND, "Not found", detail, "Check the address, or start from the status page at /.")
    }

    /// Something other than reading was asked.
    pub(crate) fn read_only(method: &str, path: &str) -> Self {
        Self::method(method, path, "GET, HEAD")
    }

    /// The path takes other methods, these.
    pub(crate) fn method(method: &str, path: &str, allow: &'static str) -> Self {
        let detail = Said::new("{} is not possible at {}.", vec![method.to_owned().into(), path.to_owned().into()]);
        let (title, advice) = match allow {
            "GET, HEAD" => (key("Read only"), key("Nothing can be changed here: use GET or HEAD.")),
            "POST" => (key("Not to be read"), key("There is nothing to read here: use POST.")),
            _ => (key("Not possible"), key("Use GET, HEAD or POST.")),
        };
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, title, detail, advice) }
    }

    /// The store answered with an error.
    pub(crate) fn store(error: &StoreError) -> Self {
        let detail = format!("{}.", sentence(&error.to_string()));
        if error.is_transient() {
            return Self::unavailable(detail);
        }
        let advice = "Trying again will not help before that is mended.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The database cannot be read", detail, advice)
    }

    /// The store did not answer in time, and says why.
    pub(crate) fn troubled(why: &str) -> Self {
        Self::unavailable(format!("{}.", sentence(why)))
    }

    /// The store did not answer in time.
    pub(crate) fn late(limit: Duration) -> Self {
        let limit = limit.as_secs_f64();
        Self::unavailable(Said::new(
            "The database did not answer within {} s; check that MongoDB runs and that nothing slows it down.",
            vec![limit.to_string().into()],
        ))
    }

    fn unavailable(detail: impl Into<Said>) -> Self {
        let advice = "The numbers are back as soon as it answers; until then nothing can be shown.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer", detail, advice)
    }

    /// The dashboard itself is at fault.
    pub(crate) fn internal(cause: &dyn std::error::Error) -> Self {
        error!(%cause, "failed to render an answer");
        let detail = "The page could not be put together.";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "A fault of the dashboard",
            detail,
            "Please report it with the log.",
        )
    }

    fn may_pass(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    fn into_page(self, mut shell: Shell) -> Response {
        let status = self.status;
        shell.page = self.title;
        shell.reader = Reader::current();
        shell.refresh = self.may_pass().then_some(RETRY_SECONDS);
        match (FailurePage { shell, failure: self }).render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(_) => status.into_response(), // no template is left to say it with
        }
    }

    fn into_problem(self) -> Response {
        let (parameter, value, allowed) = match self.parameter {
            Some(bad) => (Some(bad.parameter), Some(bad.value), Some(bad.allowed)),
            None => (None, None, None),
        };
        let detail = format!("{} {}", self.detail.english(), self.advice).trim_end().to_owned();
        let problem = Problem {
            kind: "about:blank",
            title: self.title,
            status: self.status.as_u16(),
            detail,
            parameter,
            value,
            allowed,
        };
        let kind = HeaderValue::from_static("application/problem+json");
        (self.status, [(header::CONTENT_TYPE, kind)], Json(problem)).into_response()
    }
}

impl From<BadParameter> for Failure {
    fn from(bad: BadParameter) -> Self {
        let failure = Self::new(StatusCode::BAD_REQUEST, "That request cannot be answered", format!("{bad}."), "");
        Self { parameter: Some(Box::new(bad)), ..failure }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(allow) = self.allow {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What went wrong, as problem details (RFC 9457).
#[derive(Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status says what kind it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What kind of problem it is, for a person.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What happened and what to do next, for a person.
    detail: String,
    /// The parameter that cannot be used, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<Cow<'static, str>>,
    /// What was said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// What may be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<String>,
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    shell: Shell,
    failure: Failure,
}

/// Gives a failure its form: problem JSON below `/api/`, a page elsewhere.
pub(crate) async fn dress(State(shell): State<Shell>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let for_program = path.starts_with("/api/");
    let mut response = next.run(request).await;
    let Some(failure) = response.extensions_mut().remove::<Failure>() else { return response };
    let may_pass = failure.may_pass();
    let shell = Shell { who: response.extensions_mut().remove(), ..shell };
    let mut dressed = if for_program { failure.into_problem() } else { failure.into_page(shell) };
    if may_pass {
        dressed.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    }
    // What was said in headers besides: other methods, a cookie, when to come again.
    dressed.headers_mut().extend(std::mem::take(response.headers_mut()));
    dressed
}
