use std::{
    future::Future,
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use mongodb::error::{Error, ErrorKind};
use stockstream_model::Refusal;

use super::{
    MongoStore, Result,
    refusal::{Complaint, complaint, sentence},
};
use crate::StoreError;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const AUTHENTICATION_FAILED: i64 = 18;

impl MongoStore {
    /// Does it again, after growing pauses, while the server is away; every write is guarded or idempotent, so an
    /// acknowledgement that was lost does no harm. Ends when the caller drops the future.
    ///
    /// A server that does not let us in is not asked again at first. Once it did, it is: a password or certificate that was
    /// changed there is put right without our being started again, and nothing of ours is lost meanwhile.
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
            let result = attempt().await;
            match result {
                Err(error) if self.is_worth_another_try(&error) => {
                    self.note(Some(error.to_string()));
                    tracing::warn!(action, %error, retry_in_ms = pause.as_millis() as u64, "MongoDB does not answer");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    if matches!(error, StoreError::Barred { .. }) {
                        self.renew().await;
                    }
                }
                result => {
                    self.note(None);
                    let answered = !matches!(&result, Err(StoreError::Barred { .. }));
                    self.let_in.fetch_or(answered, Ordering::Relaxed);
                    return result;
                }
            }
        }
    }

    fn note(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// A password may have been changed at the server and in our file.
    async fn renew(&self) {
        match self.server.renew(self.id.get()).await {
            Ok(true) => tracing::info!("mongodb.uriFile was changed; it is used from now on"),
            Ok(false) => {}
            Err(error) => tracing::warn!("{error}"),
        }
    }

    fn is_worth_another_try(&self, error: &StoreError) -> bool {
        let was_let_in = self.let_in.load(Ordering::Relaxed);
        error.is_transient() || (was_let_in && matches!(error, StoreError::Barred { .. }))
    }

    /// A driver's error, as one of ours.
    pub(super) fn explain(&self, action: &str, error: &Error) -> StoreError {
        match error.kind.as_ref() {
            ErrorKind::Command(command) => self.explain_code(action, command.code.into(), &command.message),
            ErrorKind::Authentication { message, .. } => match answer(error) {
                // A server that is in trouble cannot check a password either.
                Some(code) if code != AUTHENTICATION_FAILED => self.explain_code(action, code, message),
                _ => self.barred(Refusal::SignIn, None, message),
            },
            ErrorKind::Write(failure) => StoreError::Refused { action: action.into(), message: format!("{failure:?}") },
            ErrorKind::InsertMany(failure) => {
                StoreError::Refused { action: action.into(), message: format!("{:?}", failure.write_errors) }
            }
            ErrorKind::BsonDeserialization(_) | ErrorKind::BsonSerialization(_) | ErrorKind::InvalidArgument { .. } => {
                StoreError::Refused { action: action.into(), message: error.kind.to_string() }
            }
            kind => self.not_connected(&kind.to_string()),
        }
    }

    fn not_connected(&self, text: &str) -> StoreError {
        let complaint = complaint(text);
        // A server that speaks no TLS may just wait for us to go on.
        let hint = if self.tls && complaint.is_silence() { " (does it speak TLS?)" } else { "" };
        let Complaint { place, refusal, words } = complaint;
        match refusal {
            Some(refusal) => self.barred(refusal, place.as_deref(), &words),
            None => {
                let place = place.unwrap_or_else(|| self.place.clone());
                StoreError::Unreachable { place, message: format!("{words}{hint}") }
            }
        }
    }

    fn barred(&self, refusal: Refusal, place: Option<&str>, words: &str) -> StoreError {
        let message = sentence(refusal, place.unwrap_or(&self.place), words.trim_end_matches('.'));
        StoreError::Barred { refusal, message }
    }

    /// A server's error code, as one of ours.
    pub(super) fn explain_code(&self, action: &str, code: i64, message: &str) -> StoreError {
        let message = short(message);
        match code {
            AUTHENTICATION_FAILED | 8_000 => self.barred(Refusal::SignIn, None, &message),
            13 if message.contains("requires authentication") => {
                self.barred(Refusal::SignIn, None, &format!("{message}, and mongodb.uri names no user"))
            }
            13 => StoreError::Forbidden { action: action.into(), message },
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

/// The code of the server's answer to a sign-in.
fn answer(error: &Error) -> Option<i64> {
    let source = std::error::Error::source(error)?.downcast_ref::<Error>()?;
    match source.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code.into()),
        _ => None,
    }
}

fn short(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.chars().take(300).collect()
}
