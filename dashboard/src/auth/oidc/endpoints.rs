//! Addresses of the provider and of this dashboard: which of them a password may travel to. Pure.

use std::net::IpAddr;

use axum::http::Uri;

/// Where the provider sends readers back to, at this dashboard.
pub(crate) const CALLBACK: &str = "/sign-in/callback";

/// Whether that address is asked by TLS, or is one of this machine.
fn is_safe(uri: &Uri) -> bool {
    let Some(authority) = uri.authority().filter(|authority| !authority.as_str().contains('@')) else { return false };
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_loopback(authority.host()),
        _ => false,
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn parsed(text: &str) -> Option<Uri> {
    if text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    text.parse::<Uri>().ok().filter(is_safe)
}

/// Whether that can be the address of a provider.
pub(crate) fn check_issuer(text: &str) -> Result<(), String> {
    match parsed(text) {
        Some(uri) if uri.query().is_none() => Ok(()),
        _ => Err(format!(
            "{text:?} is no issuer of OpenID Connect: write its address as the provider says it, https://…; http is for \
             one on this machine only"
        )),
    }
}

/// An address that a provider names. One that is asked by TLS names none that is not.
pub(crate) fn endpoint(text: &str, issuer: &str) -> Option<Uri> {
    let plain = issuer.starts_with("http://");
    parsed(text).filter(|uri| plain || uri.scheme_str() == Some("https"))
}

/// Where the provider describes itself.
pub(crate) fn of_metadata(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// The host, for sentences.
pub(crate) fn host(url: &str) -> String {
    let authority = url.parse::<Uri>().ok().and_then(|uri| Some(uri.authority()?.as_str().to_owned()));
    authority.unwrap_or_else(|| url.to_owned())
}

/// The address under which readers reach this dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Public {
    /// Without a slash at its end.
    pub(crate) origin: String,
    /// Its host, without a port.
    pub(crate) host: String,
    /// Whether readers come by TLS.
    pub(crate) tls: bool,
}

impl Public {
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        let uri = parsed(text).filter(|uri| uri.path() == "/" && uri.query().is_none());
        let authority = uri.as_ref().and_then(Uri::authority).ok_or_else(|| {
            format!(
                "{text:?} is no public URL: write the address that readers use, https://stock.example.com, without a \
                 path; http is for this machine only"
            )
        })?;
        let tls = text.starts_with("https");
        let origin = format!("{}://{authority}", if tls { "https" } else { "http" });
        Ok(Self { origin, host: authority.host().to_owned(), tls })
    }

    /// Where the provider sends readers back to.
    pub(crate) fn callback(&self) -> String {
        format!("{}{CALLBACK}", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_asked_by_tls_or_is_one_of_this_machine() {
        for good in ["https://id.example.com", "https://id.example.com:8443/realms/shop/", "http://localhost:4000"] {
            check_issuer(good).unwrap();
        }
        check_issuer("http://127.0.0.1:4000/x").unwrap();
        check_issuer("http://[::1]:4000").unwrap();
        for bad in [
            "",
            "id.example.com",
            "http://id.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "https://user@id.example.com",
            "https://id.example.com/?a=b",
            "https://id.example.com/#a",
            "ftp://id.example.com",
            "https://",
        ] {
            assert!(check_issuer(bad).is_err_and(|said| said.contains("https://…")), "{bad}");
        }
    }

    #[test]
    fn a_provider_that_is_asked_by_tls_names_no_address_that_is_not() {
        let (safe, local) = ("https://id.example.com", "http://127.0.0.1:4000");
        assert!(endpoint("https://other.example.com/token?x=1", safe).is_some());
        assert!(endpoint("http://127.0.0.1:4000/token", safe).is_none());
        assert!(endpoint("http://127.0.0.1:4000/token", local).is_some());
        assert!(endpoint("http://id.example.com/token", local).is_none());
        assert!(endpoint("javascript:alert(1)", local).is_none());
    }

    #[test]
    fn the_public_address_is_an_origin() {
        let public = Public::of("https://stock.example.com:8443/").unwrap();
        assert_eq!(public.callback(), "https://stock.example.com:8443/sign-in/callback");
        assert_eq!((public.host.as_str(), public.tls), ("stock.example.com", true));
        assert!(!Public::of("http://localhost:8080").unwrap().tls);
        for bad in ["http://stock.example.com", "https://stock.example.com/x", "stock.example.com", "https://a?b"] {
            assert!(Public::of(bad).is_err_and(|said| said.contains("without a path")), "{bad}");
        }
    }
}
