//! What every request passes, before a handler and behind it.

pub(crate) mod authorize;
pub(crate) mod concurrency_limit;
pub(crate) mod error_pages;
pub(crate) mod etag;
pub(crate) mod http_metrics;
pub(crate) mod request_context;
pub(crate) mod security_headers;
