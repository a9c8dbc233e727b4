//! What is to be done with partitions that are assigned.

use rdkafka::{Offset, TopicPartitionList};
use stockstream_kafka::set_leader_epoch;
use stockstream_model::{documents::PartitionId, settings::Topics};
use stockstream_protocol::positions::Position;

/// A partition to be read, from its position on.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub id: PartitionId,
    pub position: Position,
}

/// What is to be done with partitions; those that their topic lacks are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    pub reading: Vec<Reading>,
    /// Those that must not be read as things stand.
    pub stopped: Vec<PartitionId>,
    /// Those of which a worker that lives has a part to flush.
    pub claimed: Vec<PartitionId>,
}

/// Partitions with the offsets to read from, and the leader's epoch of the record in front of each, where it is known.
pub(crate) fn start_offsets(topics: &Topics, reading: &[Reading]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for Reading { id, position } in reading {
        let topic = &topics.of(id.stream).name;
        let _ = list.add_partition_offset(topic, id.partition, Offset::Offset(position.next));
        if let Some(epoch) = position.epoch.filter(|epoch| epoch.at == position.next) {
            set_leader_epoch(&mut list, topic, id.partition, epoch.value);
        }
    }
    list
}
