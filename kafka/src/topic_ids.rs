//! Topic ids (KIP-516) and rights, which rdkafka does not wrap: `rd_kafka_DescribeTopics` of librdkafka.
#![allow(unsafe_code)]

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString, c_char, c_int},
    ptr,
};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka_sys as sys;
use stockstream_model::settings::Kafka;

use crate::{HasBrokerErrors, KafkaError, MetadataClient, error::REQUEST_TIMEOUT, explain::not_connected};

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

/// A topic as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// `None` where the broker tells none: before Kafka 3.1, or the in-process broker.
    pub id: Option<TopicId>,
    /// Whether this user may read it; `None` where it was not asked, or the broker does not tell.
    pub may_read: Option<bool>,
}

/// Asks the cluster for the ids of topics. Blocks for some seconds at most. A topic that does not exist, or whose id the
/// broker does not tell, is left out.
///
/// # Errors
/// Why nobody answered in time.
pub fn topic_ids<C: HasBrokerErrors>(
    consumer: &BaseConsumer<C>,
    settings: &Kafka,
    names: &[&str],
) -> Result<BTreeMap<String, TopicId>, KafkaError> {
    let described = describe(consumer, settings, names, false)?;
    Ok(described.into_iter().filter_map(|topic| Some((topic.name, topic.id?))).collect())
}

/// Asks the cluster for the ids of topics and whether our user may read them: that is found by reading only in the end,
/// and then told once. Blocks for some seconds at most. A topic that does not exist is left out.
///
/// # Errors
/// Why nobody answered in time.
pub fn describe_topics(
    metadata_client: &MetadataClient,
    settings: &Kafka,
    names: &[&str],
) -> Result<Vec<TopicDescription>, KafkaError> {
    describe(metadata_client, settings, names, true)
}

fn describe<C: HasBrokerErrors>(
    consumer: &BaseConsumer<C>,
    settings: &Kafka,
    names: &[&str],
    with_rights: bool,
) -> Result<Vec<TopicDescription>, KafkaError> {
    call(consumer, names, with_rights).map_err(|words| {
        C::catch_up(consumer);
        not_connected(settings, words, consumer.context().heard())
    })
}

fn call<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    names: &[&str],
    with_rights: bool,
) -> Result<Vec<TopicDescription>, String> {
    let client = consumer.client().native_ptr();
    let owned: Vec<CString> = names.iter().filter_map(|name| CString::new(*name).ok()).collect();
    let mut pointers: Vec<*const c_char> = owned.iter().map(|name| name.as_ptr()).collect();
    let millis = c_int::try_from(REQUEST_TIMEOUT.as_millis()).unwrap_or(c_int::MAX);
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
        let error = sys::rd_kafka_AdminOptions_set_include_authorized_operations(options.0, c_int::from(with_rights));
        drop(Owned::new(error, sys::rd_kafka_error_destroy)); // of an old broker: it tells no rights then
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
            if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            let name = text(sys::rd_kafka_TopicDescription_name(topic))?;
            Some(TopicDescription { name, id: id(topic), may_read: if with_rights { may_read(topic) } else { None } })
        });
        Ok(found.collect())
    }
}

/// # Safety
/// The pointer is a topic's description that lives during the call.
unsafe fn id(topic: *const sys::rd_kafka_TopicDescription_t) -> Option<TopicId> {
    // SAFETY: alive by the caller's promise; the id belongs to the description.
    unsafe {
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let is_told = !id.is_null()
            && (sys::rd_kafka_Uuid_most_significant_bits(id) != 0
                || sys::rd_kafka_Uuid_least_significant_bits(id) != 0);
        if is_told { text(sys::rd_kafka_Uuid_base64str(id)) } else { None }
    }
}

/// # Safety
/// The pointer is a topic's description that lives during the call.
unsafe fn may_read(topic: *const sys::rd_kafka_TopicDescription_t) -> Option<bool> {
    let mut count = 0;
    // SAFETY: alive by the caller's promise; there are `count` operations, which belong to the description.
    let operations = unsafe {
        let operations = sys::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
        if operations.is_null() || count == 0 {
            return None; // whoever sees a topic may describe it at least: it was not told
        }
        std::slice::from_raw_parts(operations, count)
    };
    Some(operations.contains(&sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ))
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
