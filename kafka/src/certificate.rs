//! Why a broker's certificate is not accepted. librdkafka says only that it is not; which check failed it tells to a
//! callback that rdkafka does not wrap.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rdkafka::{ClientContext, client::Client, config::RDKafkaLogLevel, types::RDKafkaType};
use rdkafka_sys as sys;
use stockstream_model::{AuthError, settings::Kafka};

use crate::{
    Resolver,
    broker_error::BrokerError,
    client_config,
    resolve::{self, Resolves},
};

/// How long the connection for it may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
const SPAN: Duration = Duration::from_millis(100);

/// A broker, and what OpenSSL finds wrong with its certificate.
#[derive(Default)]
struct Found {
    wrong: Mutex<Option<(String, c_int)>>,
    resolver: Option<Resolver>,
}

impl Resolves for Found {
    fn resolver(&self) -> Option<&Resolver> {
        self.resolver.as_ref()
    }
}

impl ClientContext for Found {
    // The caller got these messages from the client that failed.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
}

/// Connects once more and looks. `None` where no certificate is found wrong now.
pub(crate) fn diagnose(settings: &Kafka, resolver: Option<&Resolver>) -> Option<BrokerError> {
    let config = client_config(settings).ok()?;
    let native = config.create_native_config().ok()?;
    // SAFETY: `native` is a live configuration, and `look` has the callback's signature.
    unsafe { sys::rd_kafka_conf_set_ssl_cert_verify_cb(native.ptr(), Some(look)) };
    let context = Found { wrong: Mutex::default(), resolver: resolver.cloned() };
    resolve::set(&native, &context);
    // Where it looks is its context: `Client::new` makes that the opaque pointer of every callback, and keeps it alive
    // for longer than librdkafka's threads.
    let client = Client::new(&config, native, RDKafkaType::RD_KAFKA_PRODUCER, context).ok()?;
    let began = Instant::now();
    while began.elapsed() < REQUEST_TIMEOUT {
        let answered = client.fetch_metadata(None, SPAN).is_ok();
        let found = client.context().wrong.lock().clone();
        if let Some((place, code)) = found {
            let (refusal, words) = meaning(code);
            return Some(BrokerError { place, refusal: Some(refusal), words });
        }
        if answered {
            return None;
        }
    }
    None
}

/// Called for every certificate of a broker's chain with what OpenSSL finds; decides as OpenSSL did.
///
/// # Safety
/// librdkafka keeps its callback's promises: `name` is a C string, `error` points to a number, and `opaque` is the
/// client's context.
unsafe extern "C" fn look(
    _: *mut sys::rd_kafka_t,
    name: *const c_char,
    _: i32,
    error: *mut c_int,
    _: c_int,
    _: *const c_char,
    _: usize,
    _: *mut c_char,
    _: usize,
    opaque: *mut c_void,
) -> c_int {
    if name.is_null() || error.is_null() || opaque.is_null() {
        return 0;
    }
    // SAFETY: not null, and what they point to lives during the call by the caller's promise; the context is shared, never
    // changed but behind its mutex.
    let (name, code, found) = unsafe { (CStr::from_ptr(name), *error, &*opaque.cast::<Found>()) };
    if code == 0 {
        return 1;
    }
    let mut found = found.wrong.lock();
    found.get_or_insert_with(|| (name.to_string_lossy().into_owned(), code));
    0
}

/// OpenSSL's `X509_V_ERR_…` numbers, which are part of its interface.
fn meaning(code: c_int) -> (AuthError, String) {
    let (refusal, words) = match code {
        2 | 20 => (AuthError::UnknownCa, "its issuer is not among those that are trusted"),
        18 | 19 => (AuthError::UnknownCa, "it is signed by itself"),
        21 | 24 | 27 | 28 => (AuthError::UnknownCa, "its chain does not lead to one that is trusted"),
        9 => (AuthError::ExpiredCertificate, "it is not valid yet"),
        10 => (AuthError::ExpiredCertificate, "it has expired"),
        62 => (AuthError::WrongHostName, "it does not hold this host name"),
        64 => (AuthError::WrongHostName, "it does not hold this address"),
        other => return (AuthError::Certificate, format!("OpenSSL's verification error {other}")),
    };
    (refusal, words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_met_has_its_meaning() {
        for (code, refusal) in [
            (20, AuthError::UnknownCa),
            (10, AuthError::ExpiredCertificate),
            (62, AuthError::WrongHostName),
            (64, AuthError::WrongHostName),
            (26, AuthError::Certificate),
        ] {
            assert_eq!(meaning(code).0, refusal, "{code}");
        }
    }
}
