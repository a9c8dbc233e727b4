//! Names the sums that went beyond their limit: a problem of their keys, which stops nothing else.

use std::collections::BTreeMap;

use stockstream_store::{StateStore, StoreError};

use crate::state::WorkerState;

/// How many keys are named.
const NAMED: u32 = 20;

/// What was named so far.
#[derive(Default)]
pub(super) struct Limits(BTreeMap<String, String>);

impl Limits {
    /// Looks, and names what is new.
    ///
    /// # Errors
    /// What the store refused.
    pub async fn look<S: StateStore>(&mut self, store: &S, shared: &WorkerState) -> Result<(), StoreError> {
        let found = store.sums_at_limit(NAMED).await?;
        for (problem, text) in found.iter().map(|sums| (format!("sums of {} {}", sums.of, sums.key), sums.to_string()))
        {
            if self.0.get(&problem) != Some(&text) {
                tracing::error!("{text}");
                shared.problems.warn(&problem, &text);
                self.0.insert(problem, text);
            }
        }
        Ok(())
    }

    /// Another worker looks from now on.
    pub fn forget(&mut self, shared: &WorkerState) {
        std::mem::take(&mut self.0).into_keys().for_each(|problem| shared.problems.remove_warning(&problem));
    }
}
