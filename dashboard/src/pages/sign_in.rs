//! The page to sign in at, and the way out.

use askama::Template;
use axum::{
    Extension, Form, Router,
    extract::{DefaultBodyLimit, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use stockstream_store::ViewStore;
use tracing::info;

use super::{oidc_sign_in, too_many_sign_ins::too_many};
use crate::{
    auth::{
        authenticate::{From, Kind, ended},
        client_address::safe_redirect,
        password_login::SignInError,
    },
    data::state::AppState,
    error::HttpError,
    locale::translate::t,
    request::query::Parameters,
    ui::layout::{self, Layout},
};

const PATH: &str = "/sign-in";
/// Name, password and where to go on, with every byte escaped.
const LARGEST_FORM: usize = 16 << 10;

/// The routes that are open to anybody.
pub(crate) fn routes<S: ViewStore>() -> Router<AppState<S>> {
    let form = get(show::<S>).post(sign_in::<S>).layer(DefaultBodyLimit::max(LARGEST_FORM));
    Router::new().route(PATH, form).route("/sign-out", post(sign_out::<S>)).merge(oidc_sign_in::routes())
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Layout,
    name: String,
    next: String,
    /// What went wrong before.
    problem: Option<String>,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

async fn show<S: ViewStore>(
    State(app): State<AppState<S>>,
    shell: Layout,
    query: Parameters,
) -> Result<Response, HttpError> {
    let next = query.text("next").and_then(safe_redirect);
    if let Some(who) = &shell.who {
        return Ok(Redirect::to(next.unwrap_or_else(|| layout::home(who.role))).into_response());
    }
    let next = next.unwrap_or_default();
    match &app.options.access.kind {
        Kind::Password(_) => page(shell, StatusCode::OK, "", next, None),
        Kind::Oidc(oidc) => oidc_sign_in::show(oidc, shell, next),
        _ => Ok(Redirect::to("/").into_response()),
    }
}

async fn sign_in<S: ViewStore>(
    State(app): State<AppState<S>>,
    Extension(from): Extension<From>,
    shell: Layout,
    form: Result<Form<Fields>, FormRejection>,
) -> Result<Response, HttpError> {
    let Kind::Password(passwords) = &app.options.access.kind else {
        return Err(HttpError::not_found(PATH));
    };
    let Form(Fields { name, password, next }) = form.map_err(|error| unreadable(&error))?;
    let (name, next) = (name.trim(), safe_redirect(&next).unwrap_or_default());
    // Somebody else may sign in on the same browser: the page is not theirs who signed in before.
    let shell = Layout { who: None, ..shell };
    if name.is_empty() || password.is_empty() {
        let problem = t("Enter both your name and your password.").into_owned();
        return page(shell, StatusCode::UNPROCESSABLE_ENTITY, name, next, Some(problem));
    }
    match passwords.sign_in(name, &password, from.client).await {
        Ok((name, role)) => {
            let to = if next.is_empty() { layout::home(role) } else { next };
            let mut response = Redirect::to(to).into_response();
            if let Some(cookie) = app.options.access.begin(passwords, &name, &from) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(SignInError::Wrong) => {
            let problem = t("Name or password are wrong. Check both; capital letters matter.").into_owned();
            page(shell, StatusCode::UNAUTHORIZED, name, next, Some(problem))
        }
        Err(SignInError::Later(wait)) => {
            let (seconds, problem) = too_many(wait);
            let mut response = page(shell, StatusCode::TOO_MANY_REQUESTS, name, next, Some(problem))?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    }
}

async fn sign_out<S: ViewStore>(
    State(app): State<AppState<S>>,
    Extension(from): Extension<From>,
    headers: HeaderMap,
    shell: Layout,
) -> Result<Response, HttpError> {
    let session = app.options.access.sign_out(&headers, &from);
    if let Some(who) = &shell.who {
        info!(user = %who.name, from = %from.client, "signed out");
    }
    let mut response = match (&app.options.access.kind, &shell.who) {
        (Kind::Oidc(oidc), Some(_)) => oidc_sign_in::end(oidc, shell, session).await?,
        _ => Redirect::to(PATH).into_response(),
    };
    if let Some(cookie) = ended(&from) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn page(
    shell: Layout,
    status: StatusCode,
    name: &str,
    next: &str,
    problem: Option<String>,
) -> Result<Response, HttpError> {
    let shell = Layout { page: "Sign in", ..shell };
    layout::page_with(status, &SignInPage { shell, name: name.to_owned(), next: next.to_owned(), problem })
}

fn unreadable(error: &FormRejection) -> HttpError {
    let detail = "The form could not be read.";
    HttpError::new(error.status(), "That request cannot be answered", detail, "Sign in at /sign-in.")
}
