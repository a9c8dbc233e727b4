//! The Secrets' keys that pods mount.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::reconcile::{Secrets, observed::Problem};

/// Keys of one Secret.
pub(super) struct Need<'a> {
    pub secret: &'a str,
    pub keys: Vec<&'a str>,
    /// What they hold, for sentences.
    pub what: &'static str,
    pub shape: Shape,
}

/// How a person gives the content to `kubectl create secret`.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Literal,
    File,
    MongoAddress,
}

impl Need<'_> {
    fn command(&self, namespace: &str) -> String {
        let content = |key: &&str| match self.shape {
            Shape::Literal => format!(" --from-literal={key}=…"),
            Shape::File => format!(" --from-file={key}=…"),
            Shape::MongoAddress => format!(" --from-literal={key}='mongodb://…/stock_management'"),
        };
        let contents: String = self.keys.iter().map(content).collect();
        format!("kubectl --namespace {namespace} create secret generic {}{contents}", self.secret)
    }
}

/// The keys that a part mounts and that are there, with their contents, by Secret.
#[derive(Default)]
pub(super) struct Mounts<'a>(BTreeMap<&'a str, BTreeMap<&'a str, &'a [u8]>>);

impl<'a> Mounts<'a> {
    /// Adds keys; returns what is wrong with them. None of it is stalled: whoever copies Secrets into a cluster may be
    /// on the way.
    pub(super) fn take(&mut self, secrets: &'a Secrets, namespace: &str, need: &Need<'a>) -> Vec<Problem> {
        let Need { secret, what, .. } = *need;
        let Some(standing) = secrets.0.get(secret) else {
            let command = need.command(namespace);
            let message =
                format!("secret {namespace}/{secret}, which holds {what}, does not exist: make it with: {command}");
            return vec![Problem { reason: "SecretMissing", message, stalled: false }];
        };
        let mut problems = Vec::new();
        for key in &need.keys {
            let (reason, trouble) = match standing.get(*key) {
                None => ("SecretKeyMissing", format!("has no key {key}: add it")),
                Some(content) => {
                    self.0.entry(secret).or_default().insert(key, content);
                    if !content.trim_ascii().is_empty() {
                        continue;
                    }
                    ("SecretKeyEmpty", format!("has nothing in key {key}: fill it"))
                }
            };
            let message = format!("secret {namespace}/{secret}, which holds {what}, {trouble}");
            problems.push(Problem { reason, message, stalled: false });
        }
        problems
    }

    /// Secrets and keys, in order.
    pub(super) fn keys(&self) -> Vec<(String, Vec<String>)> {
        let owned = |keys: &BTreeMap<&str, &[u8]>| keys.keys().map(|key| (*key).to_owned()).collect();
        self.0.iter().map(|(secret, keys)| ((*secret).to_owned(), owned(keys))).collect()
    }

    /// SHA-256 of everything that is mounted, as hexadecimal digits. Whoever may read pods sees it, so it begins with a
    /// salt: two pipelines with one password do not show that they have.
    pub(super) fn checksum(&self, salt: &str) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            // Each with its length before it: what moves from one part to the next changes the sum.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        add(salt.as_bytes());
        for (secret, keys) in &self.0 {
            for (key, content) in keys {
                add(secret.as_bytes());
                add(key.as_bytes());
                add(content);
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
