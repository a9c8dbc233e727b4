use std::{fs, path::Path};

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};
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
        // Connections that end are told at this level alone; contexts decide what of it a person should see.
        .set_log_level(RDKafkaLogLevel::Info);
    if let Some(sasl) = &settings.security.sasl {
        sign_in(&mut config, sasl)?;
    }
    if settings.security.protocol.has_tls() {
        certificates(&mut config, settings.security.tls.as_ref())?;
    }
    Ok(config)
}

fn sign_in(config: &mut ClientConfig, sasl: &Sasl) -> Result<(), KafkaError> {
    let (username, password) = credentials(sasl)?;
    config.set("sasl.mechanism", sasl.mechanism.name()).set("sasl.username", username).set("sasl.password", password);
    Ok(())
}

/// User and password, from their files where they are in files.
pub(crate) fn credentials(sasl: &Sasl) -> Result<(String, String), KafkaError> {
    let username = match &sasl.username_file {
        Some(file) => read(file)?,
        None => sasl.username.clone().unwrap_or_default(),
    };
    let password = match &sasl.password_file {
        Some(file) => read(file)?,
        None => sasl.password.as_ref().map(|password| password.reveal().to_owned()).unwrap_or_default(),
    };
    Ok((username, password))
}

fn certificates(config: &mut ClientConfig, tls: Option<&Tls>) -> Result<(), KafkaError> {
    // The OpenSSL that is built in knows no place of the system's; librdkafka does, if asked.
    config.set("ssl.ca.location", "probe").set("ssl.endpoint.identification.algorithm", "https");
    let Some(tls) = tls else { return Ok(()) };
    for ((option, setting), file) in TLS_FILES.into_iter().zip([&tls.ca_file, &tls.cert_file, &tls.key_file]) {
        if let Some(file) = file {
            // Of a file that is not there the client says only that OpenSSL cannot read.
            fs::File::open(file).map_err(|error| KafkaError::Settings {
                message: format!("failed to read {setting} {}: {error}", file.display()),
            })?;
            config.set(option, file.to_string_lossy());
        }
    }
    Ok(())
}

/// librdkafka's options that name files, and ours.
pub(crate) const TLS_FILES: [(&str, &str); 3] = [
    ("ssl.ca.location", "kafka.security.tls.caFile"),
    ("ssl.certificate.location", "kafka.security.tls.certFile"),
    ("ssl.key.location", "kafka.security.tls.keyFile"),
];

fn read(file: &Path) -> Result<String, KafkaError> {
    let text = fs::read_to_string(file)
        .map_err(|error| KafkaError::Settings { message: format!("failed to read {}: {error}", file.display()) })?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::settings::Settings;

    fn config(file: &str) -> Result<ClientConfig, KafkaError> {
        client_config(&Settings::load(Some(file), |_| None).unwrap().kafka)
    }

    #[test]
    fn sign_in_and_certificates_reach_the_client() {
        let this = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"); // any file that can be read
        let config = config(&format!(
            "{{kafka: {{security: {{protocol: SASL_SSL, sasl: {{mechanism: SCRAM-SHA-512, username: shop, password: word}}, tls: {{caFile: {this}}}}}}}}}"
        ));
        for (name, value) in [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "shop"),
            ("sasl.password", "word"),
            ("ssl.ca.location", this),
            ("ssl.endpoint.identification.algorithm", "https"),
        ] {
            assert_eq!(config.as_ref().unwrap().get(name), Some(value));
        }
    }

    #[test]
    fn all_codecs_are_built_in() {
        let native = config("").unwrap().create_native_config().unwrap();
        let features = native.get("builtin.features").unwrap();
        for codec in ["gzip", "snappy", "lz4", "zstd"] {
            assert!(features.split(',').any(|feature| feature == codec), "{codec} is not in {features}");
        }
    }

    #[test]
    fn without_a_file_the_systems_authorities_are_looked_for() {
        let config = config("{kafka: {security: {protocol: SSL}}}").unwrap();
        assert_eq!(config.get("ssl.ca.location"), Some("probe"));
        assert_eq!(config.get("ssl.endpoint.identification.algorithm"), Some("https"));
    }

    #[test]
    fn a_file_of_certificates_that_cannot_be_used_is_named_by_its_setting() {
        let missing = config("{kafka: {security: {protocol: SSL, tls: {caFile: /no/such/file}}}}").unwrap_err();
        assert!(missing.to_string().contains("kafka.security.tls.caFile /no/such/file"), "{missing}");
        let this = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let file = format!("{{kafka: {{security: {{protocol: SSL, tls: {{caFile: {this}}}}}}}}}");
        let none =
            crate::metadata_client(&Settings::load(Some(&file), |_| None).unwrap().kafka).err().unwrap().to_string();
        assert!(none.contains("kafka.security.tls.caFile") && none.contains("no certificate"), "{none}");
    }

    #[test]
    fn a_credential_file_that_is_not_there_is_named() {
        let file = "{kafka: {security: {protocol: SASL_SSL, sasl: {mechanism: PLAIN, username: shop, passwordFile: /no/such/file}}}}";
        assert!(config(file).unwrap_err().to_string().contains("/no/such/file"));
    }
}
