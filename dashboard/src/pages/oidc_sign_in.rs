//! The page that leads to the provider, the way there, the way back, and the way out.

use std::time::Instant;

use askama::Template;
use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use stockstream_store::ViewStore;
use tracing::{info, warn};

use crate::{
    auth::{
        authenticate::{From, Kind, flow_cookie, flow_value, now},
        client_address::safe_redirect,
        identity::highest_role,
        oidc::{
            Oidc,
            endpoints::{self, CALLBACK},
            error::OidcError,
            login_attempt::{LONGEST, LoginState},
        },
        session::{Id, Session},
    },
    data::state::AppState,
    error::HttpError,
    locale::translate::tf,
    pages::too_many_sign_ins::too_many,
    request::query::Parameters,
    ui::layout::{self, Layout},
    views::PageUrl,
};

const START: &str = "/sign-in/start";

/// The routes that are open to anybody.
pub(crate) fn routes<S: ViewStore>() -> Router<AppState<S>> {
    Router::new().route(START, get(start::<S>)).route(CALLBACK, get(callback::<S>))
}

#[derive(Template)]
#[template(path = "sign_in_oidc.html")]
struct SignInPage {
    shell: Layout,
    /// What readers know the provider by.
    provider: String,
    /// The way there.
    start: String,
    /// What went wrong before.
    problem: Option<String>,
    /// Whether the reader is known to the provider already, but may nothing here.
    again: bool,
}

#[derive(Template)]
#[template(path = "sign_out_oidc.html")]
struct SignOutPage {
    shell: Layout,
    provider: String,
    way_out: String,
}

/// Why nobody was let in, and what is said of it.
struct Problem {
    status: StatusCode,
    text: String,
    next: String,
    again: bool,
}

impl Problem {
    fn new(status: StatusCode, text: String) -> Self {
        Self { status, text, next: String::new(), again: false }
    }
}

/// The page to sign in at.
pub(crate) fn show(oidc: &Oidc, shell: Layout, next: &str) -> Result<Response, HttpError> {
    page(oidc, shell, StatusCode::OK, None, next, false)
}

fn page(
    oidc: &Oidc,
    shell: Layout,
    status: StatusCode,
    problem: Option<String>,
    next: &str,
    again: bool,
) -> Result<Response, HttpError> {
    let mut start = PageUrl::new(START);
    if !next.is_empty() {
        start = start.with("next", next);
    }
    if again {
        start = start.with("again", "1");
    }
    // In full: the cookie that is set there must come back with the reader, whatever this page was asked for by.
    let start = format!("{}{start}", oidc.public.origin);
    let shell = Layout { page: "Sign in", who: None, ..shell };
    let provider = endpoints::host(&oidc.options.issuer);
    layout::page_with(status, &SignInPage { shell, provider, start, problem, again })
}

async fn start<S: ViewStore>(
    State(app): State<AppState<S>>,
    Extension(from): Extension<From>,
    shell: Layout,
    query: Parameters,
) -> Result<Response, HttpError> {
    let access = &app.options.access;
    let Kind::Oidc(oidc) = &access.kind else { return Err(HttpError::not_found(START)) };
    let next = query.text("next").and_then(safe_redirect).unwrap_or_default();
    let again = query.text("again").is_some();
    let flow = LoginState::begin(next, now());
    match oidc.authorization_url(&flow, &access.key, again).await {
        Ok(there) => {
            let mut response = Redirect::to(&there).into_response();
            let value = flow.sealed(&access.key, oidc.ground());
            response.headers_mut().extend(flow_cookie(&value, &from).map(|cookie| (header::SET_COOKIE, cookie)));
            Ok(response)
        }
        Err(trouble) => {
            let problem = of_trouble(oidc, &trouble);
            page(oidc, shell, problem.status, Some(problem.text), next, again)
        }
    }
}

async fn callback<S: ViewStore>(
    State(app): State<AppState<S>>,
    Extension(from): Extension<From>,
    headers: HeaderMap,
    shell: Layout,
    query: Parameters,
) -> Result<Response, HttpError> {
    let access = &app.options.access;
    let Kind::Oidc(oidc) = &access.kind else { return Err(HttpError::not_found(CALLBACK)) };
    let flow = flow_value(&headers, &from, |value| LoginState::opened(value, &access.key, oidc.ground(), now()));
    let result = match flow {
        Some(flow) => {
            let_in(oidc, &app, &flow, &query, &from).await.map_err(|problem| Problem { next: flow.next, ..problem })
        }
        None => Err(stale(&from)),
    };
    let mut response = match result {
        Ok(response) => response,
        Err(Problem { status, text, next, again }) => page(oidc, shell, status, Some(text), &next, again)?,
    };
    // Whatever came of it, it is over: a code that is sent again is of no sign-in.
    if let Some(cookie) = flow_cookie("", &from) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn let_in<S: ViewStore>(
    oidc: &Oidc,
    app: &AppState<S>,
    flow: &LoginState,
    query: &Parameters,
    from: &From,
) -> Result<Response, Problem> {
    let access = &app.options.access;
    let issuer = query.text("iss");
    let is_answer = query.text("state").is_some_and(|state| flow.is_answered_by(state, &access.key));
    if !is_answer || issuer.is_some_and(|issuer| issuer != oidc.options.issuer) {
        return Err(stale(from));
    }
    let provider = endpoints::host(&oidc.options.issuer);
    if let Some(error) = query.text("error") {
        let error: String = error.chars().filter(char::is_ascii_graphic).take(60).collect();
        warn!(from = %from.client, error, "sign-in refused: the provider sent the reader back with an error");
        let text = tf("{} did not let you in ({}). Begin again, or ask whoever runs it.", &[&provider, &error]);
        return Err(Problem::new(StatusCode::FORBIDDEN, text));
    }
    let Some(code) = query.text("code") else { return Err(stale(from)) };
    let attempt = oidc.by_address.attempt_from(from.client, Instant::now()).map_err(|wait| {
        let (_, text) = too_many(wait);
        Problem::new(StatusCode::TOO_MANY_REQUESTS, text)
    })?;
    let (person, token) =
        oidc.redeem_code(flow, &access.key, code).await.map_err(|trouble| of_trouble(oidc, &trouble))?;
    let groups = &person.groups;
    let Some((group, role)) = highest_role(&oidc.options.roles, |group| groups.iter().any(|other| other == group))
    else {
        warn!(user = %person.name, subject = %person.subject, from = %from.client, "sign-in refused: no group has a role");
        let text = no_role(&provider, &person.name, groups);
        return Err(Problem { again: true, ..Problem::new(StatusCode::FORBIDDEN, text) });
    };
    oidc.by_address.take_back(attempt);
    info!(user = %person.name, subject = %person.subject, from = %from.client, %role, group, "signed in");
    let to = if flow.next.is_empty() { layout::home(role) } else { &flow.next };
    let mut response = Redirect::to(to).into_response();
    let session = Session::begin(&person.name, group, now());
    oidc.hints.keep(session.id, token);
    if let Some(cookie) = access.begun(&session, oidc.ground(), from) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The page after the session here has ended, on the way to end the one with the provider. A redirect would not do: a page
/// of ours may send forms to ourselves only, and browsers hold that against where the answer leads, too.
pub(crate) async fn end(oidc: &Oidc, shell: Layout, session: Option<Id>) -> Result<Response, HttpError> {
    let Some(way_out) = oidc.way_out(session).await else { return Ok(Redirect::to("/sign-in").into_response()) };
    let shell = Layout { page: "Sign out", who: None, ..shell };
    let provider = endpoints::host(&oidc.options.issuer);
    let refresh = HeaderValue::try_from(format!("0; url={way_out}")).ok();
    let mut response = layout::page(&SignOutPage { shell, provider, way_out })?;
    response.headers_mut().extend(refresh.map(|value| (header::REFRESH, value)));
    Ok(response)
}

fn stale(from: &From) -> Problem {
    warn!(from = %from.client, "sign-in refused: it was not begun in that browser, or too long ago");
    let text = tf(
        "This sign-in was not begun in this browser, or more than {} minutes ago. Begin again.",
        &[&(LONGEST / 60).to_string()],
    );
    Problem::new(StatusCode::BAD_REQUEST, text)
}

fn of_trouble(oidc: &Oidc, trouble: &OidcError) -> Problem {
    warn!(%trouble, "nobody can sign in");
    let provider = endpoints::host(&oidc.options.issuer);
    let (status, text) = match trouble {
        OidcError::Away { .. } => (
            StatusCode::SERVICE_UNAVAILABLE,
            tf(
                "{} does not answer, so nobody can sign in now. Try again in a moment; if it stays like that, tell \
                 whoever runs this dashboard: its log says why.",
                &[&provider],
            ),
        ),
        OidcError::Unnamed { claim } => (
            StatusCode::BAD_GATEWAY,
            tf(
                "{} does not say what you are called (claim {}). Tell whoever runs this dashboard.",
                &[&provider, claim],
            ),
        ),
        OidcError::Unusable { .. } | OidcError::Here { .. } => (
            StatusCode::BAD_GATEWAY,
            tf(
                "The sign-in with {} did not succeed. Begin again; if it stays like that, tell whoever runs this \
                 dashboard: its log says why.",
                &[&provider],
            ),
        ),
    };
    Problem::new(status, text)
}

fn no_role(provider: &str, name: &str, groups: &[String]) -> String {
    if groups.is_empty() {
        return tf(
            "{} knows you as {} but names no group of yours, and roles here are given to groups. Ask whoever runs this \
             dashboard for a role.",
            &[provider, name],
        );
    }
    let shown: Vec<_> = groups.iter().take(12).map(|group| group.chars().take(80).collect::<String>()).collect();
    let more = if groups.len() > shown.len() { ", …" } else { "" };
    tf(
        "{} knows you as {}, but none of your groups has a role here ({}). Ask whoever runs this dashboard for a role.",
        &[provider, name, &(shown.join(", ") + more)],
    )
}
