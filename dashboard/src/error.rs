//! What went wrong, for whoever asked.

use std::{borrow::Cow, time::Duration};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use snafu::Snafu;
use stockstream_store::StoreError;
use tracing::error;

use crate::locale::{
    format::sentence,
    translate::{Message, key},
};

/// A parameter that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Snafu)]
#[snafu(display("The parameter {parameter} is {value:?}; allowed is {allowed}"))]
pub(crate) struct BadParameter {
    /// Its name.
    pub(crate) parameter: Cow<'static, str>,
    /// What was said.
    pub(crate) value: String,
    /// What may be said.
    pub(crate) allowed: String,
}

/// What went wrong, for whoever asked. As a response it is bare; `middleware::error_pages` gives it the form that the path calls for.
#[derive(Clone, Debug)]
pub(crate) struct HttpError {
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) detail: Message,
    pub(crate) advice: &'static str,
    pub(crate) parameter: Option<Box<BadParameter>>,
    /// The methods that there are instead.
    allow: Option<&'static str>,
}

impl HttpError {
    pub(crate) fn new(
        status: StatusCode,
        title: &'static str,
        detail: impl Into<Message>,
        advice: &'static str,
    ) -> Self {
        Self { status, title, detail: detail.into(), advice, parameter: None, allow: None }
    }

    /// There is nothing at that path.
    pub(crate) fn not_found(path: &str) -> Self {
        let detail = Message::new("There is nothing at {}.", vec![path.to_owned().into()]);
        Self::new(StatusCode::NOT_FOUND, "Not found", detail, "Check the address, or start from the status page at /.")
    }

    /// Something other than reading was asked.
    pub(crate) fn read_only(method: &str, path: &str) -> Self {
        Self::method(method, path, "GET, HEAD")
    }

    /// The path takes other methods, these.
    pub(crate) fn method(method: &str, path: &str, allow: &'static str) -> Self {
        let detail = Message::new("{} is not possible at {}.", vec![method.to_owned().into(), path.to_owned().into()]);
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
    pub(crate) fn store_unavailable(why: &str) -> Self {
        Self::unavailable(format!("{}.", sentence(why)))
    }

    /// The store did not answer in time.
    pub(crate) fn timeout(limit: Duration) -> Self {
        let limit = limit.as_secs_f64();
        Self::unavailable(Message::new(
            "The database did not answer within {} s; check that MongoDB runs and that nothing slows it down.",
            vec![limit.to_string().into()],
        ))
    }

    fn unavailable(detail: impl Into<Message>) -> Self {
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

    /// Whether trying again may help.
    pub(crate) fn is_retryable(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }
}

impl From<BadParameter> for HttpError {
    fn from(bad: BadParameter) -> Self {
        let failure = Self::new(StatusCode::BAD_REQUEST, "That request cannot be answered", format!("{bad}."), "");
        Self { parameter: Some(Box::new(bad)), ..failure }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(allow) = self.allow {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// That what was said of a parameter cannot be used.
pub(crate) fn bad(parameter: impl Into<Cow<'static, str>>, value: &str, allowed: String) -> BadParameter {
    BadParameter { parameter: parameter.into(), value: value.chars().take(60).collect(), allowed }
}
