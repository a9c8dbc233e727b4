//! Who may see the page, as flags and variables say it.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use stockstream_dashboard::{Access, AccessOptions, HeaderName, IpNet, ProxyHeaders, Role, SignIn};

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
}

#[derive(Args)]
#[command(next_help_heading = "Who may see the page")]
pub(crate) struct Who {
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
    /// Role of a group of the proxy, as in stock-admins=Administrator; separated by commas
    #[arg(long = "group-role", value_name = "GROUP=ROLE", env = "STOCKSTREAM_DASHBOARD_GROUP_ROLES",
        value_delimiter = ',', value_parser = group_role)]
    group_roles: Vec<(String, Role)>,
    /// Readers come by TLS only, also where no trusted proxy says so: cookies are sent by TLS alone
    #[arg(long, env = "STOCKSTREAM_DASHBOARD_BEHIND_TLS")]
    behind_tls: bool,
}

impl Who {
    /// What readers must be known by, with its files read.
    pub(crate) fn open(&self, listen: SocketAddr) -> Result<Arc<Access>, Failure> {
        self.decided(listen).and_then(Access::open).map(Arc::new).map_err(|message| Failure::Usage { message })
    }

    fn decided(&self, listen: SocketAddr) -> Result<AccessOptions, String> {
        let auth = match self.auth {
            Some(auth) => auth,
            None if listen.ip().is_loopback() => Auth::Off,
            None => {
                return Err(format!(
                    "the page would be open to whoever reaches {listen}: choose a sign-in with --auth password or --auth \
                     proxy; --auth off says that it shall be open"
                ));
            }
        };
        for (given, flag, of) in [
            (self.users_file.is_some(), "--users-file", Auth::Password),
            (self.session_key_file.is_some(), "--session-key-file", Auth::Password),
            (!self.group_roles.is_empty(), "--group-role", Auth::Proxy),
        ] {
            // A flag that does nothing may be taken for a protection.
            if given && auth != of {
                let of = of.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
                return Err(format!("{flag} is for --auth {of} only: add that, or leave it out"));
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

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        who: Who,
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
            ("127.0.0.1:80", &["--auth=off", "--group-role=a=User"], "--group-role is for --auth proxy only"),
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
        assert!(kinds.contains(&"Local".into()) && kinds.iter().any(|kind| kind.starts_with("Proxy")), "{kinds:?}");
    }
}
