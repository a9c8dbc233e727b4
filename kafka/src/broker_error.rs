//! What librdkafka says of a broker, read: what it is that the broker does not like. Texts are those of librdkafka 2.12.

use stockstream_model::AuthError;

/// What went wrong with a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerError {
    /// The broker, `host:port`.
    pub place: String,
    /// Why it does not let us in; `None` where it just cannot be reached.
    pub refusal: Option<AuthError>,
    /// The broker's or the client's words.
    pub words: String,
}

impl BrokerError {
    /// Whether only somebody who changes something can mend it.
    pub fn is_final(&self) -> bool {
        self.refusal.is_some_and(|refusal| !refusal.is_transient())
    }

    /// Whether no connection came about at all: nobody listens there, or nobody has that name.
    pub(crate) fn is_about_connecting(&self) -> bool {
        self.words.contains("Connection refused") || self.words.starts_with("Failed to resolve")
    }

    /// How much it tells: what is wrong by itself more than what may pass.
    pub(crate) fn weight(&self) -> u8 {
        u8::from(self.refusal.is_some()) + u8::from(self.is_final())
    }
}

/// A connection that ends sooner than this was not one of normal work.
const AT_ONCE_MS: u64 = 2_000;

/// Reads an error's or a log line's text. `None` for what is not about one broker.
pub(crate) fn complaint(text: &str) -> Option<BrokerError> {
    // A log line begins with the thread's name.
    let text = text.strip_prefix("[thrd:").and_then(|text| text.split_once("]: ")).map_or(text, |(_, text)| text);
    let (place, said) = broker(text)?;
    let (said, state) = said.rsplit_once(" (after ").unwrap_or((said, ""));
    let (refusal, words) = read(said, state)?;
    Some(BrokerError { place: place.to_owned(), refusal, words: words.trim().trim_end_matches(':').to_owned() })
}

/// `sasl_ssl://host:port/3: …`, or `GroupCoordinator: host:port: …` for a broker by what it is for.
fn broker(text: &str) -> Option<(&str, &str)> {
    let (mut name, mut said) = text.split_once(": ")?;
    if !name.contains(':') {
        (name, said) = said.split_once(": ")?;
    }
    let name = name.split_once("://").map_or(name, |(_, name)| name);
    let place = name.split('/').next().unwrap_or(name);
    let is_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    is_port.then_some((place, said))
}

fn read<'a>(said: &'a str, state: &str) -> Option<(Option<AuthError>, &'a str)> {
    let after = |mark: &str| said.split_once(mark).map(|(_, rest)| rest);
    if let Some(words) = after("SASL authentication error: ") {
        return Some((Some(AuthError::SignIn), words));
    }
    if let Some(words) = after("mechanism handshake failed: ") {
        // The answer of a listener that knows no sign-in.
        if words.contains("Request not valid in current SASL state") {
            return Some((Some(AuthError::Protocol), "this listener knows no sign-in"));
        }
        return Some((Some(AuthError::SignIn), words));
    }
    if said.contains("certificate verify failed") {
        return Some((Some(AuthError::Certificate), "certificate verify failed"));
    }
    // What the broker says of ours: an alert, or, before TLS 1.3, just the end of the handshake.
    let about_ours = ["bad certificate", "certificate required", "certificate expired", "certificate revoked"];
    let about_ours = about_ours.iter().chain(&["certificate unknown", "unsupported certificate", "unknown ca"]);
    if let Some(alert) =
        about_ours.into_iter().find(|alert| after(" alert ").is_some_and(|rest| rest.starts_with(**alert)))
    {
        return Some((Some(AuthError::ClientCertificate), alert));
    }
    if said.contains("client SSL authentication might be required") {
        return Some((Some(AuthError::ClientCertificate), "unexpected message"));
    }
    if said.contains("wrong version number") || said.contains("packet length too long") {
        return Some((Some(AuthError::Protocol), "this listener does not speak TLS"));
    }
    if said.contains("Disconnected") {
        let at_once = state.split_once("ms in state ").and_then(|(ms, _)| ms.parse::<u64>().ok());
        let closed = at_once.is_some_and(|ms| ms < AT_ONCE_MS).then_some(AuthError::Closed);
        return Some((closed, "the connection was closed"));
    }
    if said.contains("SSL") {
        return Some((Some(AuthError::Tls), after("SSL handshake failed: ").unwrap_or(said)));
    }
    Some((None, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts as this librdkafka gave them, of a real broker that was tried in each of these ways.
    const HEARD: [(&str, Option<AuthError>, &str); 15] = [
        (
            "sasl_ssl://127.0.0.1:29937/bootstrap: SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 (after 315ms in state AUTH_REQ, 1 identical error(s) suppressed)",
            Some(AuthError::SignIn),
            "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512",
        ),
        (
            "sasl_ssl://127.0.0.1:29937/1: SASL authentication error: Authentication failed: Invalid username or password (after 301ms in state AUTH_REQ)",
            Some(AuthError::SignIn),
            "Authentication failed: Invalid username or password",
        ),
        (
            "sasl_ssl://127.0.0.1:29937/bootstrap: SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN (after 1ms in state AUTH_HANDSHAKE)",
            Some(AuthError::SignIn),
            "Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN",
        ),
        (
            "sasl_plaintext://127.0.0.1:29483/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state: broker's supported mechanisms:  (after 0ms in state AUTH_HANDSHAKE)",
            Some(AuthError::Protocol),
            "this listener knows no sign-in",
        ),
        (
            "ssl://127.0.0.1:23583/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured or root CA certificates are installed (install ca-certificates package) (after 3ms in state SSL_HANDSHAKE)",
            Some(AuthError::Certificate),
            "certificate verify failed",
        ),
        (
            "ssl://127.0.0.1:23583/bootstrap: error:0A000086:SSL routines::certificate verify failed (after 6ms in state SSL_HANDSHAKE)",
            Some(AuthError::Certificate),
            "certificate verify failed",
        ),
        (
            "[thrd:ssl://127.0.0.1:25592/bootstrap]: ssl://127.0.0.1:25592/bootstrap: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: SSL alert number 42 (after 0ms in state APIVERSION_QUERY)",
            Some(AuthError::ClientCertificate),
            "bad certificate",
        ),
        (
            "ssl://kafka.example:9093/bootstrap: Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL alert number 116 (after 1ms in state APIVERSION_QUERY)",
            Some(AuthError::ClientCertificate),
            "certificate required",
        ),
        (
            "ssl://127.0.0.1:29483/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT broker listener? (after 94ms in state SSL_HANDSHAKE)",
            Some(AuthError::Closed),
            "the connection was closed",
        ),
        (
            "[thrd:127.0.0.1:25592/bootstrap]: 127.0.0.1:25592/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after 2ms in state APIVERSION_QUERY)",
            Some(AuthError::Closed),
            "the connection was closed",
        ),
        (
            "ssl://127.0.0.1:29937/bootstrap: Disconnected: SSL connection closed by peer (after 8ms in state UP, 1 identical error(s) suppressed)",
            Some(AuthError::Closed),
            "the connection was closed",
        ),
        (
            "127.0.0.1:9092/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after 58213ms in state UP)",
            None,
            "the connection was closed",
        ),
        (
            "ssl://127.0.0.1:9093/bootstrap: SSL handshake failed: error:0A00010B:SSL routines::wrong version number (after 1ms in state SSL_HANDSHAKE)",
            Some(AuthError::Protocol),
            "this listener does not speak TLS",
        ),
        (
            "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
            None,
            "Connect to ipv4#127.0.0.1:1 failed: Connection refused",
        ),
        (
            "ssl://127.0.0.1:9093/bootstrap: SSL handshake failed: error:0A000410:SSL routines::ssl/tls alert handshake failure: SSL alert number 40 (after 1ms in state SSL_HANDSHAKE)",
            Some(AuthError::Tls),
            "error:0A000410:SSL routines::ssl/tls alert handshake failure: SSL alert number 40",
        ),
    ];

    #[test]
    fn what_is_heard_of_a_broker_is_read() {
        for (text, refusal, words) in HEARD {
            let complaint = complaint(text).expect(text);
            assert_eq!((complaint.refusal, complaint.words.as_str()), (refusal, words), "{text}");
            let port = complaint.place.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
            assert!(matches!(port, Some(Ok(_))) && !complaint.place.contains('/'), "{complaint:?}");
        }
    }

    #[test]
    fn a_broker_by_what_it_is_for_is_found() {
        let text = "GroupCoordinator: 127.0.0.1:29937: SASL authentication error: no (after 1ms in state AUTH_REQ)";
        assert_eq!(complaint(text).map(|heard| heard.place).as_deref(), Some("127.0.0.1:29937"));
    }

    #[test]
    fn what_is_not_about_one_broker_is_left() {
        for text in ["1/1 brokers are down", "Fetch from broker 1 failed: Broker: Topic authorization failed", ""] {
            assert_eq!(complaint(text), None, "{text}");
        }
    }
}
