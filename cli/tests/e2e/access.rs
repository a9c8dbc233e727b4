//! Who may see the page: the binary with users of a file, asked over TCP.

use std::path::PathBuf;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Process, eventually, holds, http, users::line};

const PASSWORD: &str = "correct horse battery";

/// A file of users that is gone after the test.
struct Users(PathBuf);

impl Users {
    fn new(lines: &str) -> Self {
        let users = Self(std::env::temp_dir().join(format!("stockstream-users-{}", std::process::id())));
        users.write(lines);
        users
    }

    fn write(&self, lines: &str) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, lines).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The whole answer.
async fn ask(address: &str, head: String) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn sign_in(address: &str, form: &str) -> String {
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let length = form.len();
    let head = format!("POST /sign-in HTTP/1.0\r\nHost: {address}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n");
    ask(address, head + form).await
}

async fn page(address: &str, path: &str, cookie: &str) -> String {
    let head = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: text/html\r\nCookie: {cookie}\r\n\r\n");
    ask(address, head).await
}

fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    answer.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_file_sign_in_until_they_are_taken_out_of_it() {
    let (ann, bob) = (line("ann", "Administrator", PASSWORD).unwrap(), line("bob", "user", PASSWORD).unwrap());
    let users = Users::new(&format!("{ann}{bob}"));
    let file = users.0.to_str().unwrap();
    let arguments = ["up", "--listen", "127.0.0.1:0", "--rate", "1", "--auth", "password", "--users-file", file];
    let mut up = Process::start_logging(arguments, Some("info"));
    let said = up.says("page ").await;
    let (_, address) = said.split_once("http://").unwrap();
    assert_eq!(http::get(address, "/healthz").await.unwrap().0, 200);
    assert_eq!(http::get(address, "/api/v1/status").await.unwrap().0, 401);
    assert_eq!(header(&page(address, "/clients", "").await, "location: "), "/sign-in?next=%2Fclients");

    let refused = sign_in(address, "name=ann&password=wrong").await;
    assert!(refused.starts_with("HTTP/1.0 401") && refused.contains("Name or password are wrong"), "{refused}");
    let mut cookies = Vec::new();
    for name in ["ann", "bob"] {
        let form = format!("name={name}&password={}&next=%2Fclients", PASSWORD.replace(' ', "+"));
        let entered = sign_in(address, &form).await;
        assert_eq!(header(&entered, "location: "), "/clients", "{entered}");
        let cookie = header(&entered, "set-cookie: ").split(';').next().unwrap().to_owned();
        assert!(page(address, "/clients", &cookie).await.starts_with("HTTP/1.0 200"));
        cookies.push(cookie);
    }
    assert!(page(address, "/", &cookies[0]).await.starts_with("HTTP/1.0 200"));
    assert_eq!(header(&page(address, "/", &cookies[1]).await, "location: "), "/product-winners");
    assert!(page(address, "/rejected-events", &cookies[1]).await.starts_with("HTTP/1.0 403"));

    users.write(&ann);
    eventually("bob's session ends", async || {
        let answer = page(address, "/clients", &cookies[1]).await;
        holds(answer.starts_with("HTTP/1.0 303"), || answer)
    })
    .await;
    assert!(page(address, "/clients", &cookies[0]).await.starts_with("HTTP/1.0 200"));
    up.signal("TERM");
    let (code, said) = up.outcome().await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("signed in") && said.contains("sign-in refused"), "{said}");
    for secret in [PASSWORD, "argon2id", cookies[0].as_str(), cookies[1].as_str()] {
        assert!(!said.contains(secret), "{secret} is in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_for_others_does_not_start_without_saying_who_may_see_it() {
    let mongodb = ["--mongodb", "mongodb://127.0.0.1:1/stock_management"];
    let open = Process::start(["dashboard", "--listen", "0.0.0.0:0"].iter().chain(&mongodb));
    open.refused(&["open to whoever reaches 0.0.0.0:0", "--auth off"]).await;
    Process::start(["up", "--listen", "0.0.0.0:0"]).refused(&["--auth password"]).await;
    let missing = ["dashboard", "--auth", "password", "--users-file", "/nowhere/users"];
    Process::start(missing.iter().chain(&mongodb)).refused(&["failed to read the file of users /nowhere/users"]).await;
    assert!(line("ann", "User", "short").unwrap_err().contains("fewer than 12 characters"));
    assert!(line("a:b", "User", PASSWORD).unwrap_err().contains("a name has"));
    assert!(line("ann", "Root", PASSWORD).unwrap_err().contains("write User, Accountant or Administrator"));
}
