//! What a person waits for ends where the database does not answer. A worker goes on trying.

use std::{future::Future, pin::pin, time::Duration};

use stockstream_store::StateStore;

use crate::exit::Failure;

/// How long the database may take to answer: some attempts at reaching it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the database answers; where it does not in time, why, and what of it is `so`.
pub(crate) async fn answered<T, E: Into<Failure>>(
    store: &impl StateStore,
    so: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    let mut work = pin!(work);
    tokio::select! {
        answer = &mut work => answer.map_err(Into::into),
        () = tokio::time::sleep(PATIENCE) => {
            // The work is still there: with it, its trouble would be gone.
            let why = store.troubles().into_iter().next().map(|trouble| trouble.message);
            let why = why.unwrap_or_else(|| "MongoDB does not answer; check that it runs, and look at its own log".into());
            Err(Failure::Usage { message: format!("{why}; gave up after {} s: {so}", PATIENCE.as_secs()) })
        }
    }
}
