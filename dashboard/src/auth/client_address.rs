//! From where a request comes: the connection, what a trusted proxy says of it, and which page sent it. Pure.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Addresses of proxies that are believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(pub(crate) Vec<IpNet>);

impl Proxies {
    /// Whether that is one of them.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Who asks the outermost trusted proxy. An entry that a stranger wrote stands to the left of the one that the first
    /// trusted proxy wrote, and is never reached.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
        let mut client = peer.to_canonical();
        for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Ok(next) = entry.trim().parse::<IpAddr>() else { break };
            if !self.trust(client) {
                break;
            }
            client = next.to_canonical();
        }
        client
    }

    /// Whether the reader's browser speaks TLS, as far as a trusted proxy says.
    pub(crate) fn say_tls(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let mut said = headers.get_all(FORWARDED_PROTO).iter();
        let proto = said.next().and_then(|proto| proto.to_str().ok());
        self.trust(peer) && said.next().is_none() && proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
    }
}

/// Whether a page of somebody else sent a request that may change something. Browsers say it themselves; older ones, and
/// all on plain HTTP, say at least the page's origin. A program says neither, and has no cookie that could be abused.
pub(crate) fn is_cross_site(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) {
        return false;
    }
    let mut sites = headers.get_all(FETCH_SITE).iter();
    if let Some(site) = sites.next() {
        return !(sites.next().is_none() && matches!(site.as_bytes(), b"same-origin" | b"none"));
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    let same = || {
        let (scheme, authority) = origin.to_str().ok()?.split_once("://")?;
        let default = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return None,
        };
        let plain = |name: &str| name.strip_suffix(default).unwrap_or(name).to_ascii_lowercase();
        (plain(authority) == plain(host?)).then_some(())
    };
    origins.next().is_some() || same().is_none()
}

/// A path of this dashboard to go on to: anything that a browser could take for another host is none.
pub(crate) fn safe_redirect(text: &str) -> Option<&str> {
    let follows = text.strip_prefix('/')?;
    let is_own = !follows.starts_with(['/', '\\']) && text.len() <= 2_048 && text.bytes().all(|b| b.is_ascii_graphic());
    is_own.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        let header =
            |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), value.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in of.iter().map(header) {
            headers.append(name, value);
        }
        headers
    }

    fn proxies() -> Proxies {
        Proxies(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_who_asks_and_how() {
        let (proxy, stranger) = ("10.1.2.3".parse().unwrap(), "192.0.2.9".parse().unwrap());
        let said =
            headers(&[("x-forwarded-for", "198.51.100.1, 203.0.113.7, 10.9.9.9"), ("x-forwarded-proto", "https")]);
        assert_eq!(proxies().client(proxy, &said).to_string(), "203.0.113.7");
        assert_eq!(proxies().client(stranger, &said), stranger);
        assert!(proxies().say_tls(proxy, &said) && !proxies().say_tls(stranger, &said));
        assert!(!proxies().say_tls(proxy, &headers(&[("x-forwarded-proto", "http"), ("x-forwarded-proto", "https")])));
        let two = headers(&[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.7")]);
        assert_eq!(proxies().client("::ffff:10.0.0.1".parse().unwrap(), &two).to_string(), "203.0.113.7");
        assert_eq!(proxies().client(proxy, &headers(&[("x-forwarded-for", "nonsense")])), proxy);
        assert_eq!(Proxies::default().client(stranger, &said), stranger);
    }

    #[test]
    fn what_another_page_sends_is_forged() {
        let uri = Uri::from_static("/enter");
        let forged = |method: Method, of: &[(&'static str, &'static str)]| is_cross_site(&method, &uri, &headers(of));
        let host = ("host", "stock.example.com");
        for (said, is) in [
            (vec![host], false),
            (vec![host, ("sec-fetch-site", "same-origin")], false),
            (vec![host, ("sec-fetch-site", "none")], false),
            (vec![host, ("sec-fetch-site", "cross-site")], true),
            (vec![host, ("sec-fetch-site", "same-site")], true),
            (vec![host, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], true),
            (vec![host, ("origin", "https://stock.example.com")], false),
            (vec![host, ("origin", "https://STOCK.example.com:443")], false),
            (vec![("host", "localhost:8080"), ("origin", "http://localhost:8080")], false),
            (vec![("host", "localhost:8080"), ("origin", "http://localhost:8081")], true),
            (vec![host, ("origin", "https://stock.example.com.evil.example")], true),
            (vec![host, ("origin", "https://evil.example")], true),
            (vec![host, ("origin", "null")], true),
            (vec![("origin", "https://stock.example.com")], true),
        ] {
            assert_eq!(forged(Method::POST, &said), is, "{said:?}");
            assert_eq!(forged(Method::DELETE, &said), is, "{said:?}");
            assert!(!forged(Method::GET, &said) && !forged(Method::HEAD, &said));
        }
    }

    #[test]
    fn one_goes_on_to_a_page_of_this_dashboard_only() {
        for path in ["/", "/clients?q=a%20b&sort=-invoices", "/product?id=%2F%2Fx"] {
            assert_eq!(safe_redirect(path), Some(path));
        }
        for path in
            ["", "clients", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "/a b"]
        {
            assert_eq!(safe_redirect(path), None, "{path}");
        }
    }
}
