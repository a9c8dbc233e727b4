//! Model checks by exhaustive search, for this crate's tests and for those of others (feature `exhaustive`).

use std::{
    collections::HashSet,
    fmt::Debug,
    hash::{BuildHasher, Hash, RandomState},
};

use parking_lot::Mutex;
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// What was found to hold, as hashes of what it depends on.
#[derive(Default)]
pub struct Known {
    hashes: Mutex<HashSet<u64>>,
    hasher: RandomState,
}

impl Known {
    /// Whether something holds that depends on this alone.
    pub fn once(&self, on: impl Hash, holds: impl FnOnce() -> bool) -> bool {
        let hash = self.hasher.hash_one(on);
        let known = || self.hashes.lock();
        if known().contains(&hash) {
            return true;
        }
        let holds = holds();
        if holds {
            known().insert(hash);
        }
        holds
    }
}

/// Looks at every state there is: nothing is wrong in any, and what should come about does in some.
///
/// # Panics
/// When that is otherwise, with the steps that lead there.
pub fn holds<M>(model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq + Debug,
{
    let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let states = checker.unique_state_count();
    println!("{states} states, at most {} steps", checker.max_depth() - 1);
    // A search that fails ends early, so what it did not come to says nothing: all that is otherwise than wanted is told.
    let otherwise = checker.model().properties().into_iter().filter_map(|property| {
        let found = checker.discovery(property.name).map(|path| path.into_actions());
        let is_as_wanted = found.is_some() == (property.expectation == Expectation::Sometimes);
        (!is_as_wanted).then_some((property.name, found))
    });
    let otherwise: Vec<_> = otherwise.collect();
    assert!(otherwise.is_empty(), "in {states} states: {otherwise:#?}");
}

/// Looks for the shortest way to something wrong, which there must be without that guard.
///
/// # Panics
/// When there is none.
pub fn is_missed<M>(guard: impl Debug, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq + Debug,
{
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let failures =
        checker.model().properties().into_iter().filter(|property| property.expectation.discovery_is_failure());
    let found = failures.filter_map(|property| Some((property.name, checker.discovery(property.name)?.into_actions())));
    let found = found.min_by_key(|(_, steps)| steps.len());
    assert!(found.is_some(), "nothing goes wrong without {guard:?}, in {} states", checker.unique_state_count());
    println!("without {guard:?}, in {} states: {found:?}", checker.unique_state_count());
}
