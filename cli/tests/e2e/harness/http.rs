//! As much of an HTTP client as the tests need.

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Status and body.
pub async fn get(address: &str, path: &str) -> Result<(u16, String), String> {
    request(address, path).await.map_err(|error| format!("GET http://{address}{path}: {error}"))
}

/// The body as JSON, of an answer that is good.
pub async fn json(address: &str, path: &str) -> Result<Value, String> {
    match get(address, path).await? {
        (200, body) => serde_json::from_str(&body).map_err(|error| format!("{path}: {error}: {body}")),
        (status, body) => Err(format!("{path}: {status}: {body}")),
    }
}

/// All rows of a paged list.
pub async fn all(address: &str, path: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    for page in 1.. {
        let answer = json(address, &format!("{path}?page={page}&per_page=500")).await.unwrap();
        rows.extend(answer["items"].as_array().unwrap().iter().cloned());
        if rows.len() as u64 >= answer["total"].as_u64().unwrap() {
            break;
        }
        assert!(!answer["items"].as_array().unwrap().is_empty(), "{path}: page {page} is empty: {answer}");
    }
    rows
}

async fn request(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    let Exchanged { status, body, .. } =
        exchange(address, &format!("GET {path}"), &format!("Host: {address}"), "").await?;
    Ok((status, body))
}

/// An answer as it came.
pub struct Exchanged {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Exchanged {
    /// What headers of that name say.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(move |(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends what was put together; `what` is method and path.
pub async fn exchange(address: &str, what: &str, headers: &str, body: &str) -> std::io::Result<Exchanged> {
    let mut connection = TcpStream::connect(address).await?;
    // 1.0: the answer ends with the connection.
    let request = format!("{what} HTTP/1.0\r\n{headers}\r\n\r\n{body}");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok(Exchanged {
        status: status.ok_or(std::io::ErrorKind::InvalidData)?,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
