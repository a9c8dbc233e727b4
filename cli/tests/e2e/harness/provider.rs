//! A real provider of OpenID Connect, and a browser that follows its forms without drawing them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub const SECRET: &str = "a secret of the client, 100% its own";

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A provider as a child process: `dashboard/browser/provider.mjs`. Killed when dropped.
pub struct Provider(Child);

impl Provider {
    /// Starts it; it knows the page at that address. `claims` says where it tells groups: `id_token` or `userinfo`.
    pub fn start(folder: &str, port: u16, page: &str, claims: &str) -> Self {
        Self::start_with(folder, port, page, claims, "")
    }

    /// The same by TLS, with a certificate and its key at that path, `.crt` and `.key`.
    pub fn start_by_tls(folder: &str, port: u16, page: &str, certificate: &str) -> Self {
        Self::start_with(folder, port, page, "id_token", certificate)
    }

    fn start_with(folder: &str, port: u16, page: &str, claims: &str, certificate: &str) -> Self {
        let people = json!({ "ann": ["staff", "stock-admins"], "bob": ["staff"], "eve": ["guests"], "nil": [] });
        let mut command = Command::new("node");
        command.arg("provider.mjs").current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped());
        command
            .env("PORT", port.to_string())
            .env("PAGE_URL", page)
            .env("CLIENT_SECRET", SECRET)
            .env("TLS", certificate);
        let mut child = command.env("PEOPLE", people.to_string()).env("CLAIMS_IN", claims).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("provider at ")));
        assert!(said.is_some(), "the provider did not start");
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What came back.
pub struct Answer {
    pub url: String,
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Follows links, redirects and forms, and keeps cookies.
#[derive(Clone, Default)]
pub struct Browser {
    /// By host and name.
    pub cookies: BTreeMap<(String, String), String>,
}

impl Browser {
    /// One request; nothing is followed.
    pub async fn ask(&mut self, url: &str, form: Option<&str>) -> Answer {
        let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let cookies = self.cookies.iter().filter(|((of, _), _)| of == host);
        let cookies: Vec<_> = cookies.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut request = match form {
            Some(form) => format!(
                "POST /{path} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                form.len()
            ),
            None => format!("GET /{path} HTTP/1.0\r\n"),
        };
        request += &format!("Host: {host}\r\nAccept: text/html\r\nCookie: {}\r\n\r\n", cookies.join("; "));
        request += form.unwrap_or_default();
        let mut connection = TcpStream::connect(host.replace("localhost", "127.0.0.1")).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let answer = Answer { url: url.to_owned(), status, head: head.to_owned(), body: body.to_owned() };
        for cookie in answer.headers("set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let key = (host.to_owned(), name.to_owned());
            if value.is_empty() {
                self.cookies.remove(&key)
            } else {
                self.cookies.insert(key, value.to_owned())
            };
        }
        answer
    }

    /// Follows redirects, to the answer that is none or leads to an address with that in it.
    pub async fn follow(&mut self, url: &str, form: Option<&str>, until: &str) -> Answer {
        let mut answer = self.ask(url, form).await;
        for _ in 0..20 {
            match answer.leads_to() {
                Some(next) if !next.contains(until) => answer = self.ask(&next, None).await,
                _ => return answer,
            }
        }
        panic!("too many redirects, at last from {}", answer.url);
    }

    /// Signs in with the provider as far as to the way back, whose address is the answer; where the page leads is in `next`.
    pub async fn led_back(&mut self, page: &str, name: &str, next: &str) -> String {
        let start = self.ask(&format!("{page}/sign-in?next={next}"), None).await.between("href=\"", "\"", "/start");
        let login = self.follow(&start, None, "/callback").await;
        let form = format!("prompt=login&login={name}&password=x");
        let consent = self.follow(&login.between("action=\"", "\"", ""), Some(&form), "/callback").await;
        let action = consent.between("action=\"", "\"", "");
        self.follow(&action, Some("prompt=consent"), "/callback").await.leads_to().unwrap()
    }

    /// Signs in.
    pub async fn sign_in(&mut self, page: &str, name: &str, next: &str) -> Answer {
        let back = self.led_back(page, name, next).await;
        self.ask(&back, None).await
    }
}

impl Answer {
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(move |(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Where a redirect leads.
    pub fn leads_to(&self) -> Option<String> {
        let to = self.headers("location").next()?;
        let (host, _) = self.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        Some(if to.starts_with('/') { format!("http://{host}{to}") } else { to.to_owned() })
    }

    /// The first text between these that holds that.
    pub fn between(&self, before: &str, after: &str, holds: &str) -> String {
        let parts = self.body.split(before).skip(1).filter_map(|part| part.split(after).next());
        let found = parts.into_iter().find(|part| part.contains(holds));
        found
            .unwrap_or_else(|| panic!("no {before} in {}: {}", self.url, self.body))
            .replace("&amp;", "&")
            .replace("&#38;", "&")
    }
}
