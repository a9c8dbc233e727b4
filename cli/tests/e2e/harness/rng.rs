//! Chance that can be had again.

/// Numbers that are the same in every run.
pub struct SeededRng(u64);

impl SeededRng {
    /// Another seed is another sequence.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from `from` to before `to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from + (self.0 >> 33) % (to - from)
    }

    /// One of these.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.between(0, of.len() as u64) as usize]
    }
}
