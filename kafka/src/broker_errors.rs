//! The last reason that each broker gave. librdkafka tells it to a client's callbacks alone: what a call returns is
//! that the transport failed, or the time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rdkafka::{
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
};

use crate::{
    Resolver,
    broker_error::{BrokerError, complaint},
};

/// librdkafka tells the same error of the same broker again after 30 s: what was not told for longer has passed.
const STANDS: Duration = Duration::from_secs(60);
/// What still stands is news again after so long.
const NEWS_AGAIN: Duration = Duration::from_secs(25);

/// What brokers complained of, as it was last heard of each.
#[derive(Debug, Default)]
pub struct BrokerErrors {
    complaints: Mutex<BTreeMap<String, (Instant, BrokerError)>>,
    /// How the client that hears looks names up: whoever connects once more to find out why does the same.
    resolver: Option<Resolver>,
}

impl BrokerErrors {
    /// Of a client whose names are looked up so.
    pub(crate) fn resolving_by(resolver: Option<Resolver>) -> Self {
        Self { complaints: Mutex::default(), resolver }
    }

    pub(crate) fn resolver(&self) -> Option<&Resolver> {
        self.resolver.as_ref()
    }

    /// Takes in a text of the error or the log callback. The complaint in it, if that is news.
    pub fn take(&self, text: &str) -> Option<BrokerError> {
        let new = complaint(text)?;
        let mut heard = self.complaints.lock();
        if let Some((at, standing)) = heard.get(&new.place) {
            let fresh = at.elapsed() < NEWS_AGAIN;
            // A broker that refuses is also closed and reset; that says less.
            if fresh && (*standing == new || standing.weight() > new.weight()) {
                return None;
            }
        }
        heard.insert(new.place.clone(), (Instant::now(), new.clone()));
        Some(new)
    }

    /// What tells most of all that stands.
    pub fn worst(&self) -> Option<BrokerError> {
        let heard = self.complaints.lock();
        let standing = heard.values().filter(|(at, _)| at.elapsed() < STANDS);
        standing.max_by_key(|(at, complaint)| (complaint.weight(), *at)).map(|(_, complaint)| complaint.clone())
    }

    /// Whether the ports of all these brokers, `host:port`, refuse connections, or their names lead nowhere.
    pub(crate) fn all_are_refused(&self, places: &[String]) -> bool {
        let heard = self.complaints.lock();
        let is_refused = |place: &String| {
            heard.get(place).is_some_and(|(at, complaint)| at.elapsed() < STANDS && complaint.is_about_connecting())
        };
        !places.is_empty() && places.iter().all(is_refused)
    }

    /// That broker works.
    pub fn forget(&self, place: &str) {
        self.complaints.lock().remove(place);
    }

    /// All is well.
    pub fn clear(&self) {
        self.complaints.lock().clear();
    }
}

/// A context that remembers what brokers complain of.
pub trait HasBrokerErrors: ConsumerContext + Sized {
    /// What was heard.
    fn heard(&self) -> &BrokerErrors;

    /// Hears what a call that failed has left to be told. Nothing by default: a consumer that is polled hears it there, and
    /// must not be polled from within its own callbacks.
    fn catch_up(_: &BaseConsumer<Self>) {}
}

/// Takes in a log line: connections that end are told nowhere else. The rest goes to our own log, where it is seldom
/// wanted: what matters comes as an error too.
pub fn note_log(heard: &BrokerErrors, level: RDKafkaLogLevel, facility: &str, message: &str) -> Option<BrokerError> {
    tracing::debug!(target: "librdkafka", ?level, facility, "{message}");
    if facility == "FAIL" { heard.take(message) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::AuthError;

    const CLOSED: &str = "ssl://a:1/bootstrap: Disconnected: closed (after 1ms in state SSL_HANDSHAKE)";
    const VERIFY: &str = "ssl://a:1/bootstrap: error: certificate verify failed (after 1ms in state SSL_HANDSHAKE)";
    const AWAY: &str = "ssl://b:1/bootstrap: Connect to b:1 failed: Connection refused (after 1ms in state CONNECT)";

    #[test]
    fn the_most_telling_complaint_stands_and_the_same_is_no_news() {
        let heard = BrokerErrors::default();
        assert_eq!(heard.take(CLOSED).and_then(|complaint| complaint.refusal), Some(AuthError::Closed));
        assert!(heard.take(VERIFY).is_some());
        assert!(heard.take(VERIFY).is_none() && heard.take(CLOSED).is_none());
        let both = ["a:1".to_owned(), "b:1".to_owned()];
        assert!(!heard.all_are_refused(&both));
        assert!(heard.take(AWAY).is_some(), "another broker");
        assert!(heard.all_are_refused(&both[1..]) && !heard.all_are_refused(&both) && !heard.all_are_refused(&[]));
        assert_eq!(heard.worst().and_then(|complaint| complaint.refusal), Some(AuthError::Certificate));
        heard.forget("a:1");
        assert_eq!(heard.worst().map(|complaint| complaint.place).as_deref(), Some("b:1"));
    }
}
