//! Zones of IPv6 addresses that name an adapter: the adapter may come back with another index.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use udpair::{Adapter, Endpoint, ErrorKind, HostName, Resolver, ResolverBuilder};

use crate::resolve::{addresses, failure};
use crate::support::{TempFile, endpoint};

/// An adapter `eth0` with a changing index, of which 0 means that it is not there.
#[derive(Clone)]
struct Index(Arc<AtomicU32>);

impl Index {
    fn new() -> Self {
        Self(Arc::new(AtomicU32::new(4)))
    }

    fn set(&self, index: u32) {
        self.0.store(index, Ordering::SeqCst);
    }

    /// Returns a builder that lists this adapter and another one.
    fn builder(&self) -> ResolverBuilder {
        let index = self.clone();
        Resolver::builder().adapters(move || {
            let index = index.0.load(Ordering::SeqCst);
            let mut adapters = vec![Adapter::new("eth1", 9)];
            if index != 0 {
                adapters.push(Adapter::new("eth0", index));
            }
            Ok(adapters)
        })
    }
}

/// HOST-10
#[tokio::test]
async fn an_endpoint_follows_the_adapter_that_its_zone_names() {
    let index = Index::new();
    let resolver = index.builder().build();
    let remote = endpoint("[fe80::1%eth0]:7");
    for (at, expected) in [(4, "[fe80::1%4]:7"), (12, "[fe80::1%12]:7")] {
        index.set(at);
        assert_eq!(addresses(&resolver.resolve(&remote).await), [expected]);
    }
    index.set(0);
    let error = failure(&resolver.resolve(&remote).await);
    assert_eq!(error.kind(), ErrorKind::AddressNotAvailable);
    assert_eq!(error.status().number(), 11);
    assert!(error.to_string().contains("eth0"), "{error}");
    index.set(5);
    assert_eq!(
        addresses(&resolver.resolve(&remote).await),
        ["[fe80::1%5]:7"]
    );
    // An index is an index, whichever adapter has it.
    let by_index = resolver.resolve(&endpoint("[fe80::1%9]:7")).await;
    assert_eq!(addresses(&by_index), ["[fe80::1%9]:7"]);
}

/// HOST-10, HOST-20
#[tokio::test]
async fn a_row_of_a_hosts_file_follows_the_adapter_that_its_zone_names() {
    let index = Index::new();
    let hosts = TempFile::new("fe80::1%eth0 router.test\nfe80::2%eth1 router.test\n");
    let builder = index.builder().dns_servers([]).services_text("");
    let resolver = builder.hosts_file(hosts.path()).build();
    let remote = endpoint("router.test:7");
    for (at, expected) in [
        (4, &["[fe80::1%4]:7", "[fe80::2%9]:7"] as &[_]),
        (12, &["[fe80::1%12]:7", "[fe80::2%9]:7"]),
        (0, &["[fe80::2%9]:7"]),
        (3, &["[fe80::1%3]:7", "[fe80::2%9]:7"]),
    ] {
        index.set(at);
        let mut found = addresses(&resolver.resolve(&remote).await);
        found.sort();
        assert_eq!(found, expected, "{at}");
    }
}

/// HOST-10, HOST-15, HOST-17: a name is equal to itself at every time.
#[test]
fn a_zone_by_name_is_equal_to_the_same_name_and_to_no_index() {
    let host = |text: &str| text.parse::<HostName>().unwrap();
    let loopback = udpair::adapters().unwrap().swap_remove(0);
    let by_name = host(&format!("fe80::1%{}", loopback.name));
    let by_index = host(&format!("fe80::1%{}", loopback.index));
    assert_ne!(by_name, by_index);
    assert_ne!(by_name.canonical_name(), by_index.canonical_name());
    assert_eq!(by_name, host(&format!("[FE80:0::1%{}]", loopback.name)));
    assert!(
        by_name
            .to_string()
            .ends_with(&format!("%{}", loopback.name))
    );
    let kept = HashSet::from([by_name.clone(), host("fe80::1%no-such-adapter")]);
    assert!(kept.contains(&by_name) && !kept.contains(&by_index));
    assert!(kept.contains(&host("fe80::1%no-such-adapter")));

    let endpoint: Endpoint = format!("[fe80::1%{}]:7", loopback.name).parse().unwrap();
    assert_eq!(
        endpoint.to_string(),
        format!("[fe80::1%{}]:7", loopback.name)
    );
    assert_eq!(
        by_name.socket_addr(7).unwrap().unwrap(),
        by_index.socket_addr(7).unwrap().unwrap()
    );
}
