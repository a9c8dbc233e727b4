//! What every request passes: the name it was sent to, and the headers of every answer.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::warn;

use crate::{api::health, error::HttpError, locale::translate::Message, request::context::RequestContext};

/// What a page may do: nothing but this.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
const HEADERS: [(header::HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Puts the security headers on an answer; what does not say otherwise is not to be stored.
pub(crate) async fn set_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let nonce = RequestContext::current().nonce.clone().filter(|_| is_page);
    // Only the scripts that this answer names by its own nonce, and what they fetch from here.
    let scripts = nonce.map(|nonce| format!("{POLICY}; script-src 'nonce-{nonce}'; connect-src 'self'"));
    let policy = scripts.and_then(|policy| HeaderValue::try_from(policy).ok());
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.unwrap_or(HeaderValue::from_static(POLICY)));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The names that the dashboard answers to. A page of a stranger that makes its own name point here (DNS rebinding)
/// would otherwise read everything through the reader's browser.
#[derive(Clone)]
pub(crate) struct Hosts(Arc<[String]>);

impl Hosts {
    /// Those of the loopback, and these.
    pub(crate) fn new(allowed: &[String]) -> Self {
        let name = |entry: &String| {
            let name = host_name(entry).or_else(|| host_name(&format!("[{entry}]")));
            if name.is_none() {
                warn!(entry, "an allowed host is ignored: it is not a host name or address");
            }
            name
        };
        Self(allowed.iter().filter_map(name).collect())
    }

    fn allow(&self, name: &str) -> bool {
        let loopback = name.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback());
        loopback || name == "localhost" || name.ends_with(".localhost") || self.0.iter().any(|allowed| allowed == name)
    }
}

/// Refuses requests that were sent to another name.
pub(crate) async fn check_host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    // A probe comes by the pod's address, which nobody can know beforehand; it learns nothing from the answer.
    if health::is_probe(request.uri().path()) {
        return next.run(request).await;
    }
    match asked_for(&request) {
        Some(name) if hosts.allow(&name) => next.run(request).await,
        Some(name) => {
            let detail = Message::new("This dashboard does not answer to the host name {}.", vec![name.into()]);
            let advice =
                "If that name is meant, add it to the dashboard's allowed hosts; on the machine itself use localhost.";
            HttpError::new(StatusCode::MISDIRECTED_REQUEST, "Not this host", detail, advice).into_response()
        }
        None => {
            let detail = "The request does not say, in one Host header, which host it is meant for.";
            HttpError::new(StatusCode::BAD_REQUEST, "No host name", detail, "Send one, such as localhost.")
                .into_response()
        }
    }
}

fn asked_for(request: &Request) -> Option<String> {
    let mut values = request.headers().get_all(header::HOST).iter();
    let (host, more) = (values.next()?, values.next());
    let host = host_name(host.to_str().ok()?)?;
    // An address in absolute form names a host of its own: both must be the same.
    let same = request.uri().authority().is_none_or(|authority| host_name(authority.as_str()).as_ref() == Some(&host));
    (more.is_none() && same).then_some(host)
}

fn host_name(authority: &str) -> Option<String> {
    if authority.contains('@') {
        return None;
    }
    let authority: Authority = authority.parse().ok()?;
    let name = authority.host();
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name);
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_allowed_names_are_answered_on_any_port() {
        let hosts = Hosts::new(&["Stock.Example.com".into(), "10.1.2.3:8080".into(), "fd00::7".into()]);
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "stock.localhost",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
            "localhost.",
            "stock.example.com:443",
            "10.1.2.3",
            "[fd00::7]:80",
        ] {
            assert!(host_name(host).is_some_and(|name| hosts.allow(&name)), "{host}");
        }
    }

    #[test]
    fn other_names_are_not() {
        let hosts = Hosts::new(&["stock.example.com".into()]);
        for host in [
            "example.com",
            "evil.stock.example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "10.0.0.1",
            "user@localhost",
            "",
            ":80",
            "[::1",
        ] {
            assert!(!host_name(host).is_some_and(|name| hosts.allow(&name)), "{host}");
        }
    }
}
