//! Ports that several sockets share, and sockets that leave IPv4 to others.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use udpair::{Adapter, AddressFamily, Builder, DatagramSocket, EndpointPair, ErrorKind, Resolver};
use udpair_io::{Family, Membership, Socket};

#[cfg(feature = "dns")]
use crate::support::dns::{DnsServer, Zone};
use crate::support::{Peer, TIMEOUT, builders, endpoint, soon, unused_port};

fn loopback() -> Adapter {
    let mut adapters = udpair::adapters().unwrap().into_iter();
    adapters.find(|adapter| adapter.is_loopback).unwrap()
}

fn any(port: u16) -> SocketAddr {
    SocketAddr::from(([0; 16], port))
}

/// The options that programs set to share a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shares {
    /// `SO_REUSEADDR`
    Address,
    /// `SO_REUSEADDR` and `SO_REUSEPORT`, as avahi does
    Both,
    /// `SO_REUSEPORT`
    Port,
}

/// Binds the socket of another program to a port, in an IPv4 group on loopback.
fn program(shares: Shares, family: Family, port: u16, group: IpAddr) -> io::Result<UdpSocket> {
    let socket = Socket::open(family)?;
    if shares != Shares::Port {
        udpair_io::share_multicast_port(&socket)?;
    }
    if shares != Shares::Address {
        udpair_io::share_port(&socket)?;
    }
    let any: IpAddr = match family {
        Family::Ipv4 => [0; 4].into(),
        _ => [0; 16].into(),
    };
    socket.bind(SocketAddr::new(any, port))?;
    let membership = Membership {
        group,
        source: None,
        adapter: loopback().index,
    };
    udpair_io::join(&socket, &membership)?;
    let socket = socket.try_clone_std()?;
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    Ok(socket)
}

const GROUP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(239, 255, 77, 20));

/// Opens a socket that shares a port, in the group on loopback.
async fn ours(builder: &Builder, port: u16) -> DatagramSocket {
    let builder = builder.clone().share_port(true);
    let builder = builder.multicast_adapter(&loopback());
    let socket = builder.bind(any(port)).await.unwrap();
    let joined = socket.join_multicast_on(&GROUP.into(), &loopback()).await;
    assert!(joined.unwrap().result.is_ok());
    socket
}

/// BND-09: whichever program comes first; what is sent to a group reaches both, and the socket also
/// sends to one host, from the shared port.
#[tokio::test]
async fn a_port_is_shared_with_programs_that_share_theirs() {
    for (engine, builder) in builders() {
        for shares in [Shares::Address, Shares::Both, Shares::Port] {
            for family in [Family::Ipv4, Family::Dual] {
                for is_first in [true, false] {
                    // A program that sets `SO_REUSEPORT` only is not let in by a socket that came
                    // first and did not have to set it.
                    if is_first && shares == Shares::Port {
                        continue;
                    }
                    let case = format!("{engine:?} {shares:?} {family:?} {is_first}");
                    let port = unused_port();
                    let before = is_first.then_some(ours(&builder, port));
                    let before = match before {
                        Some(opening) => Some(opening.await),
                        None => None,
                    };
                    let other = program(shares, family, port, GROUP);
                    let other = other.unwrap_or_else(|error| panic!("{case}: {error}"));
                    let socket = match before {
                        Some(socket) => socket,
                        None => ours(&builder, port).await,
                    };
                    let to = SocketAddr::new(GROUP, port);
                    socket.send_to(b"to the group", to).await.unwrap();
                    let message = soon(socket.recv()).await.unwrap();
                    assert_eq!(message.payload(), b"to the group", "{case}");
                    let mut buffer = [0; 100];
                    let (length, _) = other.recv_from(&mut buffer).unwrap();
                    assert_eq!(&buffer[..length], b"to the group", "{case}");

                    let peer = Peer::new();
                    socket.send_to(b"to one host", peer.addr()).await.unwrap();
                    let (payload, from) = peer.recv();
                    assert_eq!(payload, b"to one host", "{case}");
                    assert_eq!(from.port(), port, "{case}");
                }
            }
        }
    }
}

/// BND-09: among equal sockets, Linux gives a datagram to one host to the one that was bound last.
#[tokio::test]
async fn a_datagram_to_one_host_reaches_one_of_the_sockets_that_share_its_port() {
    for (engine, builder) in builders() {
        let port = unused_port();
        let sockets = [ours(&builder, port).await, ours(&builder, port).await];
        for host in ["127.0.0.1", "::1"] {
            let peer = Peer::at(&SocketAddr::new(host.parse().unwrap(), 0).to_string());
            peer.send(b"to one", SocketAddr::new(host.parse().unwrap(), port));
            let message = soon(sockets[1].recv()).await.unwrap();
            assert_eq!(message.payload(), b"to one", "{engine:?} {host}");
        }
        let [first, last] = sockets;
        last.close();
        Peer::new().send(b"to the other", SocketAddr::from(([127, 0, 0, 1], port)));
        let message = soon(first.recv()).await.unwrap();
        assert_eq!(message.payload(), b"to the other", "{engine:?}");
    }
}

/// BND-07, BND-08: both sides must share.
#[tokio::test]
async fn a_port_is_not_shared_with_a_socket_that_does_not_share() {
    for (engine, builder) in builders() {
        let sharing = builder.clone().share_port(true);
        for (first, second) in [(&builder, &sharing), (&sharing, &builder)] {
            let first = first.bind(":0").await.unwrap();
            let port = first.local_addr().unwrap().port();
            let error = second.bind(any(port)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddressInUse, "{engine:?}");
            assert!(error.advice().is_some(), "{error:?}");
            assert_eq!(sharing.bind(":0").await.unwrap().peer_addr(), None);
        }
        if engine.capabilities().local_address {
            let port = unused_port();
            let _multicast_only = builder.clone().multicast_only(true).bind(any(port)).await;
            sharing.bind(any(port)).await.unwrap();
        }
    }
}

/// BND-03: also while other sockets share theirs.
#[tokio::test]
async fn a_port_of_the_systems_choice_is_not_one_that_others_share() {
    let builder = DatagramSocket::builder().share_port(true);
    let (mut sockets, mut ports) = (Vec::new(), BTreeSet::new());
    for number in 0..300 {
        let group = match number % 3 {
            0 => builder.bind_group(":0", 2).await.unwrap(),
            1 => vec![builder.bind("127.0.0.1:0").await.unwrap()],
            _ => vec![builder.bind(":0").await.unwrap()],
        };
        let port = group[0].local_addr().unwrap().port();
        assert!(ports.insert(port), "{port} twice");
        sockets.extend(group);
    }
    // A given port can be shared, the port of a group too.
    for socket in [&sockets[0], sockets.last().unwrap()] {
        builder.bind(socket.local_addr().unwrap()).await.unwrap();
    }
}

/// DGS-03: the port can be another program's for IPv4, and nothing arrives over IPv4.
#[tokio::test]
async fn a_socket_for_ipv6_only_leaves_ipv4_to_others() {
    for (engine, builder) in builders() {
        let builder = builder.ipv6_only(true);
        for is_first in [true, false] {
            for local in ["[::]", "", "localhost"] {
                let port = unused_port();
                let local = format!("{local}:{port}");
                let bind = async || builder.bind(local.as_str()).await.unwrap();
                let (socket, other) = match is_first {
                    true => (bind().await, Peer::at(&format!("0.0.0.0:{port}"))),
                    false => {
                        let other = Peer::at(&format!("0.0.0.0:{port}"));
                        (bind().await, other)
                    }
                };
                assert!(socket.local_addr().unwrap().is_ipv6(), "{engine:?} {local}");
                let peer = Peer::new();
                peer.send(b"over IPv4", SocketAddr::from(([127, 0, 0, 1], port)));
                assert_eq!(other.recv().0, b"over IPv4", "{engine:?} {local}");
                let peer = Peer::at("[::1]:0");
                let to = SocketAddr::new("::1".parse().unwrap(), port);
                peer.send(b"over IPv6", to);
                let message = soon(socket.recv()).await.unwrap();
                assert_eq!(message.payload(), b"over IPv6", "{engine:?} {local}");
            }
        }
    }
}

/// DGS-03, ADR-02
#[cfg(feature = "dns")]
#[tokio::test]
async fn a_socket_for_ipv6_only_has_no_ipv4_ends() {
    let server = DnsServer::with_zone(Zone::new(
        "both.test. A 127.0.0.1
         both.test. AAAA ::1
         four.test. A 127.0.0.1",
    ));
    let peer = Peer::at("[::1]:0");
    let port = peer.addr().port();
    for (engine, builder) in builders() {
        let builder = builder.ipv6_only(true).resolver(&server.resolver());
        let kind = |error: udpair::Error| (error.kind(), error.to_string());
        let refused = [
            kind(builder.bind("127.0.0.1:0").await.unwrap_err()),
            kind(builder.bind("0.0.0.0:0").await.unwrap_err()),
            kind(builder.connect("127.0.0.1:9").await.unwrap_err()),
            kind(
                builder
                    .open()
                    .unwrap()
                    .output_to("127.0.0.1:9")
                    .await
                    .unwrap_err(),
            ),
            kind(builder.connect("four.test:9").await.unwrap_err()),
        ];
        for (found, message) in refused {
            assert!(
                matches!(found, ErrorKind::FamilyNotSupported | ErrorKind::NoData),
                "{engine:?} {found:?} {message}"
            );
        }
        let unbound = builder.open().unwrap();
        let ipv4 = SocketAddr::from(([127, 0, 0, 1], port));
        let error = unbound.send_to(b"x", ipv4).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FamilyNotSupported, "{engine:?}");

        let name = format!("both.test:{port}");
        let connected = builder.connect(EndpointPair::try_from(name.as_str()).unwrap());
        let connected = connected.await.unwrap();
        assert_eq!(connected.peer_addr(), Some(peer.addr()), "{engine:?}");
        // Nobody receives IPv4 at its port, unless a socket of another test happens to have it.
        let mut is_free = false;
        for _ in 0..20 {
            let unbound = builder.open().unwrap();
            unbound.send_to(b"x", peer.addr()).await.unwrap();
            assert_eq!(peer.recv().0, b"x", "{engine:?}");
            assert!(unbound.local_addr().unwrap().is_ipv6());
            let port = unbound.local_addr().unwrap().port();
            is_free |= UdpSocket::bind(("0.0.0.0", port)).is_ok();
            if is_free {
                break;
            }
        }
        assert!(is_free, "{engine:?}");
    }
}

/// DGS-03, GEN-02
#[test]
fn contradictions_to_ipv6_only_are_invalid_arguments() {
    let resolver = Resolver::builder().family(AddressFamily::Ipv4).build();
    let builder = DatagramSocket::builder().ipv6_only(true);
    let error = builder.clone().resolver(&resolver).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    for local in ["[::]:0", "127.0.0.1:0"] {
        let error = builder.from_std(UdpSocket::bind(local).unwrap());
        assert_eq!(
            error.unwrap_err().kind(),
            ErrorKind::InvalidArgument,
            "{local}"
        );
    }
    // Linux makes it a socket for IPv6 only, because no IPv4 address is IPv6 loopback.
    builder
        .from_std(UdpSocket::bind("[::1]:0").unwrap())
        .unwrap();
    let is_off = builder.ipv6_only(false).resolver(&resolver).open();
    assert!(is_off.is_ok());
}

/// DGS-03: `-6` of the command and a resolver for one family mean the same.
#[tokio::test]
async fn a_resolver_for_ipv6_makes_the_unspecified_address_one_of_ipv6() {
    let resolver = Resolver::builder().family(AddressFamily::Ipv6).build();
    for (engine, builder) in builders() {
        // The system could choose a port that a socket of another test has for IPv4.
        let port = unused_port();
        let local = endpoint(&format!("[::]:{port}"));
        let _socket = builder.resolver(&resolver).bind(&local).await.unwrap();
        let other = UdpSocket::bind(("0.0.0.0", port));
        assert!(other.is_ok(), "{engine:?} {other:?}");
    }
}
