//! Parts of logs that the client cannot read. It goes on behind a batch whose checksum does not fit, and says neither which
//! partition that is of: what it left out is seen by the gap.

use std::time::{Duration, Instant};

use stockstream_model::{documents::PartitionId, settings::Kafka};

use crate::progress::unreadable_sentence;

/// What was told longer ago was found to be of some partition, or of none of ours.
const STANDS: Duration = Duration::from_secs(60);

/// What was told lately.
#[derive(Default)]
pub(super) struct Unreadable(Vec<Told>);

struct Told {
    at: Instant,
    offset: Option<i64>,
    words: String,
}

impl Unreadable {
    /// Notes what was told. Whether it is news.
    pub fn note(&mut self, offset: Option<i64>, words: &str) -> bool {
        self.0.retain(|told| told.at.elapsed() < STANDS);
        let standing = self.0.iter_mut().find(|told| told.offset == offset && told.words == words);
        match standing {
            Some(told) => {
                told.at = Instant::now();
                false
            }
            None => {
                self.0.push(Told { at: Instant::now(), offset, words: words.to_owned() });
                true
            }
        }
    }

    /// The first offset from `next` on and before `offset` that cannot be read.
    pub fn between(&self, next: i64, offset: i64) -> Option<i64> {
        // Mostly nothing was told, and mostly there is no gap.
        if self.0.is_empty() || next == offset {
            return None;
        }
        self.0.iter().filter_map(|told| told.offset).filter(|told| (next..offset).contains(told)).min()
    }

    /// Why a partition is stopped at an offset that cannot be read.
    pub fn why(&self, settings: &Kafka, id: PartitionId, offset: i64) -> String {
        let told = self.0.iter().find(|told| told.offset == Some(offset));
        unreadable_sentence(settings, id, offset, told.map_or("it cannot be read", |told| told.words.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use stockstream_model::event::Stream;

    use super::*;

    #[test]
    fn a_gap_over_what_cannot_be_read_is_found_and_other_gaps_are_not() {
        let mut unreadable = Unreadable::default();
        assert_eq!(unreadable.between(0, 9), None);
        assert!(unreadable.note(Some(5), "MessageSet at offset 5 failed CRC32C check"));
        assert!(!unreadable.note(Some(5), "MessageSet at offset 5 failed CRC32C check"), "told again");
        assert_eq!(unreadable.between(5, 6), Some(5));
        assert_eq!(unreadable.between(3, 9), Some(5));
        for (next, offset) in [(5, 5), (6, 9), (0, 5)] {
            assert_eq!(unreadable.between(next, offset), None, "[{next}, {offset})");
        }
        let why = unreadable.why(&Kafka::default(), PartitionId { stream: Stream::Sales, partition: 2 }, 5);
        assert!(why.contains("sales/2") && why.contains("offset 5") && why.contains("CRC32C"), "{why}");
    }
}
