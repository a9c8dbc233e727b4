//! Which rejections were logged lately: a flood of bad events is no flood of lines.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use stockstream_model::event::{EventKind, Rejection};

use crate::core::fold::Record;

const SILENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct LogThrottle(HashMap<(EventKind, &'static str), Instant>);

impl LogThrottle {
    pub fn rejected(&mut self, record: &Record<'_>, rejection: &Rejection) {
        let kind = (record.id.stream, rejection.reason.name());
        if self.0.get(&kind).is_some_and(|at| at.elapsed() < SILENCE) {
            return;
        }
        self.0.insert(kind, Instant::now());
        tracing::warn!(
            topic = record.topic, partition = record.id.partition, offset = record.offset, reason = %rejection.reason,
            error = %rejection,
            "event rejected and kept in rejected_events; more of this kind are not logged for a minute"
        );
    }
}
