//! Ports for what must be told its port before it listens there.

use std::{
    fs::{self, File},
    net::TcpListener,
    ops::RangeInclusive,
    path::Path,
    sync::Mutex,
};

use super::SeededRng;

/// Below are those of well-known services.
const LEAST: u16 = 20_000;
/// Fewer ports are no choice.
const WORTH: usize = 1_000;

/// A port that nobody listens on, that no outgoing connection is given, and that this folder's tests are given once: it is
/// kept until the process ends.
pub fn free_port() -> u16 {
    static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let mut taken = TAKEN.lock().unwrap();
    let ports = beside(&outgoing());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ports");
    fs::create_dir_all(&folder).unwrap();
    let mut rng = SeededRng::new(u64::from(std::process::id()) << 32 | taken.len() as u64);
    for _ in 0..WORTH {
        let port = *rng.one(&ports);
        let lock = File::create(folder.join(port.to_string())).unwrap();
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            taken.push(lock);
            return port;
        }
    }
    panic!("of {WORTH} ports none is free");
}

/// Those that outgoing connections are given. Linux says which; elsewhere they are the upper ones.
fn outgoing() -> RangeInclusive<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut bounds = text.split_whitespace().filter_map(|bound| bound.parse().ok());
    bounds.next().zip(bounds.next()).map_or(32_768..=u16::MAX, |(low, high)| low..=high)
}

fn beside(outgoing: &RangeInclusive<u16>) -> Vec<u16> {
    let ports: Vec<u16> = (LEAST..=u16::MAX).filter(|port| !outgoing.contains(port)).collect();
    assert!(
        ports.len() >= WORTH,
        "outgoing connections may take nearly every port; leave some: sysctl -w net.ipv4.ip_local_port_range='32768 60999'"
    );
    ports
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::TcpStream};

    use super::*;

    #[test]
    fn thousands_of_outgoing_connections_take_no_port_that_was_given() {
        let given: BTreeSet<u16> = (0..300).map(|_| free_port()).collect();
        assert_eq!(given.len(), 300, "each is given once");
        let (mut least, mut most) = (u16::MAX, 0);
        for _ in 0..16 {
            // Many servers: for each, the system looks for a port of the connection elsewhere in its range.
            let servers: Vec<_> = (0..50).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
            let connect = |server: &TcpListener| TcpStream::connect(server.local_addr().unwrap()).unwrap();
            let open: Vec<_> = servers.iter().flat_map(|server| [server; 5].map(connect)).collect();
            for connection in &open {
                let port = connection.local_addr().unwrap().port();
                (least, most) = (least.min(port), most.max(port));
            }
            for port in &given {
                TcpListener::bind(("127.0.0.1", *port)).unwrap_or_else(|error| panic!("{port} is gone: {error}"));
            }
        }
        let within: Vec<_> = given.range(least..=most).collect();
        assert!(within.is_empty(), "ports of outgoing connections lie from {least} to {most}; given were {within:?}");
    }

    #[test]
    fn ports_are_given_beside_the_range_of_outgoing_connections() {
        assert!(beside(&(32_768..=60_999)).iter().all(|port| (LEAST..32_768).contains(port) || *port > 60_999));
        assert!(std::panic::catch_unwind(|| beside(&(1_024..=65_535))).is_err());
    }
}
