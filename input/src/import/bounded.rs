//! Reading within bounds: a small file that is compressed can hold a great deal, and so can a row that never ends.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// How much may still be read: of the row, and in all. Shared between who reads and who knows where rows begin.
#[derive(Clone)]
pub(super) struct ReadLimits(Arc<[AtomicU64; 2]>);

const ROW: usize = 0;
const ALL: usize = 1;

/// Which of the bounds was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitExceeded {
    Row,
    All,
}

impl ReadLimits {
    pub(super) fn new(all: u64) -> Self {
        Self(Arc::new([AtomicU64::new(0), AtomicU64::new(all)]))
    }

    /// A row begins that may be so long.
    pub(super) fn begin_row(&self, most: u64) {
        self.0[ROW].store(most, Ordering::Relaxed);
    }

    fn left(&self, which: usize) -> u64 {
        self.0[which].load(Ordering::Relaxed)
    }

    /// Whether reading ended because there was more than allowed.
    pub(super) fn met(&self) -> Option<LimitExceeded> {
        match (self.left(ALL), self.left(ROW)) {
            (0, _) => Some(LimitExceeded::All),
            (_, 0) => Some(LimitExceeded::Row),
            _ => None,
        }
    }
}

/// A source that ends with an error where nothing more is allowed.
pub(super) struct Bounded<R> {
    pub(super) source: R,
    pub(super) allowance: ReadLimits,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.allowance.left(ROW).min(self.allowance.left(ALL));
        if left == 0 {
            return Err(io::Error::other("there is more than is allowed"));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.source.read(&mut buffer[..most])?;
        for left in self.allowance.0.iter() {
            left.fetch_sub(read as u64, Ordering::Relaxed);
        }
        Ok(read)
    }
}
