//! Which faults strike, in which order: the same for the same seed.

use super::fault::{Fault, Kind};
use crate::harness::SeededRng;

/// Draws so many faults of these kinds, each kind as often as its weight says.
pub fn plan(seed: u64, count: usize, kinds: &[Kind]) -> Vec<Fault> {
    let mut rng = SeededRng::new(seed);
    let urn: Vec<Kind> = kinds.iter().flat_map(|kind| std::iter::repeat_n(*kind, kind.weight())).collect();
    (0..count).map(|_| Fault::draw(*rng.one(&urn), &mut rng)).collect()
}

#[test]
fn a_seed_is_a_schedule() {
    let of = |seed| plan(seed, 200, &Kind::ALL).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
    let all = of(7).join("\n");
    assert!(Kind::ALL.iter().all(|kind| all.contains(kind.name())), "{all}");
}
