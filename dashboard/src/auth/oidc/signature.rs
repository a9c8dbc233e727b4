//! Signatures of ID tokens, looked at by ring: what `jsonwebtoken` asks for.

use std::sync::Once;

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
    signature::{Error, Verifier},
};
use ring::signature::{self as with, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

/// What is believed: signatures by a provider's private key. Not by a secret that both sides know.
pub(crate) const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: looker,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has `jsonwebtoken` look at signatures this way. Again and again does no harm.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Nobody else in this program installs one.
        let _ = PROVIDER.install_default();
    });
}

enum How {
    Rsa(&'static RsaParameters),
    Other(&'static dyn VerificationAlgorithm),
}

struct RingVerifier {
    algorithm: Algorithm,
    how: How,
    key: DecodingKey,
}

fn looker(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let how = match algorithm {
        Algorithm::RS256 => How::Rsa(&with::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => How::Rsa(&with::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => How::Rsa(&with::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => How::Rsa(&with::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => How::Rsa(&with::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => How::Rsa(&with::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => How::Other(&with::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => How::Other(&with::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => How::Other(&with::ED25519),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    Ok(Box::new(RingVerifier { algorithm: *algorithm, how, key: key.clone() }))
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let verified = match (&self.how, self.key.kind()) {
            (How::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (How::Other(algorithm), DecodingKeyKind::SecretOrDer(key)) => {
                UnparsedPublicKey::new(*algorithm, key).verify(message, signature)
            }
            _ => return Err(Error::new()),
        };
        verified.map_err(|_| Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
