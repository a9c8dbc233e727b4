//! The form of a broker's address.

use super::Protocol;

/// What to write instead of an address that cannot be used; nothing where it can.
pub(super) fn advice(address: &str) -> Option<String> {
    // Some write several into one; the client takes them apart at commas alone.
    address.split(',').find_map(of_one)
}

fn of_one(address: &str) -> Option<String> {
    if let Some((scheme, rest)) = address.split_once("://") {
        let rest = rest.trim_end_matches('/');
        let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(scheme));
        let also = protocol.map(|protocol| format!(" and set kafka.security.protocol to {}", protocol.name()));
        return Some(format!("leave out {scheme}://: write {}{}", shown(rest), also.unwrap_or_default()));
    }
    if address.contains('@') {
        return Some("write host:port; user and password belong into kafka.security.sasl".into());
    }
    if address.contains(';') {
        let brokers: Vec<&str> = address.split(';').map(str::trim).filter(|broker| !broker.is_empty()).collect();
        return Some(format!("separate brokers by commas: {}", brokers.join(",")));
    }
    if address.contains(char::is_whitespace) {
        return Some(format!("leave out blanks; write {}", address.split_whitespace().collect::<Vec<_>>().join(",")));
    }
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None if address.matches(':').count() > 1 => {
            return Some("write an IPv6 address in brackets, as in [::1]:9092".into());
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Some("write host:port, as in kafka:9092".into());
    }
    if host.contains('/') {
        return Some("write host:port without a path, as in kafka:9092".into());
    }
    match port {
        None => Some(format!("it names no port; write host:port, as in {address}:9092")),
        Some(port) if port.parse::<u16>().is_ok_and(|port| port > 0) => None,
        Some(_) => Some(format!("its port must be from 1 to 65535; write host:port, as in {host}:9092")),
    }
}

/// An address as a message may show it.
pub(super) fn shown(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_told_with_what_to_write() {
        for (address, words) in [
            ("SASL_SSL://h:9092", &["leave out SASL_SSL://", "write h:9092", "protocol to SASL_SSL"][..]),
            ("PLAINTEXT://h:9092", &["write h:9092", "protocol to PLAINTEXT"]),
            ("kafka://h:9092", &["leave out kafka://", "write h:9092"]),
            ("http://h:9092/", &["leave out http://", "write h:9092"]),
            ("a:1;b:2", &["separate brokers by commas: a:1,b:2"]),
            ("a:1; b:2;", &["separate brokers by commas: a:1,b:2"]),
            ("a:1,b:2;c:3", &["separate brokers by commas: b:2,c:3"]),
            (" a:1", &["leave out blanks"]),
            ("a:1 b:2", &["leave out blanks; write a:1,b:2"]),
            ("kafka", &["no port", "kafka:9092"]),
            ("[::1]", &["no port", "[::1]:9092"]),
            ("::1:9092", &["[::1]:9092"]),
            ("kafka:", &["port", "kafka:9092"]),
            ("kafka:0", &["from 1 to 65535"]),
            ("kafka:99999", &["from 1 to 65535"]),
            ("kafka:9092/x", &["from 1 to 65535"]),
            (":9092", &["host:port"]),
            ("", &["host:port"]),
            ("u:p@h:9092", &["kafka.security.sasl"]),
        ] {
            let said = advice(address).unwrap_or_default();
            assert!(!said.is_empty() && words.iter().all(|word| said.contains(word)), "{address:?}: {said}");
        }
    }

    #[test]
    fn what_can_be_used_needs_no_advice() {
        for address in ["kafka:9092", "127.0.0.1:1", "[::1]:9092", "b-1.example.com:65535", "a:1,b:2"] {
            assert_eq!(advice(address), None, "{address}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let said = advice("kafka://shop:hunter2@h:9092").unwrap_or_default();
        assert!(said.contains("h:9092") && !said.contains("hunter2"), "{said}");
        assert_eq!(shown("shop:hunter2@h:9092"), "h:9092");
    }
}
