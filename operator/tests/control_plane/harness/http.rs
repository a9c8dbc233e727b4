//! As much of an HTTP client as the tests need.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Status and body.
pub async fn get(address: &str, path: &str) -> Result<(u16, String), String> {
    request(address, path).await.map_err(|error| format!("GET http://{address}{path}: {error}"))
}

async fn request(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    let mut connection = TcpStream::connect(address).await?;
    // 1.0: the answer ends with the connection.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok((status.ok_or(std::io::ErrorKind::InvalidData)?, body.to_owned()))
}
