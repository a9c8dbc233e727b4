//! Records by batches, without an event of librdkafka's and a poll of rdkafka's around each: by `rd_kafka_consume_queue`, which
//! rdkafka does not wrap.
//!
//! Not from the consumer's own queue: rdkafka has rebalances, statistics and errors delivered there as events, and this call serves
//! them by callbacks, of which there are none. A rebalance would end in an empty assignment and all else be dropped
//! (`rd_kafka_poll_cb`). So partitions are forwarded to a queue of their own, which holds nothing but their records and errors,
//! and the consumer is polled for everything else.
//!
//! Not by `rd_kafka_consume_batch_queue`: in librdkafka 2.12 it takes an error of a partition, the end of its log included, for a
//! record at that offset (`rd_kafka_q_serve_rkmessages`). A partition that is paused and resumed later, as each is in a rebalance,
//! then goes on behind the next record, which is never seen.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString, c_char, c_int},
    marker::PhantomData,
    ops::Deref,
    ptr::{self, NonNull},
    slice,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    types::RDKafkaErrorCode as Code,
};
use rdkafka_sys as sys;

use crate::KafkaError;

/// A queue of a client of librdkafka.
struct Queue {
    pointer: NonNull<sys::rd_kafka_queue_t>,
    /// Only to be compared.
    client: *const sys::rd_kafka_t,
}

// SAFETY: librdkafka locks its queues: any thread may read, forward, wake or free one.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// # Safety
    /// The pointer is null, or a reference to a queue of that client which nobody else frees. The client outlives it.
    unsafe fn new(client: *const sys::rd_kafka_t, pointer: *mut sys::rd_kafka_queue_t) -> Option<Self> {
        NonNull::new(pointer).map(|pointer| Self { pointer, client })
    }

    fn pointer(&self) -> *mut sys::rd_kafka_queue_t {
        self.pointer.as_ptr()
    }

    /// Ends a wait for records, or the next one.
    fn wake(&self) {
        // SAFETY: the queue lives while it is borrowed.
        unsafe { sys::rd_kafka_queue_yield(self.pointer()) }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: by the promise made to `new` it is freed nowhere else, and its client lives.
        unsafe { sys::rd_kafka_queue_destroy(self.pointer()) }
    }
}

/// Where the records of a consumer go; its context keeps it, for callbacks to find. Empty until a [`Reader`] is made.
#[derive(Default)]
pub struct Records(OnceLock<Weak<Queue>>);

/// A context of a consumer whose records are read by batches.
pub trait HasRecords: ConsumerContext {
    /// The consumer's own; no other one's.
    fn records(&self) -> &Records;
}

/// Has the records of partitions go where the reader reads them. To be called before they are assigned, since the first of them would
/// be on the consumer's queue; and again once they are: if they were assigned before, librdkafka takes the forwarding back when it
/// has stopped fetching, which it does before it takes in another assignment, but after the call that asked for it.
pub fn forward<C: HasRecords>(consumer: &BaseConsumer<C>, partitions: &TopicPartitionList) {
    let client = consumer.client().native_ptr();
    let records = consumer.context().records().0.get().and_then(Weak::upgrade);
    let Some(records) = records.filter(|records| ptr::eq(records.client, client)) else { return };
    for element in partitions.elements() {
        let Ok(topic) = CString::new(element.topic()) else { continue };
        // SAFETY: the client lives while `consumer` is borrowed, and both queues are of it; the name is a C string, and is copied.
        unsafe {
            let queue = sys::rd_kafka_queue_get_partition(client, topic.as_ptr(), element.partition());
            if let Some(queue) = Queue::new(client, queue) {
                sys::rd_kafka_queue_forward(queue.pointer(), records.pointer());
            }
        }
    }
}

/// A consumer whose records are read by batches. It is polled for everything else, whenever [`has_events`](Self::has_events).
///
/// Fields are dropped in their order: queues go before their client. Whoever else has one for a moment is in a call of the client,
/// or borrows the consumer.
pub struct Reader<C: HasRecords> {
    records: Arc<Queue>,
    /// The consumer's own queue.
    events: Queue,
    consumer: BaseConsumer<C>,
}

impl<C: HasRecords> Reader<C> {
    /// Reads by batches what is [forwarded](forward) from now on.
    ///
    /// # Errors
    /// [`KafkaError::Settings`] when the consumer has no `group.id`: then it has no queue of its own.
    pub fn new(mut consumer: BaseConsumer<C>) -> Result<Self, KafkaError> {
        let client = consumer.client().native_ptr();
        // SAFETY: the client lives while `consumer` does, which is dropped after the queues.
        let queues = unsafe {
            let own = sys::rd_kafka_queue_get_consumer(client);
            (Queue::new(client, sys::rd_kafka_queue_new(client)), Queue::new(client, own))
        };
        let (Some(records), Some(events)) = queues else {
            return Err(KafkaError::Settings { message: "the consumer has no queue, as it has no group.id".into() });
        };
        let records = Arc::new(records);
        let waiting = Arc::downgrade(&records);
        let _ = consumer.context().records().0.set(Weak::clone(&waiting));
        consumer.set_nonempty_callback(move || {
            if let Some(records) = waiting.upgrade() {
                records.wake();
            }
        });
        Ok(Self { records, events, consumer })
    }

    /// Whether a rebalance, an error of the client or statistics wait to be polled.
    pub fn has_events(&self) -> bool {
        // SAFETY: the queue lives while it is borrowed.
        unsafe { sys::rd_kafka_queue_length(self.events.pointer()) > 0 }
    }

    /// Where the log ended when records of the partition were fetched last, by what the broker said beside them; `None` where
    /// nothing of it was fetched. Asks nobody.
    pub fn known_end(&self, topic: &str, partition: i32) -> Option<i64> {
        let topic = CString::new(topic).ok()?;
        let (client, mut first, mut end) = (self.consumer.client().native_ptr(), 0, 0);
        // SAFETY: the client lives while the consumer is borrowed; the name is a C string, and the places outlive the call.
        let code =
            unsafe { sys::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &mut first, &mut end) };
        (code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && end >= 0).then_some(end)
    }

    /// The next records, so many at most. Waits for the first of them, but not beyond an event that is to be polled.
    pub fn read(&self, wait: Duration, most: usize) -> Batch<'_> {
        let mut wait = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        let mut batch = Batch { messages: Vec::with_capacity(most), consumer: PhantomData };
        while batch.messages.len() < most {
            // SAFETY: the queue lives while it is borrowed. It is of partitions of a consumer alone, so that what it gives are
            // messages, which are ours to free.
            let Some(message) = NonNull::new(unsafe { sys::rd_kafka_consume_queue(self.records.pointer(), wait) })
            else {
                break;
            };
            batch.messages.push(message);
            wait = 0;
        }
        batch
    }
}

impl<C: HasRecords> Deref for Reader<C> {
    type Target = BaseConsumer<C>;

    fn deref(&self) -> &Self::Target {
        &self.consumer
    }
}

/// Records and errors of partitions, in the order in which they came.
pub struct Batch<'a> {
    /// Each is freed once.
    messages: Vec<NonNull<sys::rd_kafka_message_t>>,
    consumer: PhantomData<&'a ()>,
}

/// A record as it is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// The number of its partition.
    pub partition: i32,
    /// Its place in that.
    pub offset: i64,
    /// Its Kafka timestamp in milliseconds, where it has one.
    pub timestamp: Option<i64>,
    /// The epoch of the leader that wrote it, where the broker tells it.
    pub epoch: Option<i32>,
    /// Its value; empty where it has none.
    pub payload: &'a [u8],
}

/// An error of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    /// Its topic; empty where the client does not say.
    pub topic: &'a str,
    /// The number of its partition.
    pub partition: i32,
    /// Where it is: the first offset of a batch that cannot be read. [`Code::PartitionEOF`]: behind everything that is there to be
    /// read, markers of transactions and what was aborted included.
    pub offset: i64,
    /// What it is.
    pub code: Code,
    /// The client's words.
    pub words: String,
}

impl Batch<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing came in time.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Result<Record<'_>, Failure<'_>>> {
        // Most records are of the topic of the one before.
        let (mut known, mut name) = (ptr::null_mut(), "");
        self.messages.iter().map(move |message| {
            // SAFETY: the message lives as long as the batch, and is only read; so do its topic and its payload, which belong to
            // it. An error's words are a C string of it.
            unsafe {
                let sys::rd_kafka_message_t { err, rkt, partition, payload, len, offset, .. } = *message.as_ptr();
                if err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    let words = text(sys::rd_kafka_message_errstr(message.as_ptr())).to_string_lossy().into_owned();
                    let topic = match rkt.is_null() {
                        true => "",
                        false => text(sys::rd_kafka_topic_name(rkt)).to_str().unwrap_or_default(),
                    };
                    return Err(Failure { topic, partition, offset, code: err.into(), words });
                }
                if rkt != known {
                    (known, name) = (rkt, text(sys::rd_kafka_topic_name(rkt)).to_str().unwrap_or_default());
                }
                let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
                let timestamp = sys::rd_kafka_message_timestamp(message.as_ptr(), &mut kind);
                let is_told =
                    kind != sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp != -1;
                let epoch = sys::rd_kafka_message_leader_epoch(message.as_ptr());
                Ok(Record {
                    topic: name,
                    partition,
                    offset,
                    timestamp: is_told.then_some(timestamp),
                    epoch: (epoch >= 0).then_some(epoch),
                    payload: if payload.is_null() {
                        &[]
                    } else {
                        slice::from_raw_parts(payload.cast::<u8>().cast_const(), len)
                    },
                })
            }
        })
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in &self.messages {
            // SAFETY: it came from librdkafka for us to free, is freed once, and before its consumer, which the batch borrows.
            unsafe { sys::rd_kafka_message_destroy(message.as_ptr()) }
        }
    }
}

/// # Safety
/// The pointer is null or a C string that lives for `'a`.
unsafe fn text<'a>(pointer: *const c_char) -> &'a CStr {
    // SAFETY: not null, and a C string by the caller's promise.
    if pointer.is_null() { c"" } else { unsafe { CStr::from_ptr(pointer) } }
}

#[cfg(test)]
mod tests {
    use rdkafka::{
        ClientConfig, ClientContext, Offset,
        mocking::MockCluster,
        producer::{BaseProducer, BaseRecord, Producer},
    };

    use super::*;

    const TOPIC: &str = "sales";
    const LONG: Duration = Duration::from_secs(100);

    #[derive(Default)]
    struct Context(Records);

    impl ClientContext for Context {}
    impl ConsumerContext for Context {}
    impl HasRecords for Context {
        fn records(&self) -> &Records {
            &self.0
        }
    }

    /// A broker with so many records in each of two partitions, and a reader of them.
    fn reader(
        records: i64,
        settings: &[(&str, &str)],
    ) -> (MockCluster<'static, rdkafka::producer::DefaultProducerContext>, Reader<Context>) {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 2, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let producer: BaseProducer = config.create().unwrap();
        for number in 0..records {
            for partition in 0..2 {
                let payload = format!("{partition}/{number}");
                let record: BaseRecord<'_, (), _> = BaseRecord::to(TOPIC).partition(partition).payload(&payload);
                producer.send(record.timestamp(1 + number)).map_err(|(error, _)| error).unwrap();
            }
        }
        producer.flush(LONG).unwrap();
        config.set("group.id", "readers").set("enable.auto.commit", "false");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let consumer: BaseConsumer<Context> = config.create_with_context(Context::default()).unwrap();
        (cluster, Reader::new(consumer).unwrap())
    }

    fn at(partitions: impl IntoIterator<Item = i32>, offset: i64) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition_offset(TOPIC, partition, Offset::Offset(offset)).unwrap();
        }
        list
    }

    fn assign(reader: &Reader<Context>, list: &TopicPartitionList) {
        forward(reader, list);
        reader.incremental_assign(list).unwrap();
        forward(reader, list);
    }

    /// The partitions and offsets of the next records.
    fn next(reader: &Reader<Context>, most: usize) -> Vec<(i32, i64)> {
        loop {
            while reader.has_events() {
                let polled = reader.poll(Duration::ZERO);
                assert!(!matches!(polled, Some(Ok(_))), "a record is on the consumer's own queue");
            }
            let batch = reader.read(LONG, most);
            assert!(batch.len() <= most);
            let check = |record: Result<Record<'_>, Failure<'_>>| {
                let Record { topic, partition, offset, timestamp, payload, .. } = record.unwrap();
                let expected = (TOPIC, Some(1 + offset), format!("{partition}/{offset}").into_bytes());
                assert_eq!((topic, timestamp, payload.to_vec()), expected);
                (partition, offset)
            };
            let found: Vec<_> = batch.iter().map(check).collect();
            if !found.is_empty() {
                return found;
            }
        }
    }

    #[test]
    fn records_come_once_and_in_order_whatever_the_size_of_a_batch() {
        for most in [1, 7, 1_000] {
            let (_cluster, reader) = reader(300, &[]);
            assign(&reader, &at(0..2, 0));
            let mut found = Vec::new();
            while found.len() < 600 {
                found.extend(next(&reader, most));
            }
            for partition in 0..2 {
                let of: Vec<i64> = found.iter().filter(|(of, _)| *of == partition).map(|(_, offset)| *offset).collect();
                assert_eq!(of, (0..300).collect::<Vec<_>>());
            }
        }
    }

    /// Of a partition that is taken away and given back nothing comes that was fetched before, and it is not forgotten.
    #[test]
    fn a_partition_that_is_given_back_is_read_from_where_it_is_assigned() {
        let (_cluster, reader) = reader(200, &[]);
        assign(&reader, &at(0..2, 0));
        next(&reader, 10);
        for round in 0..20 {
            reader.incremental_unassign(&at([1], 0)).unwrap();
            assign(&reader, &at([1], round));
            let first = loop {
                if let Some((_, offset)) = next(&reader, 10).into_iter().find(|(partition, _)| *partition == 1) {
                    break offset;
                }
            };
            assert_eq!(first, round);
        }
    }

    #[test]
    fn an_error_of_a_partition_comes_with_its_place_and_words_and_so_does_the_end_of_a_log() {
        let (_cluster, reader) = reader(5, &[("auto.offset.reset", "error"), ("enable.partition.eof", "true")]);
        let failure = || loop {
            while reader.has_events() {
                reader.poll(Duration::ZERO);
            }
            if let Some(Failure { topic, partition, offset, code, words }) =
                reader.read(LONG, 10).iter().find_map(Result::err)
            {
                break (topic.to_owned(), partition, offset, code, words);
            }
        };
        assign(&reader, &at([0], 99));
        let (topic, partition, _, code, words) = failure();
        assert_eq!((&*topic, partition, code), (TOPIC, 0, Code::AutoOffsetReset));
        assert!(words.contains("offset not available"), "{words}");
        assign(&reader, &at([1], 2));
        let (topic, partition, offset, code, _) = failure();
        assert_eq!((&*topic, partition, offset, code), (TOPIC, 1, 5, Code::PartitionEOF));
    }

    /// As in a rebalance, where librdkafka pauses what stays.
    #[test]
    fn what_comes_behind_the_end_of_a_log_is_read_also_after_a_pause() {
        let settings = [("enable.partition.eof", "true"), ("auto.offset.reset", "error"), ("fetch.wait.max.ms", "10")];
        let (cluster, reader) = reader(5, &settings);
        assign(&reader, &at([0], 0));
        let events = || {
            while reader.has_events() {
                reader.poll(Duration::ZERO);
            }
        };
        let next = || loop {
            events();
            let of = |found: Result<Record<'_>, Failure<'_>>| found.map(|of| of.offset).map_err(|end| end.offset);
            let found: Vec<_> = reader.read(LONG, 100).iter().map(of).collect();
            if !found.is_empty() {
                break found;
            }
        };
        // So that the end comes behind records of the same batch: until nothing was added for a while.
        let (mut length, mut same) = (0, 0);
        while length < 6 || same < 50 {
            events();
            std::thread::sleep(Duration::from_millis(5));
            let now = unsafe { sys::rd_kafka_queue_length(reader.records.pointer()) };
            same = if now == length { same + 1 } else { 0 };
            length = now;
        }
        assert_eq!(next(), [Ok(0), Ok(1), Ok(2), Ok(3), Ok(4), Err(5)]);
        reader.pause(&at([0], 0)).unwrap();
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
        let record: BaseRecord<'_, (), str> = BaseRecord::to(TOPIC).partition(0).payload("5");
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(LONG).unwrap();
        reader.resume(&at([0], 0)).unwrap();
        assert_eq!(next()[0], Ok(5));
    }

    /// It would be waited for for hours.
    #[test]
    fn a_wait_for_records_ends_with_an_event() {
        let (_cluster, reader) = reader(1, &[("statistics.interval.ms", "50")]);
        for _ in 0..3 {
            while reader.has_events() {
                reader.poll(Duration::ZERO);
            }
            assert!(reader.read(Duration::from_secs(9_000), 10).is_empty());
        }
    }
}
