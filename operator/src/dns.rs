//! How names of hosts are looked up: as a pod of the pipeline's namespace would, wherever the operator itself runs. `kafka` is
//! the Service of that namespace, for the operator as for the workers.

use std::{
    fmt, fs,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use stockstream_kafka::{LookUp, NotFound, Resolver, system_look_up};

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// What kubelets give to pods: a name with fewer dots is looked for in the search path first.
const NDOTS: usize = 5;

/// What pods of this cluster append to names, from the operator's own pod.
#[derive(Clone, Debug)]
pub struct ClusterDns {
    /// `cluster.local`.
    domain: String,
    /// What nodes add to every pod's search path.
    more: Vec<String>,
    system: System,
}

/// What is asked in the end. Tests have another one.
#[derive(Clone, Copy, Debug)]
struct System {
    /// Looks up a whole name.
    look_up: fn(&str) -> Result<Vec<IpAddr>, NotFound>,
    /// Whether an address is the operator's own.
    is_own: fn(IpAddr) -> bool,
}

impl ClusterDns {
    /// Of the pod that this runs in; `None` outside of a cluster.
    pub fn of_this_pod() -> Option<Self> {
        Self::read(&fs::read_to_string(RESOLV_CONF).ok()?)
    }

    /// What the names of the cluster's Services end with.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// From a pod's `resolv.conf`, whose search path is `NAMESPACE.svc.DOMAIN svc.DOMAIN DOMAIN` and what the node adds.
    fn read(resolv_conf: &str) -> Option<Self> {
        let words = |line: &str| line.split_whitespace().map(|word| word.trim_end_matches('.').to_owned()).collect();
        let mut paths = resolv_conf.lines().filter_map(|line| line.trim_start().strip_prefix("search")).map(words);
        let path: Vec<String> = paths.next_back()?; // of several the last one counts
        let [own, services, domain, more @ ..] = path.as_slice() else { return None };
        let is_pods = services.strip_prefix("svc.") == Some(domain)
            && own.strip_suffix(services.as_str()).is_some_and(|own| own.ends_with('.') && own.len() > 1);
        is_pods.then(|| Self {
            domain: domain.clone(),
            more: more.to_vec(),
            system: System { look_up: system_look_up, is_own: is_of_the_pod },
        })
    }

    /// The names to look for, in order, each whole. What a name with a dot at its end is, is it alone.
    fn candidates(&self, namespace: &str, host: &str) -> Vec<String> {
        if host.ends_with('.') {
            return vec![host.to_owned()];
        }
        let Self { domain, more, .. } = self;
        let path = [format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.clone()];
        let mut names: Vec<String> = path.iter().chain(more).map(|suffix| format!("{host}.{suffix}.")).collect();
        let as_it_is = if host.matches('.').count() < NDOTS { names.len() } else { 0 };
        names.insert(as_it_is, format!("{host}."));
        names
    }

    /// What looks up names for a namespace.
    pub(crate) fn resolver(&self, namespace: &str) -> Resolver {
        Arc::new(PodDns { dns: self.clone(), namespace: namespace.to_owned() })
    }
}

/// The names as a pod of a namespace finds them.
struct PodDns {
    dns: ClusterDns,
    namespace: String,
}

impl fmt::Debug for PodDns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "names as in namespace {}", self.namespace)
    }
}

impl LookUp for PodDns {
    fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, NotFound> {
        let mut found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.by_name(host)?,
        };
        found.retain(|address| !(self.dns.system.is_own)(*address));
        if found.is_empty() { Err(NotFound::NoSuchName) } else { Ok(found) }
    }
}

impl PodDns {
    /// The first name that there is. A name service that does not answer ends it: what it would have said may be another host.
    fn by_name(&self, host: &str) -> Result<Vec<IpAddr>, NotFound> {
        for name in self.dns.candidates(&self.namespace, host) {
            match (self.dns.system.look_up)(&name) {
                Err(NotFound::NoSuchName) => {}
                answer => return answer,
            }
        }
        Err(NotFound::NoSuchName)
    }
}

/// Whether an address is the client's own (loopback, link-local): in a pipeline's pod that is the pod, never the operator.
fn is_of_the_pod(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback()
        || address.is_unspecified()
        || match address {
            IpAddr::V4(address) => {
                address.is_link_local() || address.octets()[0] == 0 || address == Ipv4Addr::BROADCAST
            }
            IpAddr::V6(address) => address.is_unicast_link_local(),
        }
}

#[cfg(test)]
impl ClusterDns {
    /// Of a cluster that is on this machine, and has these names.
    pub(crate) fn on_this_machine(look_up: fn(&str) -> Result<Vec<IpAddr>, NotFound>) -> Self {
        Self { domain: "test".into(), more: Vec::new(), system: System { look_up, is_own: |_| false } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns() -> ClusterDns {
        let dns = ClusterDns::read(
            "search stockstream.svc.cluster.local svc.cluster.local cluster.local example.com\nnameserver 10.96.0.10\noptions ndots:5\n",
        );
        let dns = dns.unwrap();
        ClusterDns { system: System { look_up: answer, ..dns.system }, ..dns }
    }

    #[test]
    fn the_cluster_is_known_by_the_search_path_of_a_pod() {
        assert_eq!((dns().domain(), dns().more), ("cluster.local", vec!["example.com".to_owned()]));
        let other =
            ClusterDns::read("nameserver 1.1.1.1\nsearch a.svc.corp.test. svc.corp.test. corp.test.\n").unwrap();
        assert_eq!((other.domain.as_str(), other.more.len()), ("corp.test", 0));
        for text in
            ["", "nameserver 1.1.1.1\n", "search example.com\n", "search a.b svc.c d\n", "search svc.c svc.c c\n"]
        {
            assert!(ClusterDns::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn names_are_looked_for_as_a_pod_of_the_namespace_does() {
        let names = |host: &str| dns().candidates("shop", host);
        let expected = |host: &str| {
            ["shop.svc.cluster.local.", "svc.cluster.local.", "cluster.local.", "example.com.", ""]
                .map(|suffix| format!("{host}.{suffix}"))
                .to_vec()
        };
        for host in ["kafka", "kafka-0.kafka", "kafka.other", "kafka.other.svc", "kafka.other.svc.cluster.local"] {
            assert_eq!(names(host), expected(host));
        }
        assert_eq!(names("a.b.c.d.e.f")[0], "a.b.c.d.e.f.", "five dots or more: as it is, first");
        assert_eq!(names("kafka.shop."), ["kafka.shop."], "a whole name");
    }

    fn answer(name: &str) -> Result<Vec<IpAddr>, NotFound> {
        match name {
            "kafka.shop.svc.cluster.local." => Ok(vec![Ipv4Addr::new(10, 0, 0, 1).into()]),
            "kafka-0.kafka.shop.svc.cluster.local." => Ok(vec![Ipv4Addr::new(10, 0, 0, 2).into()]),
            "kafka.stockstream.svc.cluster.local." => Ok(vec![Ipv4Addr::new(10, 0, 0, 3).into()]),
            "example.org." => Ok(vec![Ipv4Addr::new(192, 0, 2, 1).into()]),
            "inside.shop.svc.cluster.local." => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
            "slow.shop.svc.cluster.local." => Err(NotFound::NoAnswer),
            "slow.svc.cluster.local." => panic!("asked on although the first name may be there"),
            _ => Err(NotFound::NoSuchName),
        }
    }

    #[test]
    fn a_bare_name_is_that_of_the_pipelines_namespace_and_never_the_operators() {
        let look_up = |namespace: &str, host: &str| PodDns { dns: dns(), namespace: namespace.into() }.look_up(host);
        let at = |last| Ok(vec![IpAddr::from([10, 0, 0, last])]);
        assert_eq!(look_up("shop", "kafka"), at(1));
        assert_eq!(look_up("shop", "kafka-0.kafka"), at(2));
        assert_eq!(look_up("elsewhere", "kafka"), Err(NotFound::NoSuchName));
        assert_eq!(look_up("shop", "kafka.stockstream"), at(3), "as any pod reaches another namespace");
        assert_eq!(look_up("shop", "example.org"), Ok(vec![IpAddr::from([192, 0, 2, 1])]));
        assert_eq!(look_up("shop", "10.0.0.9"), at(9));
        assert_eq!(look_up("shop", "slow"), Err(NotFound::NoAnswer));
    }

    #[test]
    fn the_operators_own_pod_is_not_reached() {
        let dns = PodDns { dns: dns(), namespace: "shop".into() };
        for host in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "::",
            "169.254.169.254",
            "fe80::1",
            "inside",
        ] {
            assert_eq!(dns.look_up(host), Err(NotFound::NoSuchName), "{host}");
        }
    }
}
