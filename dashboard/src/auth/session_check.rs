//! Whether a reader may stay: for streams, which go on long after they were let in.

use std::sync::Arc;

use axum::http::{HeaderMap, header};

use crate::auth::{Authenticator, authenticate::From};

/// What a request was let in by.
#[derive(Clone)]
pub(crate) struct SessionCheck {
    access: Arc<Authenticator>,
    cookies: HeaderMap,
    from: From,
}

impl SessionCheck {
    pub(crate) fn new(access: &Arc<Authenticator>, headers: &HeaderMap, from: From) -> Self {
        let cookies = headers.get_all(header::COOKIE).iter().map(|line| (header::COOKIE, line.clone())).collect();
        Self { access: Arc::clone(access), cookies, from }
    }

    /// Whether the session of that request has not ended, nor been signed out.
    pub(crate) fn is_in(&self) -> bool {
        self.access.is_in(&self.cookies, &self.from)
    }
}
