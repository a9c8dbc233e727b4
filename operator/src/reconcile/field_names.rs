//! The settings file and the resource say the same by other names: what a message tells a person to change must be what
//! that person wrote.

/// Names in the settings file, and what they are in the resource; a longer one before what it begins with.
const NAMES: [(&str, &str); 15] = [
    ("kafka.security.tls.certFile and keyFile", "spec.kafka.security.tls.clientCertSecretRef"),
    ("kafka.security.tls.certFile", "the certificate of spec.kafka.security.tls.clientCertSecretRef"),
    ("kafka.security.tls.keyFile", "the key of spec.kafka.security.tls.clientCertSecretRef"),
    ("kafka.security.tls.caFile", "spec.kafka.security.tls.caSecretRef"),
    ("kafka.security", "spec.kafka.security"),
    ("kafka.bootstrapServers", "spec.kafka.bootstrapServers"),
    ("kafka.topics", "spec.kafka.topics"),
    ("mongodb.tls.certFile and keyFile", "spec.mongodb.tls.clientCertSecretRef"),
    ("mongodb.tls.certFile", "the certificate of spec.mongodb.tls.clientCertSecretRef"),
    ("mongodb.tls.keyFile", "the key of spec.mongodb.tls.clientCertSecretRef"),
    ("mongodb.tls.caFile", "spec.mongodb.tls.caSecretRef"),
    ("mongodb.tls out of the settings", "spec.mongodb.tls out of the resource"),
    ("mongodb.tls", "spec.mongodb.tls"),
    ("mongodb.uriFile", "the Secret of spec.mongodb.uriSecretRef"),
    ("mongodb.uri", "the Secret of spec.mongodb.uriSecretRef"),
];

/// The message in the words of the resource. A host that is called like a setting keeps its name: settings begin after a
/// space or a bracket and are not followed by more of a name.
pub(super) fn to_crd_fields(message: &str) -> String {
    let mut said = String::with_capacity(message.len() + 32);
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        let begins = said.ends_with([' ', '(']) || said.is_empty();
        let name = NAMES.iter().find(|(name, _)| begins && rest.starts_with(name));
        if let Some((name, ours)) = name {
            said.push_str(ours);
            rest = &rest[name.len()..];
        } else {
            said.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_called_by_their_names_in_the_resource_and_nothing_else_changes() {
        for (message, wanted) in [
            ("check kafka.security.sasl", "check spec.kafka.security.sasl"),
            ("give it by kafka.security.tls.caFile", "give it by spec.kafka.security.tls.caSecretRef"),
            (
                "give one by kafka.security.tls.certFile and keyFile",
                "give one by spec.kafka.security.tls.clientCertSecretRef",
            ),
            ("lower kafka.topics.sales.partitions", "lower spec.kafka.topics.sales.partitions"),
            (
                "whether it speaks TLS (tls=true in mongodb.uri, mongodb.tls.caFile), é",
                "whether it speaks TLS (tls=true in the Secret of spec.mongodb.uriSecretRef, spec.mongodb.tls.caSecretRef), é",
            ),
            ("failed to reach Kafka at kafka.shop:9092", "failed to reach Kafka at kafka.shop:9092"),
            ("spec.kafka.topics is empty", "spec.kafka.topics is empty"),
        ] {
            assert_eq!(to_crd_fields(message), wanted);
        }
    }
}
