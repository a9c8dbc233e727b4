//! A real provider of OpenID Connect, and a browser that follows its forms without drawing them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    ops::Deref,
    process::{Child, Command, Stdio},
};

use serde_json::json;

use super::{
    http::{Exchanged, exchange},
    session::FORM,
};

pub const SECRET: &str = "a secret of the client, 100% its own";

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
    came: Exchanged,
}

impl Deref for Answer {
    type Target = Exchanged;

    fn deref(&self) -> &Exchanged {
        &self.came
    }
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
        let mut headers = format!("Host: {host}\r\nAccept: text/html\r\nCookie: {}", cookies.join("; "));
        if let Some(form) = form {
            headers += &format!("\r\nContent-Type: {FORM}\r\nContent-Length: {}", form.len());
        }
        let what = format!("{} /{path}", if form.is_some() { "POST" } else { "GET" });
        let place = host.replace("localhost", "127.0.0.1");
        let answer = exchange(&place, &what, &headers, form.unwrap_or_default()).await;
        let came = answer.unwrap_or_else(|error| panic!("{what} at {host}: {error}"));
        let answer = Answer { url: url.to_owned(), came };
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
