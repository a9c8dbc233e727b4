//! Leaders' epochs of records and positions, and events with their partition, which rdkafka does not wrap.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString, c_char, c_int},
    time::Duration,
};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    message::BorrowedMessage,
    types::RDKafkaErrorCode as Code,
};
use rdkafka_sys as sys;

/// The epoch of the leader that wrote a record; `None` where the broker does not tell it.
pub fn leader_epoch(message: &BorrowedMessage<'_>) -> Option<i32> {
    // SAFETY: the record lives while it is borrowed, and is only read.
    let epoch = unsafe { sys::rd_kafka_message_leader_epoch(message.ptr()) };
    (epoch >= 0).then_some(epoch)
}

/// Says which leader's epoch wrote the record in front of a position that is on the list. The client compares it with the
/// log whenever it learns of another leader.
pub fn set_leader_epoch(list: &mut TopicPartitionList, topic: &str, partition: i32, epoch: i32) {
    let Ok(topic) = CString::new(topic) else { return };
    // SAFETY: the list is borrowed for us alone and outlives the call; the name is a C string; what is found belongs to the
    // list, and is not kept.
    unsafe {
        let element = sys::rd_kafka_topic_partition_list_find(list.ptr(), topic.as_ptr(), partition);
        if !element.is_null() {
            sys::rd_kafka_topic_partition_set_leader_epoch(element, epoch);
        }
    }
}

/// What a consumer's queue holds.
pub(crate) enum Event {
    /// A record of that partition.
    Record {
        /// Its topic.
        topic: String,
        /// Its number.
        partition: i32,
    },
    /// An error of that partition.
    OfPartition {
        /// Its topic.
        topic: String,
        /// Its number.
        partition: i32,
        /// What it is.
        code: Code,
        /// The client's words.
        words: String,
    },
    /// An error of the client as a whole.
    OfClient {
        /// The client's words.
        words: String,
    },
    /// Anything else.
    Other,
}

/// The next event of a consumer that nobody else polls; rdkafka's own poll drops the words and the partition.
pub(crate) fn next_event<C: ConsumerContext>(consumer: &BaseConsumer<C>, wait: Duration) -> Option<Event> {
    let client = consumer.client().native_ptr();
    let millis = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: `client` is a live handle while `consumer` is borrowed; queue and event are checked for null and freed by their
    // own destructors, once, after everything that belongs to them was copied.
    unsafe {
        let queue = sys::rd_kafka_queue_get_consumer(client);
        if queue.is_null() {
            return None;
        }
        let event = sys::rd_kafka_queue_poll(queue, millis);
        sys::rd_kafka_queue_destroy(queue);
        if event.is_null() {
            return None;
        }
        let read = read(event);
        sys::rd_kafka_event_destroy(event);
        Some(read)
    }
}

/// # Safety
/// The event lives during the call.
unsafe fn read(event: *mut sys::rd_kafka_event_t) -> Event {
    // SAFETY: alive by the caller's promise; a record and words belong to it; the partition is ours to free.
    unsafe {
        match sys::rd_kafka_event_type(event) {
            sys::RD_KAFKA_EVENT_FETCH => {
                let record = sys::rd_kafka_event_message_next(event);
                if record.is_null() || (*record).rkt.is_null() {
                    return Event::Other;
                }
                let topic = text(sys::rd_kafka_topic_name((*record).rkt));
                let (partition, error) = ((*record).partition, (*record).err);
                match Code::from(error) {
                    Code::NoError => Event::Record { topic, partition },
                    code => Event::OfPartition { topic, partition, code, words: code.to_string() },
                }
            }
            sys::RD_KAFKA_EVENT_ERROR => {
                let code = Code::from(sys::rd_kafka_event_error(event));
                let words = text(sys::rd_kafka_event_error_string(event));
                let place = sys::rd_kafka_event_topic_partition(event);
                if place.is_null() {
                    return Event::OfClient { words };
                }
                let (topic, partition) = (text((*place).topic), (*place).partition);
                sys::rd_kafka_topic_partition_destroy(place);
                Event::OfPartition { topic, partition, code, words }
            }
            _ => Event::Other,
        }
    }
}

/// # Safety
/// The pointer is null or a C string that lives during the call.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: not null, and a C string by the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}
