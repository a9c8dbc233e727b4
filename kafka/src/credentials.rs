//! A password that changed while we work: read again from its file and given to clients that live.
#![allow(unsafe_code)]

use std::ffi::CString;

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;
use stockstream_model::settings::{Kafka, Sasl};

use crate::{KafkaError, config::credentials};

/// User and password as a client has them, and the files they came from.
pub struct CredentialReloader {
    sasl: Sasl,
    used: (String, String),
}

impl CredentialReloader {
    /// Of the settings, read now. `None` where neither user nor password is in a file: then they cannot change.
    ///
    /// # Errors
    /// [`KafkaError::Settings`] when a file cannot be read.
    pub fn new(settings: &Kafka) -> Result<Option<Self>, KafkaError> {
        let in_files = |sasl: &&Sasl| sasl.username_file.is_some() || sasl.password_file.is_some();
        let Some(sasl) = settings.security.sasl.as_ref().filter(in_files) else { return Ok(None) };
        Ok(Some(Self { sasl: sasl.clone(), used: credentials(sasl)? }))
    }

    /// Reads the files again. If they hold something new, the client uses it from its next connection on, and tries
    /// one at once. Whether they do.
    ///
    /// # Errors
    /// [`KafkaError::Settings`] when a file cannot be read or used.
    pub fn renew<C: ClientContext>(&mut self, client: &Client<C>) -> Result<bool, KafkaError> {
        let new = credentials(&self.sasl)?;
        if new == self.used {
            return Ok(false);
        }
        let nul = |_| KafkaError::Settings { message: "user and password cannot hold a NUL character".into() };
        let (username, password) = (CString::new(&*new.0).map_err(nul)?, CString::new(&*new.1).map_err(nul)?);
        // SAFETY: the handle lives while `client` is borrowed; both texts are C strings that outlive the call, which
        // copies them. It refuses nothing but null, so there is no error to free.
        unsafe { sys::rd_kafka_sasl_set_credentials(client.native_ptr(), username.as_ptr(), password.as_ptr()) };
        self.used = new;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata_client;
    use stockstream_model::settings::Settings;

    #[test]
    fn only_what_changed_in_a_file_is_renewed() {
        let file = std::env::temp_dir().join(format!("stockstream-renew-{}", std::process::id()));
        std::fs::write(&file, "old\n").unwrap();
        let text = format!(
            "{{kafka: {{security: {{protocol: SASL_PLAINTEXT, sasl: {{mechanism: PLAIN, username: shop, passwordFile: {}}}}}}}}}",
            file.display()
        );
        let kafka = Settings::load(Some(&text), |_| None).unwrap().kafka;
        let metadata_client = metadata_client(&kafka).unwrap();
        let client = rdkafka::consumer::Consumer::client(&metadata_client);
        let mut sign_in = CredentialReloader::new(&kafka).unwrap().unwrap();
        assert!(!sign_in.renew(client).unwrap());
        std::fs::write(&file, "new\n").unwrap();
        assert!(sign_in.renew(client).unwrap());
        assert!(!sign_in.renew(client).unwrap());
        std::fs::remove_file(&file).unwrap();
        assert!(sign_in.renew(client).is_err_and(|error| error.to_string().contains("stockstream-renew")));
    }
}
