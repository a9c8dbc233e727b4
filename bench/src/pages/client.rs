use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};

use crate::Result;

/// A reader that keeps its connections, takes gzip, and reads answers to their end.
#[derive(Clone)]
pub(super) struct Client {
    pool: Pool<HttpConnector, Empty<Bytes>>,
    address: String,
}

/// An answer.
pub(super) struct Answer {
    pub status: u16,
    /// On the wire.
    pub bytes: usize,
    pub took: Duration,
}

impl Client {
    pub(super) fn new(address: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { pool: Pool::builder(TokioExecutor::new()).build(connector), address: address.to_owned() }
    }

    /// Asks, and measures since then.
    pub(super) async fn get(&self, path: &str, since: Instant) -> Result<Answer> {
        let response = self.send(path, "text/html, */*").await?;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await?.to_bytes().len();
        Ok(Answer { status, bytes, took: since.elapsed() })
    }

    /// An answer that has only begun.
    pub(super) async fn send(&self, path: &str, accept: &str) -> Result<Response<Incoming>> {
        let uri = format!("http://{}{path}", self.address);
        let request = Request::get(uri).header("accept", accept).header("accept-encoding", "gzip");
        Ok(self.pool.request(request.body(Empty::new())?).await?)
    }
}
