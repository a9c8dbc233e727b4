//! What every request passes before a handler sees it.

use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    Who,
    table::{Verdict, verdict},
};
use crate::{failure::Failure, shell};

/// Lets pass who may.
pub(crate) async fn check(mut request: Request, next: Next) -> Response {
    let who = Some(Who::anybody());
    let mut response = match decide(&request, who.as_ref()) {
        Ok(()) => {
            if let Some(who) = who.clone() {
                request.extensions_mut().insert(who);
            }
            next.run(request).await
        }
        Err(refusal) => refusal,
    };
    // A page that tells of a failure is made outside of here, and has a navigation too.
    if let Some(who) = who {
        response.extensions_mut().insert(who);
    }
    response
}

fn decide(request: &Request, who: Option<&Who>) -> Result<(), Response> {
    let Some(route) = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) else {
        // There is nothing at that path, which is told to readers only.
        return if who.is_some() { Ok(()) } else { Err(sign_in()) };
    };
    match (verdict(route, request.method(), who.map(|who| who.role)), who) {
        (Verdict::Pass, _) => Ok(()),
        (Verdict::SignIn, _) => Err(sign_in()),
        // Not theirs to see, but everybody begins there.
        (Verdict::NotThisRole, Some(who)) if route == "/" && request.method() == Method::GET => {
            Err(Redirect::to(shell::home(who.role)).into_response())
        }
        (Verdict::NotThisRole | Verdict::Unlisted, who) => Err(refused(request.uri().path(), who).into_response()),
        (Verdict::NotThisMethod(allowed), _) => {
            Err(Failure::method(request.method().as_str(), request.uri().path(), allowed).into_response())
        }
    }
}

fn sign_in() -> Response {
    let detail = "This dashboard is shown to those who have signed in.".to_owned();
    Failure::new(StatusCode::UNAUTHORIZED, "Sign in first", detail, "Sign in at /sign-in.").into_response()
}

fn refused(path: &str, who: Option<&Who>) -> Failure {
    let detail = match who {
        Some(who) => format!("The role {} does not include {path}.", who.role),
        None => format!("Nobody may see {path}."),
    };
    let advice = "Whoever runs this dashboard decides which role you have.";
    Failure::new(StatusCode::FORBIDDEN, "Not for you", detail, advice)
}
