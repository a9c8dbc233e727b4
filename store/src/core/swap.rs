//! The compare-and-set of a checkpoint.

use stockstream_model::documents::Checkpoint;

/// Whether a checkpoint may be written over what stands: it is the one that comes next.
pub fn follows(new: &Checkpoint, standing: &Checkpoint) -> bool {
    new.id == standing.id && standing.version + 1 == new.version
}

/// Whether what stands is this very write, whose acknowledgement may have been lost.
pub fn is_same_write(new: &Checkpoint, standing: &Checkpoint) -> bool {
    (standing.id, standing.version, &standing.writer) == (new.id, new.version, &new.writer)
}

/// Which of these writes stand, where not all were acknowledged.
pub fn which_stand(new: &[Checkpoint], standing: &[Checkpoint]) -> Vec<bool> {
    new.iter().map(|new| standing.iter().any(|standing| is_same_write(new, standing))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::{documents::PartitionId, event::Stream};

    #[test]
    fn a_write_comes_next_once_and_is_known_again_by_its_writer() {
        let id = PartitionId { stream: Stream::Sales, partition: 0 };
        let at = |version, writer: &str| Checkpoint { version, writer: writer.into(), ..Checkpoint::new(id, 0, None) };
        assert!(follows(&at(8, "a"), &at(7, "b")));
        assert!(!follows(&at(8, "a"), &at(8, "b")) && !follows(&at(9, "a"), &at(7, "b")));
        assert_eq!(which_stand(&[at(8, "a")], &[at(8, "a")]), [true]);
        assert_eq!(which_stand(&[at(8, "a"), at(8, "a")], &[at(8, "b")]), [false, false]);
        assert_eq!(which_stand(&[at(8, "a")], &[at(9, "a")]), [false]);
    }
}
