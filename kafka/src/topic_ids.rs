//! Topic ids (KIP-516), which rdkafka does not wrap: `rd_kafka_DescribeTopics` of librdkafka. The only unsafe code here.
#![allow(unsafe_code)]

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString, c_char, c_int},
    ptr,
    time::Duration,
};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka_sys as sys;

/// What Kafka calls a topic besides its name: another one after it was deleted and made anew.
pub type TopicId = String;

/// Frees what librdkafka handed out.
struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Owned<T> {
    fn new(pointer: *mut T, free: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        (!pointer.is_null()).then_some(Self(pointer, free))
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the constructor that belongs to this destructor, is not null, and is dropped once.
        unsafe { (self.1)(self.0) }
    }
}

/// Asks the cluster for the ids of topics. Blocks for up to `timeout`. A topic that does not exist, or whose id the broker
/// does not tell (before Kafka 3.1, or the in-process broker), is left out.
///
/// # Errors
/// The client's words when nobody answered in time.
pub fn topic_ids<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    names: &[&str],
    timeout: Duration,
) -> Result<BTreeMap<String, TopicId>, String> {
    let client = consumer.client().native_ptr();
    let owned: Vec<CString> = names.iter().filter_map(|name| CString::new(*name).ok()).collect();
    let mut pointers: Vec<*const c_char> = owned.iter().map(|name| name.as_ptr()).collect();
    let millis = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: `client` is a live handle while `consumer` is borrowed; `pointers` holds valid C strings that outlive the call, which copies them; every handle is checked for null
    // and freed by its own destructor; what a result points to is read while the event that owns it lives.
    unsafe {
        let collection = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let collection = Owned::new(collection, sys::rd_kafka_TopicCollection_destroy).ok_or("no memory")?;
        let queue = Owned::new(sys::rd_kafka_queue_new(client), sys::rd_kafka_queue_destroy).ok_or("no memory")?;
        let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = sys::rd_kafka_AdminOptions_new(client, operation);
        let options = Owned::new(options, sys::rd_kafka_AdminOptions_destroy).ok_or("no memory")?;
        sys::rd_kafka_AdminOptions_set_request_timeout(options.0, millis, ptr::null_mut(), 0);
        sys::rd_kafka_DescribeTopics(client, collection.0, options.0, queue.0);
        let event = Owned::new(sys::rd_kafka_queue_poll(queue.0, millis), sys::rd_kafka_event_destroy)
            .ok_or_else(|| format!("no answer within {millis} ms"))?;
        if sys::rd_kafka_event_error(event.0) != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(text(sys::rd_kafka_event_error_string(event.0)).unwrap_or_default());
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event.0);
        if result.is_null() {
            return Err("another answer than asked for".into());
        }
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        let found = (0..count).filter_map(|index| {
            let topic = *topics.add(index);
            let error = sys::rd_kafka_error_code(sys::rd_kafka_TopicDescription_error(topic));
            let id = sys::rd_kafka_TopicDescription_topic_id(topic);
            if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || id.is_null() {
                return None;
            }
            let zero =
                sys::rd_kafka_Uuid_most_significant_bits(id) == 0 && sys::rd_kafka_Uuid_least_significant_bits(id) == 0;
            let id = text(sys::rd_kafka_Uuid_base64str(id)).filter(|_| !zero)?;
            Some((text(sys::rd_kafka_TopicDescription_name(topic))?, id))
        });
        Ok(found.collect())
    }
}

/// # Safety
/// The pointer is null or a C string that lives during the call.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not null, and a C string by the caller's promise.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}
