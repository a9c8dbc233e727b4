//! The things that were used last, so many at most. For few: they are looked through one by one.

/// Things by their keys; the one used last comes last, and the one used longest ago goes first.
pub(crate) struct LruCache<K, V, const MOST: usize>(Vec<(K, V)>);

impl<K, V, const MOST: usize> Default for LruCache<K, V, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, V: Default, const MOST: usize> LruCache<K, V, MOST> {
    /// What is kept for a key, or begins with this use.
    pub(crate) fn used(&mut self, key: K) -> &mut V {
        let place = self.0.iter().position(|(one, _)| *one == key);
        let entry = place.map_or_else(|| (key, V::default()), |place| self.0.remove(place));
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push(entry);
        let last = self.0.len() - 1;
        &mut self.0[last].1
    }

    /// What is kept for a key, which is not used by this.
    pub(crate) fn get<Q: ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: PartialEq<Q>,
    {
        self.0.iter().find(|(one, _)| one == key).map(|(_, value)| value)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
