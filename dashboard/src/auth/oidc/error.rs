//! What may go wrong between the dashboard and the provider.

use std::fmt;

/// What went wrong. Its words are for the log; what a reader is told is said in `pages`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OidcError {
    /// The provider gave no answer: another try may help.
    Away { address: String, reason: String },
    /// It gave one that cannot be used: somebody must mend something.
    Unusable { address: String, reason: String },
    /// Its claims do not say what is needed of a reader.
    Unnamed { claim: String },
    /// Something on this side is not as it should be.
    Here { reason: String },
}

impl fmt::Display for OidcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away { address, reason } => {
                write!(f, "{address} gave no answer: {reason}; check that the provider runs and can be reached")
            }
            Self::Unusable { address, reason } => write!(f, "the answer of {address} cannot be used: {reason}"),
            Self::Unnamed { claim } => write!(
                f,
                "the provider sends no claim {claim} that can be a name: let it send one, ask for its scope with \
                 --oidc-scopes, or choose another claim with --oidc-name-claim"
            ),
            Self::Here { reason } => f.write_str(reason),
        }
    }
}
