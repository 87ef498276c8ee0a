//! Adapters, the names of this machine, and watching both. `cargo xtask interop` tests changes, in
//! network namespaces.

use std::future::poll_fn;
use std::pin::Pin;
use std::thread;

use futures_core::Stream;
use udpair::{
    Adapter, AdapterWatch, DatagramSocket, Endpoint, ErrorKind, SocketErrorStatus, adapters,
    host_names, watch_adapters,
};

#[cfg(feature = "dns")]
use crate::support::dns::{DnsServer, Zone};
use crate::support::{Peer, builders, endpoint, loopback as loopback_address, soon};

/// NET-01, NET-04, HOST-18: the list is that of the system, in the order of the model.
#[test]
fn the_host_names_of_this_machine_are_its_names_and_its_adapter_addresses() {
    let names = host_names().unwrap();
    let adapters = adapters().unwrap();
    let first_address = names.iter().position(|name| name.ip.is_some());
    let addresses = names.split_at(first_address.unwrap_or(names.len())).1;
    for name in addresses {
        let information = name.ip.as_ref().expect("names are before addresses");
        let ip = name.host.ip().unwrap();
        let owner = adapters
            .iter()
            .find(|adapter| adapter.id == information.adapter.id);
        let owner = owner.unwrap_or_else(|| panic!("{name:?}"));
        assert!(owner.is_up && !owner.is_loopback, "{name:?}");
        assert!(owner.addresses.iter().any(|a| a.ip == ip), "{name:?}");
        let bits = if ip.is_ipv4() { 32 } else { 128 };
        assert!(information.prefix_length <= Some(bits), "{name:?}");
    }
}

/// NET-03: a socket can be bound to each listed address, and to its adapter.
#[tokio::test]
async fn listed_addresses_and_adapters_can_be_bound_to() {
    for name in host_names().unwrap() {
        let Some(information) = name.ip else { continue };
        for (engine, builder) in builders() {
            let local = Endpoint::new(Some(name.host.clone()), 0.into());
            let socket = builder.bind(&local).await.unwrap();
            let bound = socket.local_addr().unwrap().ip();
            assert_eq!(Some(bound), name.host.ip(), "{engine:?}");
            let adapter = &information.adapter;
            builder.bind_on(adapter, &0.into()).await.unwrap();
        }
    }
}

/// NET-14
#[tokio::test]
async fn binding_to_a_missing_adapter_fails_as_address_not_available() {
    let loopback = {
        let mut adapters = adapters().unwrap();
        adapters.retain(|adapter| adapter.is_loopback);
        adapters.swap_remove(0)
    };
    // The second adapter has the name of an existing one.
    for (name, index) in [("gone", 999_999), (loopback.name.as_str(), 999_999)] {
        let adapter = Adapter::new(name, index);
        for (engine, builder) in builders() {
            let error = builder.bind_on(&adapter, &0.into()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{engine:?}");
            let status = SocketErrorStatus::CannotAssignRequestedAddress;
            assert_eq!(error.status(), status, "{engine:?}");
        }
    }
}

/// NET-13: watching needs no runtime, and a watch may be dropped at any time.
#[test]
fn adapters_can_be_watched_from_any_thread() {
    let loopback = |watch: &AdapterWatch| {
        let mut adapters = watch.network().adapters.iter();
        adapters.find(|adapter| adapter.is_loopback).cloned()
    };
    let here = watch_adapters().unwrap();
    let there = thread::spawn(|| watch_adapters().unwrap()).join().unwrap();
    assert!(loopback(&here).is_some());
    assert_eq!(loopback(&here), loopback(&there));
    drop(here);
    assert_eq!(loopback(&there), loopback(&watch_adapters().unwrap()));
}

/// NET-13: it returns one error, and ends.
#[test]
fn a_watch_ends_with_its_runtime() {
    let start = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    };
    let runtime = start().unwrap();
    let mut watch = runtime.block_on(async { watch_adapters().unwrap() });
    drop(runtime);
    let mut next = || {
        let next = poll_fn(|cx| Pin::new(&mut watch).poll_next(cx));
        start().unwrap().block_on(next)
    };
    let error = next().expect("an error before the end").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(next().is_none());
}

/// NET-13
#[tokio::test]
async fn sockets_work_while_a_watch_is_open() {
    let _watch = watch_adapters().unwrap();
    let socket = DatagramSocket::builder()
        .bind(&endpoint("127.0.0.1:0"))
        .await
        .unwrap();
    let here = socket.local_addr().unwrap();
    socket.send_to(b"to itself", here).await.unwrap();
    assert_eq!(socket.recv().await.unwrap().payload(), b"to itself");
}

/// BND-05, BND-06, CON-06: before it is connected and after.
#[tokio::test]
async fn a_socket_on_an_adapter_sends_and_receives_there() {
    let adapters = adapters().unwrap();
    let loopback = adapters.iter().find(|adapter| adapter.is_loopback).unwrap();
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind_on(loopback, &0.into()).await.unwrap();
        let local = loopback_address(&socket);
        peer.send(b"in", local);
        assert_eq!(
            soon(socket.recv()).await.unwrap().payload(),
            b"in",
            "{engine:?}"
        );
        socket.connect(&peer.pair()).await.unwrap();
        socket.output().unwrap().write(b"out").await.unwrap();
        assert_eq!(peer.recv(), (b"out".to_vec(), local), "{engine:?}");
    }
}

/// SRV-15: answers from one network are not reused for another, in either direction.
#[cfg(feature = "dns")]
#[tokio::test]
async fn a_socket_on_an_adapter_does_not_share_cached_answers() {
    let adapters = adapters().unwrap();
    let loopback = adapters.iter().find(|adapter| adapter.is_loopback).unwrap();
    let zone = "_echo._udp.example.test SRV 0 0 7 h.example.test
        h.example.test A 127.0.0.1
        h.example.test AAAA ::1";
    let server = DnsServer::with_zone(Zone::new(zone));
    let builder = DatagramSocket::builder().resolver(&server.resolver());
    let remote = endpoint("example.test:echo");
    let bound = builder.bind_on(loopback, &0.into()).await.unwrap();
    let unbound = builder.open().unwrap();
    for (socket, queries) in [(&bound, 1), (&unbound, 2), (&bound, 3), (&unbound, 3)] {
        let output = socket.output_to(&remote).await.unwrap();
        assert_eq!(output.destination(), Some("[::1]:7".parse().unwrap()));
        assert_eq!(server.queries().len(), queries);
    }
}
