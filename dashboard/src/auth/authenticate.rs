//! Who it is that asks, by the kind of sign-in that was chosen.

use std::{
    fmt, fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use tracing::{info, warn};

use crate::{
    auth::{
        AccessOptions, Principal, Role, SignIn,
        client_address::Proxies,
        oidc::{LONGEST_SIGN_IN, Oidc},
        password_login::{Passwords, SignInError},
        proxy_headers::ProxyHeaders,
        revocations::RevokedSessions,
        session::{Id, Key, Session},
    },
    error::HttpError,
    locale::translate::Message,
    request::cookies::cookies,
};

/// How readers are known and what they may. Its secrets are not shown: neither by `Debug` nor in the log.
pub struct Authenticator {
    pub(crate) kind: Kind,
    proxies: Proxies,
    behind_tls: bool,
    pub(crate) key: Key,
    signed_out: RevokedSessions,
}

pub(crate) enum Kind {
    Off,
    Local,
    Password(Passwords),
    Proxy(ProxyHeaders),
    Oidc(Box<Oidc>),
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Off => "off",
            Kind::Local => "local",
            Kind::Password(_) => "password",
            Kind::Proxy(_) => "proxy",
            Kind::Oidc(_) => "oidc",
        };
        f.debug_struct("Access").field("kind", &kind).field("behind_tls", &self.behind_tls).finish_non_exhaustive()
    }
}

/// From where a request comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From {
    /// The other end of the connection.
    peer: IpAddr,
    /// Who is behind the trusted proxies.
    pub(crate) client: IpAddr,
    /// Whether the reader's browser speaks TLS.
    pub(crate) tls: bool,
}

/// Who asks, and the cookie to send with the answer where the session's is to be renewed.
pub(crate) type AuthResult = (Option<Principal>, Option<HeaderValue>);

impl Authenticator {
    /// Nobody signs in, and whoever reaches the dashboard may everything.
    #[must_use]
    pub fn off() -> Self {
        Self {
            kind: Kind::Off,
            proxies: Proxies::default(),
            behind_tls: false,
            key: Key::random(),
            signed_out: RevokedSessions::default(),
        }
    }

    /// Reads the files that the options name.
    ///
    /// # Errors
    /// When one of them cannot be used, or the options contradict each other: what is wrong, and what to do.
    pub fn open(options: AccessOptions) -> Result<Self, String> {
        let kind = match options.sign_in {
            SignIn::Off => Kind::Off,
            SignIn::Local => Kind::Local,
            SignIn::Password { users } => Kind::Password(Passwords::open(&users)?),
            SignIn::Proxy(_) if options.trusted_proxies.is_empty() => {
                return Err("sign-in by a proxy needs its addresses: name them as trusted proxies".into());
            }
            SignIn::Proxy(headers) if headers.roles.is_empty() => {
                return Err("sign-in by a proxy needs roles: say which groups have which role".into());
            }
            SignIn::Proxy(headers) => Kind::Proxy(headers),
            SignIn::Oidc(options) => Kind::Oidc(Box::new(Oidc::open(*options)?)),
        };
        let key = match options.session_key {
            Some(path) => {
                let place = path.display();
                let content =
                    fs::read(&path).map_err(|error| format!("failed to read the session key {place}: {error}"))?;
                Key::of(&content).map_err(|problem| format!("the session key {place} cannot be used: {problem}"))?
            }
            None => {
                if matches!(kind, Kind::Password(_) | Kind::Oidc(_)) {
                    info!("no session key is given: sessions are signed by one that ends with this process");
                }
                Key::random()
            }
        };
        let behind_tls = options.behind_tls || matches!(&kind, Kind::Oidc(oidc) if oidc.is_behind_tls());
        Ok(Self {
            kind,
            proxies: Proxies(options.trusted_proxies),
            behind_tls,
            key,
            signed_out: RevokedSessions::default(),
        })
    }

    /// The host under which readers reach the dashboard, where that is known: it must answer to it.
    #[must_use]
    pub fn public_host(&self) -> Option<&str> {
        if let Kind::Oidc(oidc) = &self.kind { Some(oidc.host()) } else { None }
    }

    /// Whether there is a page to sign in at.
    pub(crate) fn has_page(&self) -> bool {
        matches!(self.kind, Kind::Password(_) | Kind::Oidc(_))
    }

    pub(crate) fn from(&self, request: &Parts) -> From {
        let connection = request.extensions.get::<ConnectInfo<SocketAddr>>();
        // Nobody's address where the connection is not known: it is trusted with nothing.
        let peer = connection.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip().to_canonical());
        let headers = &request.headers;
        From {
            peer,
            client: self.proxies.client(peer, headers),
            tls: self.behind_tls || self.proxies.say_tls(peer, headers),
        }
    }

    /// Who asks; nobody, where somebody could sign in; or why nobody will be let in this way.
    pub(crate) async fn who(&self, request: &Parts, from: &From) -> Result<AuthResult, Response> {
        let headers = &request.headers;
        match &self.kind {
            Kind::Off => Ok((Some(Principal::anybody()), None)),
            Kind::Local if is_local(from.peer, headers) => Ok((Some(Principal::anybody()), None)),
            Kind::Local => Err(only_local().into_response()),
            Kind::Proxy(_) if !self.proxies.trust(from.peer) => {
                warn!(from = %from.peer, "refused: it did not come through a trusted proxy");
                Err(only_by_proxy().into_response())
            }
            Kind::Proxy(proxy) => match proxy.who(headers) {
                Ok(who) => Ok((Some(who), None)),
                Err(failure) => {
                    warn!(from = %from.client, reason = failure.detail.english(), "refused by what the proxy says");
                    Err(failure.into_response())
                }
            },
            Kind::Oidc(oidc) => Ok(self.session_of_group(oidc, headers, from)),
            Kind::Password(passwords) => {
                let known = self.session(passwords, headers, from);
                let path = request.uri.path();
                if known.0.is_some() || !is_for_programs(path) {
                    return Ok(known);
                }
                let Some((name, password)) = basic(headers) else { return Ok((None, None)) };
                match passwords.program(&self.key, &name, &password, from.client).await {
                    Ok((name, role)) => Ok((Some(Principal { name, role, can_sign_out: false }), None)),
                    Err(refusal) => Err(refused(refusal)),
                }
            }
        }
    }

    /// Whether who came with these headers is still in: where nobody has a session, they are.
    pub(crate) fn is_in(&self, headers: &HeaderMap, from: &From) -> bool {
        match &self.kind {
            Kind::Password(passwords) => self.session(passwords, headers, from).0.is_some(),
            Kind::Oidc(oidc) => self.session_of_group(oidc, headers, from).0.is_some(),
            Kind::Off | Kind::Local | Kind::Proxy(_) => true,
        }
    }

    /// Ends the sessions of these headers, also for whoever has a copy of their cookies. The last one's id.
    pub(crate) fn sign_out(&self, headers: &HeaderMap, from: &From) -> Option<Id> {
        let users = if let Kind::Password(passwords) = &self.kind { Some(passwords.users()) } else { None };
        let ground = |name: &str| match (&self.kind, &users) {
            (Kind::Oidc(oidc), _) => Some(oidc.ground()),
            (_, Some(users)) => users.named(name).map(|user| user.hash.as_bytes()),
            _ => None,
        };
        let (now, mut ended) = (now(), None);
        for value in cookies(headers, cookie_name(from.tls)) {
            if let Some(session) = Session::opened(value, &self.key, now, ground) {
                self.signed_out.note(session.id, session.until(), now);
                ended = Some(session.id);
            }
        }
        ended
    }

    fn session(&self, passwords: &Passwords, headers: &HeaderMap, from: &From) -> AuthResult {
        let users = passwords.users();
        let ground = |name: &str| users.named(name).map(|user| user.hash.as_bytes());
        self.standing(headers, from, ground, |session| {
            users.named(&session.name).map(|user| (Arc::clone(&user.name), user.role))
        })
    }

    fn session_of_group(&self, oidc: &Oidc, headers: &HeaderMap, from: &From) -> AuthResult {
        self.standing(
            headers,
            from,
            |_| Some(oidc.ground()),
            |session| oidc.role_of(&session.group).map(|role| (session.name.as_str().into(), role)),
        )
    }

    /// The session of a cookie. `ground` is what the sign-in of a name rests on, `of` says who that is now.
    fn standing<'a>(
        &self,
        headers: &HeaderMap,
        from: &From,
        ground: impl Fn(&str) -> Option<&'a [u8]>,
        of: impl FnOnce(&Session) -> Option<(Arc<str>, Role)>,
    ) -> AuthResult {
        let (now, name) = (now(), cookie_name(from.tls));
        let open = |value| Session::opened(value, &self.key, now, &ground);
        let stands = |session: &Session| !self.signed_out.has(session.id, session.until());
        let opened = cookies(headers, name).filter_map(open).find(stands);
        let Some((session, (name, role))) = opened.and_then(|session| of(&session).map(|who| (session, who))) else {
            return (None, None);
        };
        let renewed = session.seen_at(now).zip(ground(&session.name));
        let renewed = renewed.map(|(session, ground)| session.sealed(&self.key, ground));
        (Some(Principal { name, role, can_sign_out: true }), renewed.and_then(|value| cookie(&value, from.tls)))
    }

    /// The cookie of a session that begins.
    pub(crate) fn begin(&self, passwords: &Passwords, name: &str, from: &From) -> Option<HeaderValue> {
        let users = passwords.users();
        self.begun(&Session::begin(name, "", now()), users.named(name)?.hash.as_bytes(), from)
    }

    /// The cookie of that session.
    pub(crate) fn begun(&self, session: &Session, ground: &[u8], from: &From) -> Option<HeaderValue> {
        cookie(&session.sealed(&self.key, ground), from.tls)
    }
}

/// Programs that sign in with every request, not by a cookie.
pub(crate) fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || path == "/metrics"
}

/// A proxy on the same machine passes on what comes from elsewhere, and says so.
fn is_local(peer: IpAddr, headers: &HeaderMap) -> bool {
    peer.is_loopback() && !headers.contains_key("x-forwarded-for") && !headers.contains_key(header::FORWARDED)
}

fn only_local() -> HttpError {
    let detail = "Nobody can sign in to this dashboard, so it is shown on its own machine only.";
    let advice =
        "On Kubernetes use kubectl port-forward, or choose a sign-in in dashboard.auth; elsewhere with --auth.";
    HttpError::new(StatusCode::FORBIDDEN, "Not from here", detail, advice)
}

fn only_by_proxy() -> HttpError {
    let detail = "This dashboard is reached through the proxy that readers sign in to.";
    let advice = "If you came through it, its address is not among the dashboard's trusted proxies: add it.";
    HttpError::new(StatusCode::FORBIDDEN, "Not this way", detail, advice)
}

fn refused(refusal: SignInError) -> Response {
    match refusal {
        SignInError::Wrong => {
            let detail = "Name or password are wrong.";
            HttpError::new(StatusCode::UNAUTHORIZED, "Sign in first", detail, "Check both.").into_response()
        }
        SignInError::Later(wait) => {
            let seconds = wait.as_secs().max(1);
            let detail = Message::new("Too many sign-ins failed. Try again in {} s.", vec![seconds.to_string().into()]);
            let failure = HttpError::new(StatusCode::TOO_MANY_REQUESTS, "Too many tries", detail, "");
            ([(header::RETRY_AFTER, HeaderValue::from(seconds))], failure).into_response()
        }
    }
}

/// A browser takes the first from nobody but this host, by TLS, and sends it to nobody else.
const fn cookie_name(tls: bool) -> &'static str {
    if tls { "__Host-stockstream" } else { "stockstream" }
}

fn cookie(value: &str, tls: bool) -> Option<HeaderValue> {
    named_cookie(cookie_name(tls), value, tls, "")
}

fn named_cookie(name: &str, value: &str, tls: bool, age: &str) -> Option<HeaderValue> {
    let secure = if tls { "; Secure" } else { "" };
    let age = if value.is_empty() { "; Max-Age=0" } else { age };
    HeaderValue::try_from(format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")).ok()
}

/// The cookie of a sign-in that is under way with a provider; without a value, of one that is over. A page of the provider
/// leads back here, which takes cookies along that are `Lax`.
pub(crate) fn flow_cookie(value: &str, from: &From) -> Option<HeaderValue> {
    let age = format!("; Max-Age={LONGEST_SIGN_IN}");
    named_cookie(flow_cookie_name(from.tls), value, from.tls, &age)
}

/// The first of those cookies that can be used.
pub(crate) fn flow_value<T>(headers: &HeaderMap, from: &From, of: impl FnMut(&str) -> Option<T>) -> Option<T> {
    cookies(headers, flow_cookie_name(from.tls)).find_map(of)
}

const fn flow_cookie_name(tls: bool) -> &'static str {
    if tls { "__Host-stockstream-sign-in" } else { "stockstream-sign-in" }
}

/// The cookie that ends a session.
pub(crate) fn ended(from: &From) -> Option<HeaderValue> {
    cookie("", from.tls)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (name, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
