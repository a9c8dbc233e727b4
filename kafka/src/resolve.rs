//! Names of brokers, looked up by somebody else than the system: librdkafka's resolve callback, which rdkafka does not wrap.
//!
//! librdkafka asks for every name so, bootstrap servers and advertised ones alike, and verifies certificates against the name as
//! it was written.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    fmt::Debug,
    mem,
    net::{IpAddr, SocketAddr},
    ptr,
    sync::Arc,
};

use libc::{addrinfo, sockaddr_in, sockaddr_in6, sockaddr_storage};
use rdkafka::{
    client::{Client, ClientContext},
    config::{ClientConfig, FromClientConfigAndContext, NativeClientConfig},
};
use rdkafka_sys as sys;

use crate::KafkaError;

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// There is no such name.
    NoSuchName,
    /// The name service does not answer now.
    NoAnswer,
}

/// Looks names up in the system's place.
pub trait LookUp: Debug + Send + Sync {
    /// The addresses of a host, which may be an address already. Blocks.
    fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, NotFound>;
}

/// What looks names up, shared by clients.
pub type Resolver = Arc<dyn LookUp>;

/// A context that may know how names are looked up.
pub(crate) trait Resolves: ClientContext {
    fn resolver(&self) -> Option<&Resolver>;
}

/// What holds a client of librdkafka.
pub(crate) trait Holds<C: ClientContext> {
    fn held(&self) -> &Client<C>;
}

/// Creates a client whose names are looked up by its context's resolver, where that has one.
pub(crate) fn create<C, T>(mut config: ClientConfig, context: C) -> Result<T, KafkaError>
where
    C: Resolves,
    T: FromClientConfigAndContext<C> + Holds<C>,
{
    let resolves = context.resolver().is_some();
    // Without a broker there is nothing to look up yet, and no thread that would.
    let brokers = resolves.then(|| config.get("bootstrap.servers").unwrap_or_default().to_owned());
    if resolves {
        config.remove("bootstrap.servers");
    }
    let client: T = config.create_with_context(context).map_err(|error| KafkaError::settings(&error))?;
    if let Some(brokers) = brokers {
        let brokers = CString::new(brokers).map_err(|_| KafkaError::Settings {
            message: "kafka.bootstrapServers holds a NUL character: remove it".into(),
        })?;
        let native = client.held().native_ptr();
        // SAFETY: `native` is a live handle while `client` is. Its configuration is its own and lies in memory that may be
        // written, although the handle is meant for reading. Only threads of brokers read the callback, and there is none yet:
        // the client was created without brokers, and `rd_kafka_brokers_add` starts their threads after the write.
        // `brokers` is a C string that outlives the call, which copies it. The opaque pointer of every callback is the
        // client's context, of type `C`, which rdkafka sets and keeps alive for longer than librdkafka's threads.
        unsafe {
            rd_kafka_conf_set_resolve_cb(sys::rd_kafka_conf(native).cast_mut(), Some(resolve::<C>));
            sys::rd_kafka_brokers_add(native, brokers.as_ptr());
        }
    }
    Ok(client)
}

/// The same for a configuration of which a [`Client`] is made by hand, with a context of this type.
pub(crate) fn set<C: Resolves>(config: &NativeClientConfig, context: &C) {
    if context.resolver().is_some() {
        // SAFETY: `config` is a live configuration. `Client::new` makes the context the opaque pointer of every callback.
        unsafe { rd_kafka_conf_set_resolve_cb(config.ptr(), Some(resolve::<C>)) };
    }
}

type Callback =
    unsafe extern "C" fn(*const c_char, *const c_char, *const addrinfo, *mut *mut addrinfo, *mut c_void) -> c_int;

// In librdkafka, and left out of rdkafka-sys, which does not know `addrinfo`.
unsafe extern "C" {
    fn rd_kafka_conf_set_resolve_cb(conf: *mut sys::rd_kafka_conf_t, resolve_cb: Option<Callback>);
}

/// An address as `getaddrinfo` gives it, with what it points to.
#[repr(C)]
struct Entry {
    info: addrinfo,
    address: sockaddr_storage,
}

/// Called in the place of `getaddrinfo`, and without a node in that of `freeaddrinfo`.
///
/// # Safety
/// librdkafka keeps its callback's promises: `node` and `service` are C strings or null, `res` points to a pointer, which
/// without a node is one that this function gave, and `opaque` is the client's context, of type `C`.
unsafe extern "C" fn resolve<C: Resolves>(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    res: *mut *mut addrinfo,
    opaque: *mut c_void,
) -> c_int {
    if res.is_null() || opaque.is_null() {
        return libc::EAI_FAIL;
    }
    if node.is_null() {
        // SAFETY: by the caller's promise it is what `list` gave, and is freed once.
        unsafe { free(*res) };
        return 0;
    }
    // SAFETY: not null, and what they point to lives during the call by the caller's promise; the context is shared.
    let (host, context) = unsafe { (CStr::from_ptr(node), &*opaque.cast::<C>()) };
    // SAFETY: as above.
    let service = (!service.is_null()).then(|| unsafe { CStr::from_ptr(service) });
    // SAFETY: as above.
    let family = if hints.is_null() { libc::AF_UNSPEC } else { unsafe { (*hints).ai_family } };
    let port = match service.map(|service| service.to_str().map(str::parse::<u16>)) {
        None => 0,
        Some(Ok(Ok(port))) => port,
        Some(_) => return libc::EAI_SERVICE,
    };
    let (Ok(host), Some(resolver)) = (host.to_str(), context.resolver()) else { return libc::EAI_NONAME };
    let found = match resolver.look_up(host) {
        Ok(found) => found,
        Err(NotFound::NoSuchName) => return libc::EAI_NONAME,
        Err(NotFound::NoAnswer) => return libc::EAI_AGAIN,
    };
    let wanted = |address: &IpAddr| match family {
        libc::AF_INET => address.is_ipv4(),
        libc::AF_INET6 => address.is_ipv6(),
        _ => true,
    };
    let list = list(found.into_iter().filter(wanted).map(|address| SocketAddr::new(address, port)));
    if list.is_null() {
        return libc::EAI_NONAME;
    }
    // SAFETY: not null, and points to a pointer by the caller's promise.
    unsafe { *res = list };
    0
}

/// Addresses as a list that [`free`] frees.
fn list(addresses: impl DoubleEndedIterator<Item = SocketAddr>) -> *mut addrinfo {
    addresses.rev().fold(ptr::null_mut(), |next, address| {
        // SAFETY: both are plain C structures, of which all zeros are a value.
        let (mut info, mut storage): (addrinfo, sockaddr_storage) = unsafe { (mem::zeroed(), mem::zeroed()) };
        (info.ai_family, info.ai_addrlen) = fill(&mut storage, address);
        info.ai_socktype = libc::SOCK_STREAM;
        info.ai_protocol = libc::IPPROTO_TCP;
        info.ai_next = next;
        let entry = Box::into_raw(Box::new(Entry { info, address: storage }));
        // SAFETY: just made, and nobody else has it yet. A pointer to it is one to its first field, too.
        unsafe { (*entry).info.ai_addr = (&raw mut (*entry).address).cast() };
        entry.cast()
    })
}

/// Writes an address into what has room for every kind. Returns its family and length.
fn fill(storage: &mut sockaddr_storage, address: SocketAddr) -> (c_int, libc::socklen_t) {
    let place: *mut sockaddr_storage = storage;
    let (family, length) = match address {
        SocketAddr::V4(address) => {
            let place = place.cast::<sockaddr_in>();
            // SAFETY: `sockaddr_storage` is as large and as aligned as every address.
            unsafe {
                (*place).sin_family = libc::AF_INET as libc::sa_family_t;
                (*place).sin_port = address.port().to_be();
                (*place).sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
            }
            (libc::AF_INET, mem::size_of::<sockaddr_in>())
        }
        SocketAddr::V6(address) => {
            let place = place.cast::<sockaddr_in6>();
            // SAFETY: as above.
            unsafe {
                (*place).sin6_family = libc::AF_INET6 as libc::sa_family_t;
                (*place).sin6_port = address.port().to_be();
                (*place).sin6_addr.s6_addr = address.ip().octets();
                (*place).sin6_scope_id = address.scope_id();
            }
            (libc::AF_INET6, mem::size_of::<sockaddr_in6>())
        }
    };
    (family, length as libc::socklen_t)
}

/// Frees a list.
///
/// # Safety
/// It is one that [`list`] gave, and is not used any more.
unsafe fn free(mut list: *mut addrinfo) {
    while !list.is_null() {
        // SAFETY: by the caller's promise this is an entry that was made by `Box`, and freed by nobody else.
        let entry = unsafe { Box::from_raw(list.cast::<Entry>()) };
        list = entry.info.ai_next;
    }
}

/// A name without an address of a wanted kind, as glibc has it.
const EAI_ADDRFAMILY: i32 = -9;

/// The addresses of a host by the system's name service. With a dot at its end a name is looked up as it is, and nothing is
/// appended to it.
///
/// # Errors
/// Why there is none.
pub fn system_look_up(host: &str) -> Result<Vec<IpAddr>, NotFound> {
    let host = CString::new(host).map_err(|_| NotFound::NoSuchName)?;
    // SAFETY: a plain C structure, of which all zeros are a value.
    let mut hints: addrinfo = unsafe { mem::zeroed() };
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list: *mut addrinfo = ptr::null_mut();
    // SAFETY: `host` is a C string, `hints` and `list` live during the call.
    let code = unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &raw const hints, &raw mut list) };
    match code {
        0 => {}
        libc::EAI_NONAME | libc::EAI_NODATA | EAI_ADDRFAMILY => return Err(NotFound::NoSuchName),
        // A name service that refuses says nothing about the name: whoever went on to the next of a search path would sign in
        // at a host that was not meant.
        _ => return Err(NotFound::NoAnswer),
    }
    let mut found = Vec::new();
    let mut next = list;
    while !next.is_null() {
        // SAFETY: an entry of the list that `getaddrinfo` gave, which is not freed yet; what `ai_addr` points to is of the kind
        // that `ai_family` says.
        unsafe {
            let info = &*next;
            match info.ai_family {
                libc::AF_INET => {
                    let address = &*info.ai_addr.cast::<sockaddr_in>();
                    found.push(IpAddr::from(address.sin_addr.s_addr.to_ne_bytes()));
                }
                libc::AF_INET6 => found.push(IpAddr::from((*info.ai_addr.cast::<sockaddr_in6>()).sin6_addr.s6_addr)),
                _ => {}
            }
            next = info.ai_next;
        }
    }
    // SAFETY: given by `getaddrinfo`, and not used any more.
    unsafe { libc::freeaddrinfo(list) };
    if found.is_empty() { Err(NotFound::NoSuchName) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::Mutex};

    use rdkafka::mocking::MockCluster;
    use stockstream_model::{event::EventKind, settings::Kafka};

    use super::*;
    use crate::{admin_by, find_topic, make_topics, metadata_client_by};

    /// One name, and all that was asked for.
    #[derive(Debug, Default)]
    struct Book(Mutex<Vec<String>>);

    impl LookUp for Book {
        fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, NotFound> {
            self.0.lock().unwrap().push(host.to_owned());
            match host {
                "kafka" => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
                address => address.parse().map(|address| vec![address]).map_err(|_| NotFound::NoSuchName),
            }
        }
    }

    fn cluster(host: &str) -> (MockCluster<'static, rdkafka::producer::DefaultProducerContext>, Kafka) {
        let cluster = MockCluster::new(1).unwrap();
        let servers = cluster.bootstrap_servers();
        let (_, port) = servers.rsplit_once(':').unwrap();
        let settings = Kafka { bootstrap_servers: vec![format!("{host}:{port}")], ..Kafka::default() };
        (cluster, settings)
    }

    #[test]
    fn every_name_is_looked_up_by_the_resolver_advertised_ones_too() {
        let (cluster, settings) = cluster("kafka");
        cluster.create_topic(&settings.topics.sales.name, 2, 1).unwrap();
        let book = Arc::new(Book::default());
        let metadata_client = metadata_client_by(&settings, Some(book.clone())).unwrap();
        let found = find_topic(&metadata_client, &settings, EventKind::Sales).unwrap();
        assert_eq!((found.partitions, found.problem), (Some(2), None));
        // The leader is asked at its advertised address.
        let bounds = rdkafka::consumer::Consumer::fetch_watermarks(
            &metadata_client,
            &settings.topics.sales.name,
            0,
            std::time::Duration::from_secs(5),
        );
        assert_eq!(bounds.unwrap(), (0, 0));
        drop(metadata_client);
        let asked = book.0.lock().unwrap().clone();
        assert!(asked.contains(&"kafka".to_owned()) && asked.contains(&"127.0.0.1".to_owned()), "{asked:?}");
    }

    #[tokio::test]
    async fn what_makes_topics_looks_names_up_by_the_resolver_too() {
        let (_cluster, settings) = cluster("kafka");
        let book = Arc::new(Book::default());
        let admin = admin_by(&settings, Some(book.clone())).unwrap();
        // The in-process broker makes none; that it was asked is enough.
        let refused = make_topics(&admin, &settings, &[EventKind::Sales]).await.unwrap_err().to_string();
        assert!(!refused.contains("resolve"), "{refused}");
        assert!(book.0.lock().unwrap().contains(&"kafka".to_owned()));
    }

    #[test]
    fn a_name_that_there_is_not_is_said_to_be_none() {
        let (_cluster, settings) = cluster("nobody");
        let metadata_client = metadata_client_by(&settings, Some(Arc::new(Book::default()))).unwrap();
        let said = find_topic(&metadata_client, &settings, EventKind::Sales).unwrap_err().to_string();
        assert!(said.contains("nobody") && said.contains("resolve"), "{said}");
    }

    #[test]
    fn a_list_of_addresses_is_read_back_as_it_was_written() {
        let addresses: Vec<SocketAddr> =
            vec!["127.0.0.1:9092".parse().unwrap(), "[2001:db8::1]:65535".parse().unwrap()];
        let list = list(addresses.iter().copied());
        let mut read = Vec::new();
        let mut next = list;
        while !next.is_null() {
            // SAFETY: an entry of the list that was just made.
            unsafe {
                let info = &*next;
                read.push(match info.ai_family {
                    libc::AF_INET => {
                        let address = &*info.ai_addr.cast::<sockaddr_in>();
                        let ip = IpAddr::from(address.sin_addr.s_addr.to_ne_bytes());
                        SocketAddr::new(ip, u16::from_be(address.sin_port))
                    }
                    _ => {
                        let address = &*info.ai_addr.cast::<sockaddr_in6>();
                        SocketAddr::new(address.sin6_addr.s6_addr.into(), u16::from_be(address.sin6_port))
                    }
                });
                next = info.ai_next;
            }
        }
        // SAFETY: as above, and not used any more.
        unsafe { free(list) };
        assert_eq!(read, addresses);
    }

    #[test]
    fn the_system_finds_an_address_and_says_that_there_is_no_such_name() {
        assert_eq!(system_look_up("127.0.0.1"), Ok(vec![Ipv4Addr::LOCALHOST.into()]));
        assert_eq!(system_look_up("a\0b"), Err(NotFound::NoSuchName));
    }
}
