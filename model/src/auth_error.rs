//! Why a secured service does not let us in: the same ways for Kafka and for MongoDB.

/// Why a secured service does not let us in. Each is told in a sentence of its own by whoever met it; its [name] is for
/// programs, and never changes.
///
/// [name]: Refusal::name
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthError {
    /// User or password are wrong, or the mechanism is not one that it offers.
    SignIn,
    /// Its certificate is of an authority that we do not trust.
    UnknownCa,
    /// Its certificate is over, or not valid yet.
    ExpiredCertificate,
    /// Its certificate is for other host names.
    WrongHostName,
    /// Its certificate cannot be verified, and which check failed is not known.
    Certificate,
    /// It wants a client's certificate, and got none or one that it does not trust.
    ClientCertificate,
    /// It speaks another protocol than we do: TLS or not, sign-in or not.
    Protocol,
    /// TLS does not come about for another reason.
    Tls,
    /// It ends connections before anything is said. So does a service that does not speak our protocol, but also one that
    /// is just starting or ending.
    Closed,
}

impl AuthError {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SignIn,
        Self::UnknownCa,
        Self::ExpiredCertificate,
        Self::WrongHostName,
        Self::Certificate,
        Self::ClientCertificate,
        Self::Protocol,
        Self::Tls,
        Self::Closed,
    ];

    /// A name for programs: conditions and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "SignInRefused",
            Self::UnknownCa => "UnknownCertificateAuthority",
            Self::ExpiredCertificate => "CertificateExpired",
            Self::WrongHostName => "CertificateForAnotherHost",
            Self::Certificate => "CertificateNotVerified",
            Self::ClientCertificate => "ClientCertificateRefused",
            Self::Protocol => "ProtocolMismatch",
            Self::Tls => "TlsFailed",
            Self::Closed => "ConnectionClosed",
        }
    }

    /// Whether waiting may help, rather than only somebody who changes something.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Closed)
    }
}
