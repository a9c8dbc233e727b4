//! From what a call failed with, and what brokers complained of meanwhile, to a sentence for a person.

use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    error::KafkaError as Client,
    types::RDKafkaErrorCode as Code,
};
use stockstream_model::{AuthError, settings::Kafka};

use crate::{
    KafkaError,
    broker_error::BrokerError,
    broker_errors::{BrokerErrors, HasBrokerErrors},
    certificate::diagnose,
};

/// What a call of a consumer failed with, as one of ours.
pub(crate) fn failed<C: HasBrokerErrors>(
    consumer: &BaseConsumer<C>,
    settings: &Kafka,
    action: &str,
    error: &Client,
) -> KafkaError {
    C::catch_up(consumer);
    explain(settings, action, error, consumer.context().heard())
}

/// A client's error, as one of ours: the words of the broker that complained, where one did.
pub(crate) fn explain(settings: &Kafka, action: &str, error: &Client, heard: &BrokerErrors) -> KafkaError {
    let may_be_barred = error.rdkafka_error_code().is_some_and(is_about_the_connection);
    if may_be_barred { not_connected(settings, error.to_string(), heard) } else { refused(action, error.to_string()) }
}

fn refused(action: &str, message: String) -> KafkaError {
    KafkaError::Refused { action: action.to_owned(), message }
}

/// Whether an error is that of a connection; what it was, its context heard.
pub fn is_about_the_connection(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::SSL
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::Resolve
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::CoordinatorNotAvailable
            | Code::MessageTimedOut
            | Code::TimedOutQueue
    )
}

/// Why there is no answer, by what brokers complained of; else by the client's own words.
pub(crate) fn not_connected(settings: &Kafka, words: String, heard: &BrokerErrors) -> KafkaError {
    let servers = settings.bootstrap_servers.join(",");
    match heard.worst() {
        Some(mut complaint) => {
            if complaint.refusal == Some(AuthError::Certificate)
                && let Some(found) = diagnose(settings, heard.resolver())
            {
                complaint = found;
            }
            barred(&complaint, settings).unwrap_or(KafkaError::Unreachable { servers, message: complaint.words })
        }
        None => KafkaError::Unreachable { servers, message: words },
    }
}

/// A complaint as an error, if it is that the broker does not let us in.
pub fn barred(complaint: &BrokerError, settings: &Kafka) -> Option<KafkaError> {
    let refusal = complaint.refusal?;
    Some(KafkaError::Barred { refusal, message: sentence(refusal, complaint, settings) })
}

/// What happened, where, and what to do.
fn sentence(refusal: AuthError, BrokerError { place, words, .. }: &BrokerError, settings: &Kafka) -> String {
    let protocol = settings.security.protocol.name();
    let has_certificate = settings.security.tls.as_ref().is_some_and(|tls| tls.cert_file.is_some());
    match refusal {
        AuthError::SignIn => format!(
            "Kafka at {place} refuses the sign-in: {words}; check mechanism, user and password in kafka.security.sasl"
        ),
        AuthError::UnknownCa => format!(
            "the certificate of Kafka at {place} is of an unknown authority: {words}; give the authority's certificate by kafka.security.tls.caFile"
        ),
        AuthError::ExpiredCertificate => format!(
            "the certificate of Kafka at {place} is not valid today: {words}; have it renewed at the broker, or set this machine's clock right"
        ),
        AuthError::WrongHostName => format!(
            "the certificate of Kafka at {place} is for another host: {words}; write a name that it holds into kafka.bootstrapServers and the broker's advertised.listeners, or have it made for this one"
        ),
        AuthError::Certificate => format!(
            "the certificate of Kafka at {place} cannot be verified ({words}): it has expired, is for another host, or is of an authority that kafka.security.tls.caFile does not hold"
        ),
        AuthError::ClientCertificate if has_certificate => format!(
            "Kafka at {place} does not accept the client's certificate ({words}); give one that it trusts by kafka.security.tls.certFile and keyFile"
        ),
        AuthError::ClientCertificate => format!(
            "Kafka at {place} asks for a client's certificate and none is set ({words}); give one by kafka.security.tls.certFile and keyFile"
        ),
        AuthError::Protocol => format!(
            "Kafka at {place} does not speak {protocol}: {words}; set kafka.security.protocol to that listener's protocol"
        ),
        AuthError::Closed => format!(
            "failed to reach Kafka at {place}: {words} at once; check that kafka.security.protocol ({protocol}) is that listener's protocol, that it runs and that kafka.bootstrapServers is right"
        ),
        AuthError::Tls => format!(
            "failed to connect to Kafka at {place} by TLS: {words}; check kafka.security.tls and kafka.security.protocol"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_refusal_has_a_sentence_and_a_name_of_its_own() {
        let complaint = BrokerError { place: "kafka:9093".into(), refusal: None, words: "its words".into() };
        let say = |refusal| sentence(refusal, &complaint, &Kafka::default());
        let sentences: BTreeSet<String> = AuthError::ALL.into_iter().map(say).collect();
        let names: BTreeSet<&str> = AuthError::ALL.into_iter().map(AuthError::name).collect();
        assert_eq!((sentences.len(), names.len()), (AuthError::ALL.len(), AuthError::ALL.len()));
        for sentence in sentences {
            let words = ["kafka:9093", "its words", "kafka."];
            assert!(words.iter().all(|word| sentence.contains(word)) || sentence.contains("clock"), "{sentence}");
            assert!(!sentence.contains(['.', '\n']) || !sentence.ends_with('.'), "{sentence}");
        }
    }

    #[test]
    fn the_brokers_words_win_over_the_clients_and_what_is_no_complaint_stays_as_it_is() {
        let settings = Kafka::default();
        let heard = BrokerErrors::default();
        let transport = Client::MetadataFetch(Code::BrokerTransportFailure);
        let plain = explain(&settings, "ask", &transport, &heard);
        assert!(matches!(plain, KafkaError::Unreachable { .. }) && plain.is_transient(), "{plain}");
        heard.take("sasl_ssl://kafka:1/1: SASL authentication error: no such user (after 1ms in state AUTH_REQ)");
        let barred = explain(&settings, "ask", &transport, &heard);
        assert_eq!((barred.name(), barred.is_transient()), ("SignInRefused", false), "{barred}");
        let other = explain(&settings, "ask", &Client::MetadataFetch(Code::InvalidArgument), &heard);
        assert!(matches!(other, KafkaError::Refused { .. }), "{other}");
    }
}
