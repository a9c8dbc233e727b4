//! Labels and annotations as they are remembered: thousands of objects have the same words on them.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Labels, or annotations. Tells which stand, and of none what it says: in a tenth of the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MetadataDigest(Box<[(u64, u64)]>);

impl MetadataDigest {
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a str)>) -> Self {
        let digest = |text: &str| BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
        let mut marks: Vec<_> = pairs.into_iter().map(|(name, value)| (digest(name), digest(value))).collect();
        marks.sort_unstable();
        Self(marks.into())
    }

    /// Whether all these stand among others.
    pub fn hold(&self, wanted: &Self) -> bool {
        wanted.0.iter().all(|mark| self.0.binary_search(mark).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(pairs: &[(&str, &str)]) -> MetadataDigest {
        let owned: Vec<(String, &str)> = pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        MetadataDigest::of(owned.iter().map(|(name, value)| (name, *value)))
    }

    #[test]
    fn what_is_wanted_stands_by_name_and_value_whatever_stands_beside_it() {
        let standing = marks(&[("z", "1"), ("a", "2"), ("m", "3")]);
        assert!(standing.hold(&marks(&[("a", "2"), ("z", "1")])) && standing.hold(&MetadataDigest::default()));
        assert!(!standing.hold(&marks(&[("a", "1")])) && !standing.hold(&marks(&[("b", "2")])));
        assert!(!MetadataDigest::default().hold(&standing));
    }
}
