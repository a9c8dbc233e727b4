//! A reader of the page, as a browser that keeps one cookie.

use super::http::{Exchanged, exchange};

/// What kind of content a form of a browser has.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Somebody who asks for pages at an address.
pub struct Session {
    address: String,
    cookie: String,
}

/// What was answered.
pub struct Answer {
    pub status: u16,
    /// Where it leads; empty where it leads nowhere.
    pub place: String,
    pub body: String,
    head: String,
}

impl Session {
    /// One who is not signed in.
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), cookie: String::new() }
    }

    /// One who signed in.
    pub async fn signed_in(address: &str, name: &str, password: &str) -> Self {
        let session = Self::new(address);
        let form = format!("name={name}&password={}", password.replace(' ', "+"));
        let Answer { status, head, body, .. } = session.post("/sign-in", FORM, &form).await;
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        let cookie = cookie.unwrap_or_else(|| panic!("{name} is not let in: {status}: {body}")).to_owned();
        Self { cookie, ..session }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "").await
    }

    pub async fn post(&self, path: &str, kind: &str, body: &str) -> Answer {
        let length = body.len();
        let headers = format!("\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {kind}\r\nContent-Length: {length}");
        self.ask("POST", path, &headers, body).await
    }

    /// Fills in a form and sends it.
    pub async fn send(&self, path: &str, fields: &str) -> Answer {
        let token = self.token(path).await;
        self.post(path, FORM, &format!("form={token}&do=send&{fields}")).await
    }

    /// The token of a form.
    pub async fn token(&self, path: &str) -> String {
        let Answer { status, body, .. } = self.get(path).await;
        let rest = body.split_once("name=\"form\" value=\"").unwrap_or_else(|| panic!("{path}: {status}: {body}")).1;
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// A file, as a browser uploads it.
    pub async fn upload(&self, name: &str, file: &str) -> Answer {
        let body = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: text/csv\r\n\r\n{file}\r\n--cut--\r\n"
        );
        self.post("/enter/upload", "multipart/form-data; boundary=cut", &body).await
    }

    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let Self { address, cookie } = self;
        let what = format!("{method} {path}");
        let headers = format!("Host: {address}\r\nAccept: text/html\r\nCookie: {cookie}{headers}");
        let answer = exchange(address, &what, &headers, body).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let place = answer.headers("location").next().unwrap_or_default().to_owned();
        let Exchanged { status, head, body } = answer;
        Answer { status, place, body, head }
    }
}
