use std::{future::Future, time::Duration};

use mongodb::error::{Error, ErrorKind};

use super::{MongoStore, Result};
use crate::StoreError;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl MongoStore {
    /// Does it again, after growing pauses, while the server is away; every write is guarded or idempotent, so an
    /// acknowledgement that was lost does no harm. Ends when the caller drops the future.
    pub(super) async fn retry<T, F: Future<Output = Result<T>>>(
        &self,
        action: &str,
        attempt: impl Fn() -> F,
    ) -> Result<T> {
        if self.asks_once {
            return attempt().await;
        }
        let mut pause = FIRST_PAUSE;
        loop {
            match attempt().await {
                Err(error) if error.is_transient() => {
                    tracing::warn!(action, %error, retry_in_ms = pause.as_millis() as u64, "MongoDB does not answer");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                result => return result,
            }
        }
    }

    /// A driver's error, as one of ours.
    pub(super) fn explain(&self, action: &str, error: &Error) -> StoreError {
        match error.kind.as_ref() {
            ErrorKind::Command(command) => self.explain_code(action, command.code.into(), &command.message),
            ErrorKind::Authentication { message, .. } => {
                StoreError::Forbidden { action: action.into(), message: message.clone() }
            }
            ErrorKind::Write(failure) => StoreError::Refused { action: action.into(), message: format!("{failure:?}") },
            ErrorKind::InsertMany(failure) => {
                StoreError::Refused { action: action.into(), message: format!("{:?}", failure.write_errors) }
            }
            ErrorKind::BsonDeserialization(_) | ErrorKind::BsonSerialization(_) | ErrorKind::InvalidArgument { .. } => {
                StoreError::Refused { action: action.into(), message: error.kind.to_string() }
            }
            kind => StoreError::Unreachable { place: self.place.clone(), message: short(&kind.to_string()) },
        }
    }

    /// A server's error code, as one of ours.
    pub(super) fn explain_code(&self, action: &str, code: i64, message: &str) -> StoreError {
        let message = short(message);
        match code {
            13 | 18 | 8_000 => StoreError::Forbidden { action: action.into(), message },
            // What the server itself calls retryable (interrupted, not primary, shutting down, write conflict, a cursor
            // or a lock that is gone, a write concern not met in time), and 1, under which the compatible server
            // reports that its PostgreSQL was away or chose a deadlock's victim.
            1 | 6 | 7 | 24 | 43 | 63 | 64 | 89 | 91 | 112 | 133 | 134 | 150 | 189 | 202 | 234 | 237 | 262 | 317
            | 9_001 | 10_107 | 11_600 | 11_602 | 13_388 | 13_435 | 13_436 => {
                StoreError::Unreachable { place: self.place.clone(), message }
            }
            _ => StoreError::Refused { action: action.into(), message: format!("{message} (code {code})") },
        }
    }
}

fn short(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.chars().take(300).collect()
}
