//! Letting go of a client in bounded time: librdkafka may wait for ever for an answer that never comes.

use std::{sync::mpsc, thread, time::Duration};

/// Leaves the group, if the client is in one, and lets go of the client. Tells whether it is gone: one that takes longer than
/// `within` is left behind with its threads. Callbacks run on another thread meanwhile.
pub fn close<C: Send + 'static>(consumer: C, within: Duration) -> bool {
    let (gone, is_gone) = mpsc::channel();
    let closing = thread::Builder::new().name("kafka-close".into()).spawn(move || {
        drop(consumer);
        let _ = gone.send(());
    });
    // Without a thread the client was let go of right here.
    closing.is_err() || is_gone.recv_timeout(within).is_ok()
}
