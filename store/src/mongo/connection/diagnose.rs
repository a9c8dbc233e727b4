//! What the driver says of a server that it cannot use, read: what it is that the server does not like. Texts are those of
//! driver 3.9 and rustls 0.23.

use stockstream_model::AuthError;

/// What became of the connection to a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DriverError {
    /// The server, where the text names it.
    pub place: Option<String>,
    /// Why it does not let us in; `None` where it just cannot be reached.
    pub refusal: Option<AuthError>,
    /// The driver's or the server's words.
    pub words: String,
}

/// Reads a text about a connection: an error of one, or a search for a server that found none fit, which tells of each.
pub(crate) fn complaint(text: &str) -> DriverError {
    let mut servers = text.split("{ Address: ").skip(1).filter_map(server).collect::<Vec<_>>();
    servers.sort_by_key(|complaint| complaint.refusal.is_none_or(AuthError::is_transient)); // what waiting does not mend first
    match servers.into_iter().next() {
        Some(complaint) => complaint,
        None if text.starts_with("Server selection timeout") => of_connection(None, &unsuitable(text)),
        None => of_connection(None, text),
    }
}

/// Why none of the servers that a search knows of will do, where none of them has an error.
fn unsuitable(search: &str) -> String {
    let has = |kind: &str| search.contains(&format!(", Type: {kind}"));
    let set = search.split_once("Set Name: ").and_then(|(_, rest)| rest.split([',', ' ']).next());
    // The driver drops servers that are not of the replica set which the address names, or which cannot be of one.
    match set {
        Some(set) if !search.contains("{ Address: ") => format!(
            "it answers, and is no member of the replica set {set:?} that mongodb.uri names; correct replicaSet, or leave it out"
        ),
        None if !search.contains("{ Address: ") => {
            "its servers answer, and are of no replica set; name one of them alone".to_owned()
        }
        _ if has("RsGhost") => {
            "it waits to be made a replica set, or was removed from one; run rs.initiate() on it".to_owned()
        }
        _ if ["RsSecondary", "RsArbiter", "RsOther"].into_iter().any(has) => {
            "the replica set has no primary: an election is under way, or a majority of its members is away".to_owned()
        }
        _ => NO_ANSWER.to_owned(), // nothing was heard of any server yet
    }
}

/// What a server said that says nothing in time.
const NO_ANSWER: &str = "no answer in time";

impl DriverError {
    /// Whether the server takes connections and then says nothing, as one does that waits for something else than TLS.
    pub fn is_silence(&self) -> bool {
        self.words == NO_ANSWER || self.words == "timed out"
    }
}

/// One server's part: `host:port, Type: Unknown, Error: Kind: …, labels: …`.
fn server(part: &str) -> Option<DriverError> {
    let (place, rest) = part.split_once(", ")?;
    let (_, error) = rest.split_once("Error: Kind: ")?;
    let error = error.split_once(", labels: ").map_or(error, |(error, _)| error);
    Some(of_connection(Some(place), error))
}

fn of_connection(place: Option<&str>, text: &str) -> DriverError {
    let words = text.strip_prefix("I/O error: ").unwrap_or(text);
    let words = words.strip_prefix(BY_PROXY).map_or(words, of_proxy);
    let (refusal, words) = read(words);
    let words: String = words.lines().next().unwrap_or_default().chars().take(300).collect();
    DriverError { place: place.map(str::to_owned), refusal, words }
}

/// How the driver begins what a proxy answered.
const BY_PROXY: &str = "An error occurred when connecting to a proxy host: ";

/// What our own proxy says of a server, in the words of a connection without it.
fn of_proxy(said: &str) -> &str {
    match said.trim_start_matches("Error with reply: ").trim_end_matches('.') {
        "Host unreachable" => "there is no such host",
        "General failure" => "timed out",
        words => words,
    }
}

fn read(said: &str) -> (Option<AuthError>, String) {
    let is = |word: &str| said.contains(word);
    if let Some(words) = said.strip_prefix("invalid peer certificate: ") {
        let refusal = match words {
            _ if is("UnknownIssuer") => AuthError::UnknownCa,
            _ if is("xpired") || is("ot valid yet") || is("NotValidYet") => AuthError::ExpiredCertificate,
            _ if is("ot valid for name") || is("NotValidForName") => AuthError::WrongHostName,
            _ => AuthError::Certificate,
        };
        let words = match refusal {
            AuthError::UnknownCa => "its issuer is not among those that are trusted".to_owned(),
            // What follows are seconds since 1970.
            AuthError::ExpiredCertificate => words.split(':').next().unwrap_or(words).to_owned(),
            _ => words.replace("; certificate is only", ", only"),
        };
        return (Some(refusal), words);
    }
    let refusal = match said {
        // Alerts are about our certificate, or its absence.
        _ if is("received fatal alert: ") && (is("Certificate") || is("UnknownCA")) => {
            Some(AuthError::ClientCertificate)
        }
        _ if is("received fatal alert: ") => Some(AuthError::Tls),
        _ if is("InvalidContentType") => Some(AuthError::Protocol),
        _ if is("unexpected end of file") || is("eof") || is("onnection reset") => Some(AuthError::Closed),
        _ => None,
    };
    (refusal, said.to_owned())
}

/// What happened, where, and what to do.
pub(crate) fn sentence(refusal: AuthError, place: &str, words: &str) -> String {
    match refusal {
        AuthError::SignIn => format!(
            "MongoDB at {place} refuses the sign-in: {words}; check user, password and authSource in mongodb.uri"
        ),
        AuthError::UnknownCa => format!(
            "the certificate of MongoDB at {place} is of an unknown authority: {words}; give the authority's certificate by mongodb.tls.caFile"
        ),
        AuthError::ExpiredCertificate => format!(
            "the certificate of MongoDB at {place} is not valid today: {words}; have it renewed at the server, or set this machine's clock right"
        ),
        AuthError::WrongHostName => format!(
            "the certificate of MongoDB at {place} is for another host: {words}; write a name that it holds into mongodb.uri, or have it made for this one"
        ),
        AuthError::Certificate => format!(
            "the certificate of MongoDB at {place} cannot be used: {words}; check it at the server, and mongodb.tls.caFile"
        ),
        AuthError::ClientCertificate => format!(
            "MongoDB at {place} asks for a client's certificate, and got none or none that it trusts ({words}); give one by mongodb.tls.certFile and keyFile"
        ),
        AuthError::Protocol => format!(
            "MongoDB at {place} does not speak TLS ({words}); leave tls out of mongodb.uri and mongodb.tls out of the settings, or name its TLS port"
        ),
        AuthError::Closed => format!(
            "failed to reach MongoDB at {place}: it closes the connection at once ({words}); check whether it speaks TLS (tls=true in mongodb.uri, mongodb.tls.caFile), that it runs and that mongodb.uri is right"
        ),
        AuthError::Tls => {
            format!("failed to connect to MongoDB at {place} by TLS: {words}; check mongodb.tls and tls in mongodb.uri")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn search(error: &str) -> String {
        format!(
            "Server selection timeout: No available servers. Topology: {{ Type: Unknown, Servers: [ {{ Address: 127.0.0.1:31002, Type: Unknown, Error: Kind: {error}, labels: {{\"RetryableError\", \"SystemOverloadedError\"}}, source: None, server response: None }} ] }}"
        )
    }

    #[test]
    fn what_the_driver_says_of_a_server_is_read() {
        for (error, refusal, words) in [
            (
                "I/O error: invalid peer certificate: UnknownIssuer",
                Some(AuthError::UnknownCa),
                "its issuer is not among those that are trusted",
            ),
            (
                "I/O error: invalid peer certificate: certificate expired: verification time 1795521162 (UNIX), but certificate is not valid after 1609459200 (186061962 seconds ago)",
                Some(AuthError::ExpiredCertificate),
                "certificate expired",
            ),
            (
                "I/O error: invalid peer certificate: certificate not valid yet: verification time 1 (UNIX), but certificate is not valid before 2 (1 seconds in the future)",
                Some(AuthError::ExpiredCertificate),
                "certificate not valid yet",
            ),
            (
                "I/O error: invalid peer certificate: certificate not valid for name \"127.0.0.1\"; certificate is only valid for DnsName(\"wrong.host.example\")",
                Some(AuthError::WrongHostName),
                "certificate not valid for name \"127.0.0.1\", only valid for DnsName(\"wrong.host.example\")",
            ),
            (
                "I/O error: invalid peer certificate: Other(OtherError(UnsupportedCertVersion))",
                Some(AuthError::Certificate),
                "Other(OtherError(UnsupportedCertVersion))",
            ),
            (
                "I/O error: received fatal alert: CertificateRequired",
                Some(AuthError::ClientCertificate),
                "received fatal alert: CertificateRequired",
            ),
            (
                "I/O error: received fatal alert: UnknownCA",
                Some(AuthError::ClientCertificate),
                "received fatal alert: UnknownCA",
            ),
            (
                "I/O error: received corrupt message of type InvalidContentType",
                Some(AuthError::Protocol),
                "received corrupt message of type InvalidContentType",
            ),
            ("I/O error: unexpected end of file", Some(AuthError::Closed), "unexpected end of file"),
            ("I/O error: Connection refused (os error 111)", None, "Connection refused (os error 111)"),
            ("I/O error: timed out", None, "timed out"),
            (
                "An error occurred when connecting to a proxy host: Error with reply: Host unreachable.",
                None,
                "there is no such host",
            ),
            (
                "An error occurred when connecting to a proxy host: Error with reply: Connection refused.",
                None,
                "Connection refused",
            ),
            (
                "I/O error: failed to lookup address information: Name or service not known",
                None,
                "failed to lookup address information: Name or service not known",
            ),
        ] {
            let of_server = DriverError { place: Some("127.0.0.1:31002".into()), refusal, words: words.into() };
            assert_eq!(complaint(&search(error)), of_server, "{error}");
            assert_eq!(complaint(error), DriverError { place: None, ..of_server }, "{error}");
        }
    }

    #[test]
    fn of_several_servers_the_one_that_waiting_does_not_mend_is_told() {
        let text = "Servers: [ { Address: a:1, Type: Unknown, Error: Kind: I/O error: Connection refused (os error 111), labels: {} }, { Address: b:1, Type: Unknown }, { Address: c:1, Type: Unknown, Error: Kind: I/O error: invalid peer certificate: UnknownIssuer, labels: {} } ]";
        assert_eq!(complaint(text).place.as_deref(), Some("c:1"));
    }

    #[test]
    fn a_search_that_heard_nothing_is_silence() {
        let text = "Server selection timeout: No available servers. Topology: { Type: Unknown, Servers: [ { Address: 127.0.0.1:26999, Type: Unknown } ] }";
        assert!(complaint(text).is_silence());
        assert!(complaint(&search("I/O error: timed out")).is_silence());
        assert!(!complaint(&search("I/O error: Connection refused (os error 111)")).is_silence());
    }

    #[test]
    fn a_search_says_why_servers_that_answer_will_not_do() {
        let search = |servers: &str| {
            complaint(&format!(
                "Server selection timeout: No available servers. Topology: {{ Type: ReplicaSetNoPrimary{servers} }}"
            ))
            .words
        };
        let a = ", Average RTT: 1ms, Max Wire Version: 21";
        for (servers, words) in [
            (", Set Name: rs9".to_owned(), "no member of the replica set \"rs9\""),
            (String::new(), "of no replica set"),
            (format!(", Set Name: rs9, Servers: [ {{ Address: a:1, Type: RsGhost{a} }} ]"), "rs.initiate()"),
            (
                format!(", Servers: [ {{ Address: a:1, Type: RsSecondary{a} }}, {{ Address: b:1, Type: Unknown }} ]"),
                "no primary",
            ),
            (", Servers: [ { Address: a:1, Type: Unknown } ]".to_owned(), NO_ANSWER),
        ] {
            assert!(search(&servers).contains(words), "{servers}: {}", search(&servers));
        }
    }

    #[test]
    fn every_refusal_has_a_sentence_of_its_own() {
        let say = |refusal| sentence(refusal, "db:27017", "its words");
        let sentences: BTreeSet<String> = AuthError::ALL.into_iter().map(say).collect();
        assert_eq!(sentences.len(), AuthError::ALL.len());
        assert!(sentences.iter().all(|said| said.contains("db:27017") && said.contains("its words")), "{sentences:?}");
    }
}
