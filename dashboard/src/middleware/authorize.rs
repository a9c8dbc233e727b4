//! What every request passes before a handler sees it.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use tracing::{Instrument, info_span, warn};

use crate::{
    api::live,
    auth::{
        Authenticator, Principal, SessionCheck,
        authenticate::{Kind, is_for_programs},
        client_address::is_cross_site,
        permissions::{Decision, verdict},
    },
    error::HttpError,
    locale::translate::{Message, key},
    ui::layout,
};

/// A year.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Lets pass who may.
pub(crate) async fn check(State(access): State<Arc<Authenticator>>, request: Request, next: Next) -> Response {
    let (mut request, body) = request.into_parts();
    let from = access.from(&request);
    let mut response = if is_cross_site(&request.method, &request.uri, &request.headers) {
        warn!(from = %from.client, path = request.uri.path(), "refused: a page of another site sent it");
        forged().into_response()
    } else {
        let known = access.who(&request, &from).await;
        let (known, refusal) = match known {
            Ok(known) => (known, None),
            Err(refusal) => ((None, None), Some(refusal)),
        };
        let (who, renewed) = known;
        request.extensions.insert(from);
        if let Some(who) = &who {
            request.extensions.insert(who.clone());
            if request.uri.path() == live::PATH {
                let stay = SessionCheck::new(&access, &request.headers, from);
                request.extensions.insert(stay);
            }
        }
        let mut response = match refusal_of(&access, &request, who.as_ref(), refusal) {
            None => match &who {
                Some(who) if !who.name.is_empty() => {
                    let span = info_span!("reader", name = %who.name, role = %who.role);
                    next.run(Request::from_parts(request, body)).instrument(span).await
                }
                _ => next.run(Request::from_parts(request, body)).await,
            },
            Some(refusal) => refusal,
        };
        // A page that tells of a failure is made outside of here, and has a navigation too.
        if let Some(who) = who {
            response.extensions_mut().insert(who);
        }
        if let Some(cookie) = renewed {
            response.headers_mut().entry(header::SET_COOKIE).or_insert(cookie);
        }
        response
    };
    if from.tls {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

/// The answer to a request that may not pass. `unknown` is why nobody is known, where that is told.
fn refusal_of(
    access: &Authenticator,
    request: &Parts,
    who: Option<&Principal>,
    unknown: Option<Response>,
) -> Option<Response> {
    let (method, path) = (&request.method, request.uri.path());
    let nobody = || unknown.unwrap_or_else(|| sign_in(access, request));
    let Some(route) = request.extensions.get::<MatchedPath>().map(MatchedPath::as_str) else {
        // There is nothing at that path, which is told to readers only.
        return who.is_none().then(nobody);
    };
    match (verdict(route, method, who.map(|who| who.role)), who) {
        (Decision::Pass, _) => None,
        (Decision::SignIn, _) => Some(nobody()),
        // Not theirs to see, but everybody begins there.
        (Decision::NotThisRole, Some(who)) if route == "/" && method == Method::GET => {
            Some(Redirect::to(layout::home(who.role)).into_response())
        }
        (Decision::NotThisRole | Decision::Unlisted, who) => Some(refused(path, who).into_response()),
        (Decision::NotThisMethod(allowed), _) => {
            Some(HttpError::method(method.as_str(), path, allowed).into_response())
        }
    }
}

/// A person is led to the sign-in and back; a program is told.
fn sign_in(access: &Authenticator, request: &Parts) -> Response {
    let (headers, path) = (&request.headers, request.uri.path());
    let (has_page, by_password) = (access.has_page(), matches!(access.kind, Kind::Password(_)));
    let takes_pages = headers.get(header::ACCEPT).is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html"));
    if has_page && takes_pages && matches!(request.method, Method::GET | Method::HEAD) {
        return Redirect::to(&sign_in_address(&request.uri)).into_response();
    }
    let detail = "This dashboard is shown to those who have signed in.";
    let advice = if is_for_programs(path) && by_password {
        key("Send a name and password with the request (HTTP Basic), or sign in at /sign-in.")
    } else {
        key("Sign in at /sign-in.")
    };
    let mut response = HttpError::new(StatusCode::UNAUTHORIZED, "Sign in first", detail, advice).into_response();
    // A browser would ask for a password in a window of its own, and never forget it.
    if by_password && is_for_programs(path) && !headers.contains_key("sec-fetch-mode") {
        let challenge = HeaderValue::from_static("Basic realm=\"Stockstream\", charset=\"UTF-8\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn sign_in_address(uri: &Uri) -> String {
    match uri.path_and_query().map(|path| path.as_str()) {
        None | Some("/") => "/sign-in".to_owned(),
        Some(next) => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
            format!("/sign-in?{query}")
        }
    }
}

fn refused(path: &str, who: Option<&Principal>) -> HttpError {
    let detail = match who {
        Some(who) => {
            Message::new("The role {} does not include {}.", vec![who.role.name().into(), path.to_owned().into()])
        }
        None => Message::new("Nobody may see {}.", vec![path.to_owned().into()]),
    };
    let advice = "Whoever runs this dashboard decides which role you have.";
    HttpError::new(StatusCode::FORBIDDEN, "Not for you", detail, advice)
}

fn forged() -> HttpError {
    let detail = "A page of another site sent this request.";
    let advice = "Open this dashboard itself and do it there. A proxy before it must keep the Host header.";
    HttpError::new(StatusCode::FORBIDDEN, "Not from there", detail, advice)
}
