use std::future::Future;

use tokio::runtime::Runtime;

use crate::exit::Failure;

pub(super) fn block_on<F: Future>(work: F) -> Result<F::Output, Failure> {
    let runtime = Runtime::new().map_err(|source| Failure::Io { action: "start the runtime".into(), source })?;
    Ok(runtime.block_on(work))
}
