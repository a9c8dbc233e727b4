use std::{fs, path::Path};

use rdkafka::ClientConfig;
use stockstream_model::settings::{Kafka, Sasl, Tls};

use crate::KafkaError;

/// The settings every client shares: where Kafka is and how to sign in. Credential files are read now.
///
/// # Errors
/// [`KafkaError::Settings`] when a credential file cannot be read; it names the file, never its content.
pub fn client_config(settings: &Kafka) -> Result<ClientConfig, KafkaError> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", settings.bootstrap_servers.join(","))
        .set("client.id", "stockstream")
        .set("security.protocol", settings.security.protocol.name())
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.max.ms", "2000")
        .set("log.connection.close", "false");
    if let Some(sasl) = &settings.security.sasl {
        sign_in(&mut config, sasl)?;
    }
    if let Some(tls) = &settings.security.tls {
        certificates(&mut config, tls);
    }
    Ok(config)
}

fn sign_in(config: &mut ClientConfig, sasl: &Sasl) -> Result<(), KafkaError> {
    let username = match &sasl.username_file {
        Some(file) => read(file)?,
        None => sasl.username.clone().unwrap_or_default(),
    };
    let password = match &sasl.password_file {
        Some(file) => read(file)?,
        None => sasl.password.as_ref().map(|password| password.reveal().to_owned()).unwrap_or_default(),
    };
    config.set("sasl.mechanism", sasl.mechanism.name()).set("sasl.username", username).set("sasl.password", password);
    Ok(())
}

fn certificates(config: &mut ClientConfig, tls: &Tls) {
    let files = [
        ("ssl.ca.location", &tls.ca_file),
        ("ssl.certificate.location", &tls.cert_file),
        ("ssl.key.location", &tls.key_file),
    ];
    for (name, file) in files {
        if let Some(file) = file {
            config.set(name, file.to_string_lossy());
        }
    }
}

fn read(file: &Path) -> Result<String, KafkaError> {
    let text = fs::read_to_string(file)
        .map_err(|error| KafkaError::Settings { message: format!("failed to read {}: {error}", file.display()) })?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::settings::Settings;

    #[test]
    fn sign_in_and_certificates_reach_the_client() {
        let file = "{kafka: {security: {protocol: SASL_SSL, sasl: {mechanism: SCRAM-SHA-512, username: shop, password: word}, tls: {caFile: /ca.crt}}}}";
        let settings = Settings::load(Some(file), |_| None).unwrap();
        let config = client_config(&settings.kafka).unwrap();
        for (name, value) in [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "shop"),
            ("sasl.password", "word"),
            ("ssl.ca.location", "/ca.crt"),
        ] {
            assert_eq!(config.get(name), Some(value));
        }
    }

    #[test]
    fn a_credential_file_that_is_not_there_is_named() {
        let file = "{kafka: {security: {protocol: SASL_SSL, sasl: {mechanism: PLAIN, username: shop, passwordFile: /no/such/file}}}}";
        let settings = Settings::load(Some(file), |_| None).unwrap();
        assert!(client_config(&settings.kafka).unwrap_err().to_string().contains("/no/such/file"));
    }
}
