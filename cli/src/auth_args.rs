//! Who may see the page, as flags and variables say it.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use stockstream_dashboard::{AccessOptions, Authenticator, HeaderName, IpNet, OidcOptions, ProxyHeaders, Role, SignIn};

use crate::exit::Failure;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Auth {
    /// Nobody signs in; whoever reaches the page may everything
    Off,
    /// Nobody signs in; only this machine is answered, and a port-forward to a pod
    Local,
    /// By name and password, from --users-file
    Password,
    /// By headers of a proxy before the page, one of --trusted-proxy
    Proxy,
    /// With a provider of OpenID Connect, --oidc-issuer
    Oidc,
}

#[derive(Args)]
#[command(next_help_heading = "Who may see the page")]
pub(crate) struct AuthArgs {
    /// How readers sign in [default: off where --listen is of the loopback; elsewhere it must be said]
    #[arg(long, value_enum, value_name = "HOW", env = "STOCKSTREAM_DASHBOARD_AUTH", hide_possible_values = false)]
    auth: Option<Auth>,
    /// File with a line for each user, as `stockstream hash-password` prints it; it is read again when it changes
    #[arg(long, value_name = "FILE", env = "STOCKSTREAM_DASHBOARD_USERS_FILE")]
    users_file: Option<PathBuf>,
    /// File with 32 bytes or more that sign the sessions [default: random; sessions end with the process]
    #[arg(long, value_name = "FILE", env = "STOCKSTREAM_DASHBOARD_SESSION_KEY_FILE")]
    session_key_file: Option<PathBuf>,
    /// Addresses of proxies that are believed who asks them, separated by commas: 10.0.0.7 or 10.0.0.0/24
    #[arg(long = "trusted-proxy", value_name = "CIDR", env = "STOCKSTREAM_DASHBOARD_TRUSTED_PROXIES",
        value_delimiter = ',', value_parser = network)]
    trusted_proxies: Vec<IpNet>,
    /// Header of the proxy that names the reader
    #[arg(long, value_name = "NAME", env = "STOCKSTREAM_DASHBOARD_USER_HEADER", default_value = "X-Forwarded-User")]
    user_header: HeaderName,
    /// Header of the proxy that lists the reader's groups, separated by commas
    #[arg(
        long,
        value_name = "NAME",
        env = "STOCKSTREAM_DASHBOARD_GROUPS_HEADER",
        default_value = "X-Forwarded-Groups"
    )]
    groups_header: HeaderName,
    #[command(flatten)]
    oidc: Oidc,
    /// Role of a group of the proxy or the provider, as in stock-admins=Administrator; separated by commas
    #[arg(long = "group-role", value_name = "GROUP=ROLE", env = "STOCKSTREAM_DASHBOARD_GROUP_ROLES",
        value_delimiter = ',', value_parser = group_role)]
    group_roles: Vec<(String, Role)>,
    /// Readers come by TLS only, also where no trusted proxy says so: cookies are sent by TLS alone
    #[arg(long, env = "STOCKSTREAM_DASHBOARD_BEHIND_TLS")]
    behind_tls: bool,
}

#[derive(Args)]
struct Oidc {
    /// Address of the provider of OpenID Connect, as it says it itself: https://id.example.com/realms/shop
    #[arg(long = "oidc-issuer", value_name = "URL", env = "STOCKSTREAM_DASHBOARD_OIDC_ISSUER")]
    issuer: Option<String>,
    /// What the provider knows the page by
    #[arg(long = "oidc-client-id", value_name = "ID", env = "STOCKSTREAM_DASHBOARD_OIDC_CLIENT_ID")]
    client_id: Option<String>,
    /// File with the secret that goes with it
    #[arg(
        long = "oidc-client-secret-file",
        value_name = "FILE",
        env = "STOCKSTREAM_DASHBOARD_OIDC_CLIENT_SECRET_FILE"
    )]
    client_secret: Option<PathBuf>,
    /// Address under which readers reach the page; the provider must know its /sign-in/callback
    #[arg(long, value_name = "URL", env = "STOCKSTREAM_DASHBOARD_PUBLIC_URL")]
    public_url: Option<String>,
    /// What is asked for, separated by commas [default: openid,profile]
    #[arg(
        long = "oidc-scopes",
        value_name = "SCOPE",
        env = "STOCKSTREAM_DASHBOARD_OIDC_SCOPES",
        value_delimiter = ','
    )]
    scopes: Vec<String>,
    /// Claim that says what a reader is called [default: preferred_username]
    #[arg(long = "oidc-name-claim", value_name = "CLAIM", env = "STOCKSTREAM_DASHBOARD_OIDC_NAME_CLAIM")]
    name_claim: Option<String>,
    /// Claim that lists a reader's groups [default: groups]
    #[arg(long = "oidc-groups-claim", value_name = "CLAIM", env = "STOCKSTREAM_DASHBOARD_OIDC_GROUPS_CLAIM")]
    groups_claim: Option<String>,
    /// File of authorities (PEM) that the provider's certificate is held against instead of the system's
    #[arg(long = "oidc-ca-file", value_name = "FILE", env = "STOCKSTREAM_DASHBOARD_OIDC_CA_FILE")]
    authorities: Option<PathBuf>,
}

impl Oidc {
    fn options(&self, roles: &[(String, Role)]) -> Result<OidcOptions, String> {
        let needed = |what: &str| format!("--auth oidc needs {what}");
        if roles.is_empty() {
            return Err(needed("--group-role, as in stock-admins=Administrator"));
        }
        let or = |said: &Option<String>, default: &str| said.clone().unwrap_or_else(|| default.to_owned());
        let scopes = OidcOptions::SCOPES.split(',').map(str::to_owned);
        Ok(OidcOptions {
            issuer: self.issuer.clone().ok_or_else(|| needed("--oidc-issuer: the provider's address"))?,
            client_id: self
                .client_id
                .clone()
                .ok_or_else(|| needed("--oidc-client-id: make a client for the page at the provider"))?,
            client_secret: self
                .client_secret
                .clone()
                .ok_or_else(|| needed("--oidc-client-secret-file: a file with the client's secret"))?,
            public_url: self
                .public_url
                .clone()
                .ok_or_else(|| needed("--public-url: the address that readers use, as in https://stock.example.com"))?,
            scopes: if self.scopes.is_empty() { scopes.collect() } else { self.scopes.clone() },
            name_claim: or(&self.name_claim, OidcOptions::NAME_CLAIM),
            groups_claim: or(&self.groups_claim, OidcOptions::GROUPS_CLAIM),
            authorities: self.authorities.clone(),
            roles: roles.to_owned(),
        })
    }
}

impl AuthArgs {
    /// What readers must be known by, with its files read.
    pub(crate) fn open(&self, listen: SocketAddr) -> Result<Arc<Authenticator>, Failure> {
        self.decided(listen).and_then(Authenticator::open).map(Arc::new).map_err(|message| Failure::Usage { message })
    }

    fn decided(&self, listen: SocketAddr) -> Result<AccessOptions, String> {
        let auth = match self.auth {
            Some(auth) => auth,
            None if listen.ip().is_loopback() => Auth::Off,
            None => {
                return Err(format!(
                    "the page would be open to whoever reaches {listen}: choose a sign-in with --auth password, --auth \
                     oidc or --auth proxy; --auth off says that it shall be open"
                ));
            }
        };
        let oidc = &self.oidc;
        for (given, flag, of) in [
            (self.users_file.is_some(), "--users-file", &[Auth::Password][..]),
            (self.session_key_file.is_some(), "--session-key-file", &[Auth::Password, Auth::Oidc]),
            (!self.group_roles.is_empty(), "--group-role", &[Auth::Proxy, Auth::Oidc]),
            (oidc.issuer.is_some(), "--oidc-issuer", &[Auth::Oidc]),
            (oidc.client_id.is_some(), "--oidc-client-id", &[Auth::Oidc]),
            (oidc.client_secret.is_some(), "--oidc-client-secret-file", &[Auth::Oidc]),
            (oidc.public_url.is_some(), "--public-url", &[Auth::Oidc]),
            (!oidc.scopes.is_empty(), "--oidc-scopes", &[Auth::Oidc]),
            (oidc.name_claim.is_some(), "--oidc-name-claim", &[Auth::Oidc]),
            (oidc.groups_claim.is_some(), "--oidc-groups-claim", &[Auth::Oidc]),
            (oidc.authorities.is_some(), "--oidc-ca-file", &[Auth::Oidc]),
        ] {
            // A flag that does nothing may be taken for a protection.
            if given && !of.contains(&auth) {
                let of = of.iter().filter_map(ValueEnum::to_possible_value);
                let of: Vec<_> = of.map(|value| format!("--auth {}", value.get_name())).collect();
                return Err(format!("{flag} is for {} only: add that, or leave it out", of.join(" and ")));
            }
        }
        let sign_in = match auth {
            Auth::Off => SignIn::Off,
            Auth::Local => SignIn::Local,
            Auth::Password => SignIn::Password {
                users: self.users_file.clone().ok_or(
                    "--auth password needs --users-file: make one with stockstream hash-password NAME ROLE >> FILE",
                )?,
            },
            Auth::Proxy if self.trusted_proxies.is_empty() => {
                return Err("--auth proxy needs --trusted-proxy: the address that the proxy asks from".into());
            }
            Auth::Proxy if self.group_roles.is_empty() => {
                return Err("--auth proxy needs --group-role, as in stock-admins=Administrator".into());
            }
            Auth::Proxy => SignIn::Proxy(ProxyHeaders {
                user: self.user_header.clone(),
                groups: self.groups_header.clone(),
                roles: self.group_roles.clone(),
            }),
            Auth::Oidc => SignIn::Oidc(Box::new(oidc.options(&self.group_roles)?)),
        };
        Ok(AccessOptions {
            sign_in,
            session_key: self.session_key_file.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            behind_tls: self.behind_tls,
        })
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "write an address or a network, such as 10.0.0.7 or 10.0.0.0/24".to_owned())
}

fn group_role(text: &str) -> Result<(String, Role), String> {
    let (group, role) = text.rsplit_once('=').ok_or("write GROUP=ROLE, as in stock-admins=Administrator")?;
    Ok((group.to_owned(), role.parse()?))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const OIDC: [&str; 6] = [
        "--auth=oidc",
        "--group-role=a=User",
        "--oidc-issuer=https://id.example.com",
        "--oidc-client-id=stock",
        "--oidc-client-secret-file=secret",
        "--public-url=https://stock.example.com",
    ];

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        who: AuthArgs,
    }

    fn decided(listen: &str, flags: &[&str]) -> Result<AccessOptions, String> {
        let line = Line::try_parse_from(["page"].iter().chain(flags)).map_err(|error| error.to_string())?;
        line.who.decided(listen.parse().unwrap())
    }

    #[test]
    fn the_loopback_alone_is_open_without_being_said() {
        for (listen, flags, expected) in [
            ("127.0.0.1:80", &[][..], "Ok(Off)"),
            ("[::1]:80", &[], "Ok(Off)"),
            ("0.0.0.0:80", &[], "the page would be open"),
            ("[::]:80", &[], "the page would be open"),
            ("10.0.0.1:80", &["--behind-tls"], "the page would be open"),
            ("0.0.0.0:80", &["--auth=off"], "Ok(Off)"),
            ("0.0.0.0:80", &["--auth=local"], "Ok(Local)"),
            ("0.0.0.0:80", &["--auth=password"], "needs --users-file"),
            ("127.0.0.1:80", &["--users-file=u"], "--users-file is for --auth password only"),
            (
                "127.0.0.1:80",
                &["--auth=off", "--group-role=a=User"],
                "--group-role is for --auth proxy and --auth oidc only",
            ),
            ("127.0.0.1:80", &["--auth=proxy", "--public-url=https://x"], "--public-url is for --auth oidc only"),
            ("0.0.0.0:80", &["--auth=oidc"], "needs --group-role"),
            ("0.0.0.0:80", &["--auth=oidc", "--group-role=a=User"], "needs --oidc-issuer"),
            ("0.0.0.0:80", &OIDC[..4], "needs --oidc-client-secret-file"),
            ("0.0.0.0:80", &OIDC[..5], "needs --public-url"),
            ("0.0.0.0:80", &["--auth=proxy", "--group-role=a=User"], "needs --trusted-proxy"),
            ("0.0.0.0:80", &["--auth=proxy", "--trusted-proxy=10.0.0.7"], "needs --group-role"),
            ("0.0.0.0:80", &["--auth=proxy", "--trusted-proxy=everything"], "write an address or a network"),
            ("0.0.0.0:80", &["--group-role=a=Root"], "is no role"),
        ] {
            let said = format!("{:?}", decided(listen, flags).map(|options| options.sign_in));
            assert!(said.contains(expected), "{listen} {flags:?}: {said}");
        }
        let flags = ["--auth=proxy", "--trusted-proxy=10.0.0.7,fd00::/64", "--group-role=a=User,b=c=accountant"];
        let options = decided("0.0.0.0:80", &flags).unwrap();
        assert_eq!(options.trusted_proxies.len(), 2);
        let SignIn::Proxy(headers) = options.sign_in else { panic!("{:?}", options.sign_in) };
        assert_eq!(headers.roles, [("a".to_owned(), Role::User), ("b=c".to_owned(), Role::Accountant)]);
        assert_eq!(headers.user, "x-forwarded-user");
        let SignIn::Oidc(oidc) = decided("0.0.0.0:80", &OIDC).unwrap().sign_in else { panic!() };
        assert_eq!(oidc.scopes, ["openid", "profile"]);
        assert_eq!((oidc.name_claim.as_str(), oidc.groups_claim.as_str()), ("preferred_username", "groups"));
    }

    #[test]
    fn what_the_operator_writes_is_understood() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../operator/src/reconcile/build/tests/snapshots");
        let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        let mut kinds = Vec::new();
        for text in files.iter().map(|file| std::fs::read_to_string(file).unwrap()) {
            let flags =
                text.lines().filter_map(|line| line.trim().strip_prefix("- ")).filter(|line| line.starts_with("--"));
            let ours =
                flags.skip_while(|flag| !flag.starts_with("--auth=")).filter(|flag| !flag.starts_with("--allow-host"));
            let ours: Vec<_> = ours.take_while(|flag| flag.contains('=') || *flag == "--behind-tls").collect();
            if !ours.is_empty() {
                kinds.push(format!("{:?}", decided("0.0.0.0:8080", &ours).unwrap().sign_in));
            }
        }
        for kind in ["Local", "Proxy", "Oidc"] {
            assert!(kinds.iter().any(|found| found.starts_with(kind)), "no {kind} among {kinds:?}");
        }
    }
}
