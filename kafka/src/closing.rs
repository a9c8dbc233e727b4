//! Letting go of a client in bounded time: librdkafka may wait for ever for an answer that never comes.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, ConsumerContext};

const TURN: Duration = Duration::from_millis(100);

/// Leaves the group, if the client is in one, and lets go of the client. Tells whether it is gone: one that takes longer than
/// `within` is left behind with its threads, as letting go of it would wait for it. Callbacks run meanwhile.
pub fn close<C: ConsumerContext>(consumer: BaseConsumer<C>, within: Duration) -> bool {
    if consumer.close_queue().is_ok() {
        let began = Instant::now();
        while !consumer.closed() {
            if began.elapsed() >= within {
                std::mem::forget(consumer);
                return false;
            }
            drop(consumer.poll(TURN));
        }
    }
    true
}
