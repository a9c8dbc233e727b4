use std::{future::Future, sync::atomic::Ordering, time::Duration};

use bson::{Bson, Document};
use mongodb::error::{Error, ErrorKind};
use stockstream_model::{AuthError, Timestamp};

use crate::{
    StoreError,
    mongo::{
        MongoStore, Result, codec,
        connection::{
            diagnose::{DriverError, complaint, sentence},
            failure::{AUTHENTICATION_FAILED, Failure, Meaning},
            last_errors::Noted,
        },
    },
};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// What fails for longer is told as an error.
const LASTING_MS: i64 = 15_000;

impl MongoStore {
    /// Does it again, after growing pauses, as long as the trouble may pass; every write is guarded or idempotent, so an
    /// acknowledgement that was lost does no harm. Ends when the caller drops the future.
    ///
    /// A server that does not let us in is not asked again at first. Once it did, it is: a password or certificate that was
    /// changed there is put right without our being started again, and nothing of ours is lost meanwhile.
    pub(crate) async fn retry<T, F: Future<Output = Result<T>>>(
        &self,
        action: &str,
        attempt: impl Fn() -> F,
    ) -> Result<T> {
        if self.asks_once {
            return attempt().await;
        }
        let mut pause = FIRST_PAUSE;
        let mut trouble: Option<Noted<'_>> = None;
        loop {
            match attempt().await {
                Err(error) if self.is_worth_another_try(&error) => {
                    let trouble = trouble.get_or_insert_with(|| self.troubles.begin());
                    trouble.says(error.to_string());
                    tell(action, &error, trouble.since, pause);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    if matches!(error, StoreError::Barred { .. }) {
                        self.renew().await;
                    }
                }
                // Whoever comes to the file next may have the right.
                Err(StoreError::Forbidden { .. }) if self.renew().await => {}
                result => {
                    let answered = !matches!(&result, Err(StoreError::Barred { .. }));
                    self.has_authenticated.fetch_or(answered, Ordering::Relaxed);
                    return result;
                }
            }
        }
    }

    /// A user or a password may have been changed at the server and in our file. Whether the file was.
    async fn renew(&self) -> bool {
        match self.server.renew(self.id.get()).await {
            Ok(true) => {
                tracing::info!("mongodb.uriFile was changed; it is used from now on");
                true
            }
            Ok(false) => false,
            Err(error) => {
                tracing::warn!("{error}");
                false
            }
        }
    }

    fn is_worth_another_try(&self, error: &StoreError) -> bool {
        let was_let_in = self.has_authenticated.load(Ordering::Relaxed);
        error.is_transient() || (was_let_in && matches!(error, StoreError::Barred { .. }))
    }

    /// A driver's error, as one of ours.
    pub(crate) fn explain(&self, action: &str, error: &Error) -> StoreError {
        match error.kind.as_ref() {
            ErrorKind::Command(_) => {
                let failure = failure(error).unwrap_or_else(|| unreadable(""));
                self.explain_failure(action, &failure)
            }
            ErrorKind::Authentication { message, .. } => {
                match std::error::Error::source(error).and_then(|source| failure(source.downcast_ref()?)) {
                    // A server that is in trouble cannot check a password either.
                    Some(failure) if failure.code != AUTHENTICATION_FAILED => self.explain_failure(action, &failure),
                    _ => self.barred(AuthError::SignIn, None, message),
                }
            }
            ErrorKind::BsonSerialization(_) | ErrorKind::InvalidArgument { .. } => {
                StoreError::Refused { action: action.into(), message: error.kind.to_string() }
            }
            kind @ (ErrorKind::BsonDeserialization(_) | ErrorKind::InvalidResponse { .. }) => {
                self.passing(action, kind.to_string())
            }
            kind => self.not_connected(&kind.to_string()),
        }
    }

    fn not_connected(&self, text: &str) -> StoreError {
        let complaint = complaint(text);
        // A server that speaks no TLS may just wait for us to go on.
        let hint = if self.tls && complaint.is_silence() { " (does it speak TLS?)" } else { "" };
        let DriverError { place, refusal, words } = complaint;
        match refusal {
            Some(refusal) => self.barred(refusal, place.as_deref(), &words),
            None => {
                let place = place.unwrap_or_else(|| self.place.clone());
                StoreError::Unreachable { place, message: format!("{words}{hint}") }
            }
        }
    }

    fn barred(&self, refusal: AuthError, place: Option<&str>, words: &str) -> StoreError {
        let message = sentence(refusal, place.unwrap_or(&self.place), words.trim_end_matches('.'));
        StoreError::Barred { refusal, message }
    }

    pub(crate) fn passing(&self, action: &str, message: String) -> StoreError {
        StoreError::Unavailable { place: self.place.clone(), action: action.into(), message }
    }

    /// An error of a command, as one of ours.
    pub(crate) fn explain_failure(&self, action: &str, failure: &Failure<'_>) -> StoreError {
        let message = failure.to_string();
        match failure.meaning() {
            Meaning::SignIn if failure.asks_for_a_user() => {
                self.barred(AuthError::SignIn, None, &format!("{message}, and mongodb.uri names no user"))
            }
            Meaning::SignIn => self.barred(AuthError::SignIn, None, &message),
            Meaning::Forbidden => StoreError::Forbidden { action: action.into(), message },
            Meaning::Wrong => StoreError::Refused { action: action.into(), message },
            Meaning::Passing => self.passing(action, message),
        }
    }

    /// A write that stands, but perhaps not for good: it is done again until enough servers have it.
    pub(crate) fn check_concern(&self, action: &str, reply: &Document) -> Result<()> {
        match reply.get_document("writeConcernError") {
            Ok(error) => Err(self.passing(action, format!("written, but not safely: {}", within(error, reply)))),
            Err(_) => Ok(()),
        }
    }
}

fn tell(action: &str, error: &StoreError, since: Timestamp, pause: Duration) {
    let retry_in_ms = pause.as_millis() as u64;
    let what = match error {
        StoreError::Unavailable { .. } => "MongoDB answers with an error; trying again",
        _ => "MongoDB does not answer; trying again",
    };
    let for_ms = Timestamp::now().millis() - since.millis();
    if for_ms < LASTING_MS {
        tracing::warn!(action, %error, retry_in_ms, "{what}");
    } else {
        tracing::error!(action, %error, retry_in_ms, for_s = for_ms / 1_000, "{what}");
    }
}

/// The error of a command that the server answered.
pub(crate) fn failure(error: &Error) -> Option<Failure<'_>> {
    let ErrorKind::Command(command) = error.kind.as_ref() else { return None };
    let mut labels: Vec<&str> = error.labels().iter().map(String::as_str).collect();
    labels.sort_unstable();
    Some(Failure { code: command.code.into(), name: &command.code_name, message: &command.message, labels })
}

fn unreadable(message: &str) -> Failure<'_> {
    Failure { code: 0, name: "", message, labels: Vec::new() }
}

/// An error within a reply that is none itself. Labels are the reply's.
pub(crate) fn within<'a>(error: &'a Document, reply: &'a Document) -> Failure<'a> {
    let labels = reply.get_array("errorLabels").into_iter().flatten().filter_map(Bson::as_str).collect();
    let text = |field| error.get_str(field).unwrap_or_default();
    Failure { code: codec::integer(error, "code"), name: text("codeName"), message: text("errmsg"), labels }
}
