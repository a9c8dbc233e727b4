//! SIGTERM and Ctrl-C: the first ends in order, the second at once.

use std::process;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;

/// A token that the first signal cancels.
pub(crate) fn shutdown() -> Result<CancellationToken, Failure> {
    let listen = |kind| signal(kind).map_err(|source| Failure::Io { action: "listen for signals".into(), source });
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let told = token.clone();
    tokio::spawn(async move {
        let mut next = async || tokio::select! { _ = terminate.recv() => 143, _ = interrupt.recv() => 130 };
        next().await;
        told.cancel();
        process::exit(next().await);
    });
    Ok(token)
}
