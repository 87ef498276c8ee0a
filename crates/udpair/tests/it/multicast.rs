//! Multicast groups on loopback. `cargo xtask interop` runs the remaining tests on real links.

use std::net::{IpAddr, SocketAddr};

use udpair::{Adapter, AddressFamily, Builder, DatagramSocket, ErrorKind, HostName, Resolver};

#[cfg(feature = "dns")]
use crate::support::dns::{DnsServer, Zone};
use crate::support::{Peer, builders, endpoint, soon};

const GROUP: &str = "239.255.77.7";

fn group() -> IpAddr {
    GROUP.parse().unwrap()
}

fn loopback_adapter() -> Adapter {
    let mut adapters = udpair::adapters().unwrap().into_iter();
    adapters.find(|adapter| adapter.is_loopback).unwrap()
}

/// Returns a socket on the loopback adapter, where every machine can receive from groups.
async fn on_loopback(builder: &Builder) -> DatagramSocket {
    let adapter = loopback_adapter();
    builder.bind_on(&adapter, &0.into()).await.unwrap()
}

fn to_group(socket: &DatagramSocket) -> SocketAddr {
    SocketAddr::new(group(), socket.local_addr().unwrap().port())
}

fn to_itself(socket: &DatagramSocket) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], socket.local_addr().unwrap().port()))
}

/// MCG-01, MCG-02, MCG-10, MCG-12: the sender need not join. A member receives only on its own
/// port.
#[tokio::test]
async fn datagrams_to_a_group_are_received_by_its_members() {
    for (engine, builder) in builders() {
        let (member, other) = (on_loopback(&builder).await, on_loopback(&builder).await);
        let joined = member.join_multicast(&group().into()).await.unwrap();
        assert_eq!(joined.len(), 1, "{engine:?}");
        assert_eq!(joined[0].adapter, loopback_adapter());
        assert!(joined[0].result.is_ok(), "{engine:?} {joined:?}");

        other.send_to(b"unwanted", to_group(&other)).await.unwrap();
        other.send_to(b"wanted", to_group(&member)).await.unwrap();
        let message = soon(member.recv()).await.unwrap();
        assert_eq!(message.payload(), b"wanted", "{engine:?}");
        // The other socket has not joined, and has another port than the member.
        other.send_to(b"fence", to_itself(&other)).await.unwrap();
        let message = soon(other.recv()).await.unwrap();
        assert_eq!(message.payload(), b"fence", "{engine:?}");
    }
}

/// MCG-06, MCG-08
#[tokio::test]
async fn a_group_that_was_joined_twice_is_left_with_one_call() {
    for (engine, builder) in builders() {
        let socket = on_loopback(&builder).await;
        for _ in 0..2 {
            let joined = socket.join_multicast(&group().into()).await.unwrap();
            assert!(joined[0].result.is_ok(), "{engine:?} {joined:?}");
        }
        socket.send_to(b"member", to_group(&socket)).await.unwrap();
        let message = soon(socket.recv()).await.unwrap();
        assert_eq!(message.payload(), b"member", "{engine:?}");

        socket.leave_multicast(group()).unwrap();
        socket
            .send_to(b"not a member", to_group(&socket))
            .await
            .unwrap();
        socket.send_to(b"fence", to_itself(&socket)).await.unwrap();
        let message = soon(socket.recv()).await.unwrap();
        assert_eq!(message.payload(), b"fence", "{engine:?}");
        let error = socket.leave_multicast(group()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{engine:?}");
    }
}

/// MCG-04: the first multicast address of a name is joined. A name without one is an error.
#[cfg(feature = "dns")]
#[tokio::test]
async fn a_group_may_be_given_by_name() {
    let zone = format!(
        "group.test. A 192.0.2.1
         group.test. A {GROUP}
         host.test. A 192.0.2.1"
    );
    let server = DnsServer::with_zone(Zone::new(&zone));
    for (engine, builder) in builders() {
        let builder = builder.resolver(&server.resolver());
        let socket = on_loopback(&builder).await;
        let name: HostName = "group.test".parse().unwrap();
        let joined = socket.join_multicast(&name).await.unwrap();
        assert_eq!(joined[0].group, group(), "{engine:?}");
        for (name, kind) in [
            ("host.test", ErrorKind::HostNotFound),
            ("missing.test", ErrorKind::HostNotFound),
        ] {
            let error = socket.join_multicast(&name.parse().unwrap()).await;
            assert_eq!(error.unwrap_err().kind(), kind, "{engine:?} {name}");
        }
    }
}

/// MCG-05
#[tokio::test]
async fn joining_rejects_addresses_that_are_not_groups_or_not_senders() {
    for (engine, builder) in builders() {
        let socket = on_loopback(&builder).await;
        for address in [
            "192.0.2.1",
            "255.255.255.255",
            "127.0.0.1",
            "::1",
            "0.0.0.0",
        ] {
            let error = socket.join_multicast(&address.parse().unwrap()).await;
            let kind = error.unwrap_err().kind();
            assert_eq!(kind, ErrorKind::InvalidArgument, "{engine:?} {address}");
        }
        for source in ["::1", "224.0.0.1"] {
            let source = source.parse().unwrap();
            let error = socket.join_source(&group().into(), source).await;
            let kind = error.unwrap_err().kind();
            assert_eq!(kind, ErrorKind::InvalidArgument, "{engine:?} {source}");
        }
    }
}

/// Returns a socket on all adapters, in a group on this one, and where to send to reach it there.
async fn member(builder: &Builder, group: &str) -> (DatagramSocket, HostName, SocketAddr) {
    let socket = builder.bind(&endpoint(":0")).await.unwrap();
    let ip = group.split('%').next().unwrap().parse().unwrap();
    let to = SocketAddr::new(ip, socket.local_addr().unwrap().port());
    (socket, group.parse().unwrap(), to)
}

/// Sends to a group on loopback, then to the socket itself, and returns what arrives first.
async fn first_received(socket: &DatagramSocket, group: SocketAddr) -> Vec<u8> {
    let lo = loopback_adapter();
    let sender = DatagramSocket::builder().multicast_adapter(&lo);
    let sender = sender.open().unwrap();
    sender.send_to(b"to the group", group).await.unwrap();
    sender.send_to(b"fence", to_itself(socket)).await.unwrap();
    let first = soon(socket.recv()).await.unwrap().payload().to_vec();
    if first != b"fence" {
        soon(socket.recv()).await.unwrap();
    }
    first
}

/// MCG-02: whatever other adapters there are, and loopback only if it is named.
#[tokio::test]
async fn a_group_that_names_an_adapter_is_joined_there_only() {
    let lo = loopback_adapter();
    for (engine, builder) in builders() {
        for group in [
            format!("239.255.77.8%{}", lo.name),
            format!("239.255.77.8%{}", lo.index),
            format!("ff15::77:8%{}", lo.name),
            format!("ff02::77:8%{}", lo.name),
        ] {
            let (socket, group, to) = member(&builder, &group).await;
            for _ in 0..2 {
                let joined = socket.join_multicast(&group).await.unwrap();
                let on: Vec<_> = joined.iter().map(|joined| &joined.adapter.name).collect();
                assert_eq!(on, [&lo.name], "{engine:?} {group}");
                assert!(joined[0].result.is_ok(), "{joined:?}");
            }
            // Linux has no IPv6 route for groups through loopback. The interop tests send there.
            if to.is_ipv4() {
                let first = first_received(&socket, to).await;
                assert_eq!(first, b"to the group", "{engine:?} {group}");
            }
            socket.leave_multicast(to.ip()).unwrap();
            if to.is_ipv4() {
                let first = first_received(&socket, to).await;
                assert_eq!(first, b"fence", "{engine:?} {group}");
            }
        }
    }
}

/// MCG-02, MCG-08: the adapter is given by value.
#[tokio::test]
async fn a_group_is_joined_and_left_on_one_adapter() {
    let lo = loopback_adapter();
    for (engine, builder) in builders() {
        for group in ["239.255.77.9", "ff15::77:9"] {
            let (socket, group, to) = member(&builder, group).await;
            let joined = socket.join_multicast_on(&group, &lo).await.unwrap();
            assert!(joined.result.is_ok(), "{joined:?}");
            assert_eq!((joined.group, joined.adapter), (to.ip(), lo.clone()));
            if to.is_ipv4() {
                let first = first_received(&socket, to).await;
                assert_eq!(first, b"to the group", "{engine:?} {group}");
            }
            socket.leave_multicast_on(to.ip(), &lo).unwrap();
            if to.is_ipv4() {
                let first = first_received(&socket, to).await;
                assert_eq!(first, b"fence", "{engine:?} {group}");
            }
            let error = socket.leave_multicast_on(to.ip(), &lo).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{engine:?}");
        }
    }
}

/// MCG-08: a group that was joined on every suitable adapter can be left on one, and joined there
/// again.
#[tokio::test]
async fn a_group_is_left_on_one_of_its_adapters() {
    for (engine, builder) in builders() {
        // On loopback only, so that this does not depend on the other adapters.
        let socket = on_loopback(&builder).await;
        let (lo, to) = (loopback_adapter(), to_group(&socket));
        socket.join_multicast(&group().into()).await.unwrap();
        socket.leave_multicast_on(group(), &lo).unwrap();
        assert_eq!(first_received(&socket, to).await, b"fence", "{engine:?}");
        let error = socket.leave_multicast_on(group(), &lo).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{engine:?}");
        socket
            .join_multicast_on(&group().into(), &lo)
            .await
            .unwrap();
        assert_eq!(
            first_received(&socket, to).await,
            b"to the group",
            "{engine:?}"
        );
        socket.leave_multicast_on(group(), &lo).unwrap();
        socket.join_multicast(&group().into()).await.unwrap();
        assert_eq!(
            first_received(&socket, to).await,
            b"to the group",
            "{engine:?}"
        );
        socket.leave_multicast(group()).unwrap();
        let error = socket.leave_multicast(group()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{engine:?}");
    }
}

/// MCG-02
#[tokio::test]
async fn an_adapter_that_a_group_cannot_be_joined_on_is_an_error() {
    let mut missing = Adapter::new("no-such-adapter", 999_999);
    missing.is_up = true;
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        for group in [
            "239.255.77.7%no-such",
            "ff15::77%no-such",
            "239.255.77.7%999999",
        ] {
            let error = socket.join_multicast(&group.parse().unwrap()).await;
            let error = error.unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::AddressNotAvailable,
                "{engine:?} {group}"
            );
            assert!(error.advice().is_some(), "{error:?}");
        }
        let error = socket.join_multicast_on(&group().into(), &missing).await;
        let kind = error.unwrap_err().kind();
        assert_eq!(kind, ErrorKind::AddressNotAvailable, "{engine:?}");
        let named = "239.255.77.7%999999".parse().unwrap();
        let error = socket.join_multicast_on(&named, &loopback_adapter()).await;
        let kind = error.unwrap_err().kind();
        assert_eq!(kind, ErrorKind::AddressNotAvailable, "{engine:?}");
    }
}

/// MCG-11: a group that names an adapter is sent to through that one, also where a socket address
/// has no place for its zone.
#[tokio::test]
async fn a_stream_to_a_group_leaves_through_the_adapter_that_it_names() {
    let lo = loopback_adapter();
    for (engine, builder) in builders() {
        if !engine.capabilities().source {
            continue;
        }
        let group = format!("239.255.77.10%{}", lo.name);
        let (socket, named, to) = member(&builder, &group).await;
        socket.join_multicast(&named).await.unwrap();
        let sender = builder.open().unwrap();
        let stream = sender.output_to(format!("{named}:{}", to.port())).await;
        stream.unwrap().write(b"x").await.unwrap();
        let message = soon(socket.recv()).await.unwrap();
        assert_eq!(message.adapter(), Some(lo.index), "{engine:?}");
        let error = sender.output_to("239.255.77.10%no-such:9").await;
        let kind = error.unwrap_err().kind();
        assert_eq!(kind, ErrorKind::AddressNotAvailable, "{engine:?}");
    }
}

/// MCG-06: the kernel would accept both, and apply the first.
#[tokio::test]
async fn a_group_is_joined_for_any_sender_or_for_some_but_not_both() {
    for (engine, builder) in builders() {
        let socket = on_loopback(&builder).await;
        let (name, sender) = (group().into(), [127, 0, 0, 1].into());
        socket.join_multicast(&name).await.unwrap();
        let error = socket.join_source(&name, sender).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{engine:?}");
        assert!(error.advice().is_some());

        socket.leave_multicast(group()).unwrap();
        socket.join_source(&name, sender).await.unwrap();
        let error = socket.join_multicast(&name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{engine:?}");
        let other = [127, 0, 0, 2].into();
        socket.join_source(&name, other).await.unwrap();
        socket.leave_source(group(), sender).unwrap();
        socket.leave_source(group(), other).unwrap();
        socket.join_multicast(&name).await.unwrap();
    }
}

/// MCG-01: neither before it is bound, nor after it is connected.
#[tokio::test]
async fn only_a_bound_socket_can_join_a_group() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let connected = builder.connect(&peer.pair()).await.unwrap();
        for socket in [builder.open().unwrap(), connected] {
            let error = socket.join_multicast(&group().into()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidState, "{engine:?}");
            let error = socket.leave_multicast(group()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidState, "{engine:?}");
            socket.close();
            let error = socket.join_multicast(&group().into()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
        }
    }
}

/// MCG-03: on Linux a socket that is bound to one address receives from no group, so the join
/// fails.
#[tokio::test]
async fn joining_on_a_socket_bound_to_one_address_either_fails_or_takes_effect() {
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        match socket.join_multicast(&group().into()).await {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{engine:?}");
                assert!(error.advice().is_some());
            }
            Ok(_) => {
                socket.send_to(b"member", to_group(&socket)).await.unwrap();
                soon(socket.recv()).await.unwrap();
            }
        }
    }
}

/// MCG-05: the kernel would accept the group, and deliver nothing.
#[tokio::test]
async fn a_group_of_a_family_that_the_socket_does_not_support_is_rejected() {
    for (engine, builder) in builders() {
        for (family, group) in [
            (AddressFamily::Ipv4, "ff15::77"),
            (AddressFamily::Ipv6, GROUP),
        ] {
            let resolver = Resolver::builder().family(family).build();
            let socket = on_loopback(&builder.clone().resolver(&resolver)).await;
            let error = socket.join_multicast(&group.parse().unwrap()).await;
            let kind = error.unwrap_err().kind();
            assert_eq!(kind, ErrorKind::FamilyNotSupported, "{engine:?} {group}");
        }
    }
}

/// CTL-12, CON-15, OUT-19: an engine that does not report local addresses does not support
/// `multicast_only`.
#[tokio::test]
async fn a_multicast_only_socket_cannot_send_or_connect_to_one_host() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let builder = builder.multicast_only(true);
        if !engine.capabilities().local_address {
            let error = builder.open().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{engine:?}");
            continue;
        }
        let socket = builder.open().unwrap();
        let stream = socket.output_to(peer.addr()).await.unwrap();
        let unconnected = builder.open().unwrap();
        for error in [
            stream.write(b"x").await.unwrap_err(),
            socket.send_to(b"x", peer.addr()).await.unwrap_err(),
            unconnected.connect(&peer.pair()).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{engine:?}");
            assert_eq!(error.hresult().cast_unsigned(), 0x8007_273d);
        }
    }
}

/// BND-09, MCG-13, MSG-21: both receive multicast datagrams, and neither receives unicast ones.
#[tokio::test]
async fn multicast_only_sockets_share_a_port() {
    for (engine, builder) in builders() {
        if !engine.capabilities().local_address {
            continue;
        }
        let builder = builder.multicast_only(true);
        let first = on_loopback(&builder).await;
        let port = first.local_addr().unwrap().port();
        let adapter = loopback_adapter();
        let second = builder.bind_on(&adapter, &port.into()).await.unwrap();
        for socket in [&first, &second] {
            socket.join_multicast(&group().into()).await.unwrap();
        }
        let peer = Peer::new();
        peer.send(b"unicast", to_itself(&first));
        first.send_to(b"Hello", to_group(&first)).await.unwrap();
        for socket in [&first, &second] {
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.payload(), b"Hello", "{engine:?}");
        }
        let dropped = [&first, &second].map(|socket| socket.statistics().non_peer_dropped);
        assert_eq!(dropped.iter().sum::<u64>(), 1, "{engine:?}");
    }
}

/// GEN-11, MCG-07: memberships follow the adapters that the application lists, and no others.
#[tokio::test]
async fn memberships_stay_on_the_adapters_that_the_application_lists() {
    let only_loopback = || Ok(vec![loopback_adapter()]);
    let resolver = Resolver::builder().adapters(only_loopback).build();
    for (engine, builder) in builders() {
        let builder = builder
            .resolver(&resolver)
            .multicast_adapter(&loopback_adapter());
        let socket = builder.bind(&endpoint(":0")).await.unwrap();
        let joined = socket.join_multicast(&group().into()).await.unwrap();
        assert_eq!(joined.len(), 1, "{engine:?} {joined:?}");
        // The task that follows the network has looked at it once this one has been polled often.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        socket.send_to(b"member", to_group(&socket)).await.unwrap();
        let message = soon(socket.recv()).await.unwrap();
        assert_eq!(message.payload(), b"member", "{engine:?}");
    }
}
