//! The two forms of what went wrong: a page for a person, problem JSON (RFC 9457) for a program.

use std::borrow::Cow;

use askama::Template;
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{error::HttpError, request::context::RequestContext, ui::layout::Layout};

/// After how many seconds a reader tries again when the database did not answer.
const RETRY_SECONDS: u64 = 10;

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
    shell: Layout,
    failure: HttpError,
}

/// Gives a failure its form: problem JSON below `/api/`, a page elsewhere.
pub(crate) async fn render_error_page(State(shell): State<Layout>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let for_program = path.starts_with("/api/");
    let mut response = next.run(request).await;
    let Some(failure) = response.extensions_mut().remove::<HttpError>() else { return response };
    let is_retryable = failure.is_retryable();
    let shell = Layout { who: response.extensions_mut().remove(), ..shell };
    let mut dressed = if for_program { problem(failure) } else { page(failure, shell) };
    if is_retryable {
        dressed.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    }
    // What was said in headers besides: other methods, a cookie, when to come again.
    dressed.headers_mut().extend(std::mem::take(response.headers_mut()));
    dressed
}

fn page(failure: HttpError, mut shell: Layout) -> Response {
    let status = failure.status;
    shell.page = failure.title;
    shell.reader = RequestContext::current();
    shell.refresh = failure.is_retryable().then_some(RETRY_SECONDS);
    match (FailurePage { shell, failure }).render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => status.into_response(), // no template is left to say it with
    }
}

fn problem(failure: HttpError) -> Response {
    let (parameter, value, allowed) = match failure.parameter {
        Some(bad) => (Some(bad.parameter), Some(bad.value), Some(bad.allowed)),
        None => (None, None, None),
    };
    let detail = format!("{} {}", failure.detail.english(), failure.advice).trim_end().to_owned();
    let problem = Problem {
        kind: "about:blank",
        title: failure.title,
        status: failure.status.as_u16(),
        detail,
        parameter,
        value,
        allowed,
    };
    let kind = HeaderValue::from_static("application/problem+json");
    (failure.status, [(header::CONTENT_TYPE, kind)], Json(problem)).into_response()
}
