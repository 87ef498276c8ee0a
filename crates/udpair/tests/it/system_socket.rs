//! The system's socket: prepared before it is bound, lent, duplicated, and given away.

use std::error::Error as _;
use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use udpair::{
    Builder, DatagramSocket, EndpointPair, ErrorKind, OptionValue, SendBatch, SendQueue,
    SocketOption,
};

#[cfg(feature = "dns")]
use crate::support::dns::{DnsServer, Zone};
use crate::support::{Peer, TIMEOUT, builders, endpoint, soon, unused_addr};

/// Returns a builder that counts the descriptors which it prepares.
fn counting(builder: &Builder) -> (Builder, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let builder = builder.clone().before_bind(move |socket| {
        // Not bound, and not connected.
        assert_eq!(socket.local_addr()?.port(), 0);
        assert!(socket.peer_addr().is_err());
        counted.fetch_add(1, Ordering::Relaxed);
        udpair_io::set_multicast_hops(socket, 9)
    });
    (builder, count)
}

/// BND-17: once for each descriptor, whatever opens it.
#[cfg(feature = "dns")]
#[tokio::test]
async fn every_descriptor_is_prepared_once_before_it_is_bound() {
    let peer = Peer::new();
    let port = peer.addr().port();
    // The first host is not reached from a loopback address.
    let server = DnsServer::with_zone(Zone::new(&format!(
        "_both._udp.two.test SRV 0 0 {port} one.two.test.
         _both._udp.two.test SRV 1 0 {port} other.two.test.
         one.two.test. A 192.0.2.77
         other.two.test. A 127.0.0.1"
    )));
    let two: EndpointPair = "two.test:both".try_into().unwrap();
    let two = two.with_local(endpoint("127.0.0.1:0"));
    for (engine, builder) in builders() {
        let (builder, count) = counting(&builder);
        let builder = builder.resolver(&server.resolver());
        let prepared = |expected: usize, socket: &DatagramSocket| {
            assert_eq!(count.swap(0, Ordering::Relaxed), expected, "{engine:?}");
            let hops = socket.options().get(SocketOption::MulticastHops).granted;
            assert_eq!(hops, Some(OptionValue::Hops(9)), "{engine:?}");
        };
        for local in [":0", "127.0.0.1:0", "[::1]:0", "localhost:0"] {
            prepared(1, &builder.bind(local).await.unwrap());
        }
        let loopback = udpair::adapters().unwrap();
        let loopback = loopback.iter().find(|adapter| adapter.is_loopback).unwrap();
        prepared(1, &builder.bind_on(loopback, &0.into()).await.unwrap());
        prepared(1, &builder.connect(peer.addr()).await.unwrap());
        let named = builder.connect(two.clone()).await.unwrap();
        assert_eq!(named.peer_addr(), Some(peer.addr()), "{engine:?}");
        prepared(2, &named);

        let unbound = builder.open().unwrap();
        let _ = unbound.options();
        assert_eq!(count.load(Ordering::Relaxed), 0, "{engine:?}");
        unbound.send_to(b"x", peer.addr()).await.unwrap();
        unbound.send_to(b"x", peer.addr()).await.unwrap();
        prepared(1, &unbound);

        let bound = builder.bind("127.0.0.1:0").await.unwrap();
        bound.connect(peer.addr()).await.unwrap();
        prepared(1, &bound);

        let group = builder.bind_group("127.0.0.1:0", 3).await;
        if let Ok(group) = group {
            prepared(3, &group[2]);
        }
        builder
            .from_std(UdpSocket::bind("127.0.0.1:0").unwrap())
            .unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 0, "{engine:?}");
    }
}

/// BND-17, GEN-08: the error of the function is the source, and decides about the kind. The socket
/// can be opened afterwards.
#[tokio::test]
async fn a_failed_preparation_is_the_error_of_the_call() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        for (error, kind) in [
            (io::ErrorKind::PermissionDenied, ErrorKind::PermissionDenied),
            (io::ErrorKind::AddrInUse, ErrorKind::AddressInUse),
            (
                io::ErrorKind::AddrNotAvailable,
                ErrorKind::AddressNotAvailable,
            ),
            (io::ErrorKind::Unsupported, ErrorKind::Unsupported),
            (io::ErrorKind::Other, ErrorKind::Io),
        ] {
            let fails = Arc::new(AtomicUsize::new(1));
            let fails_now = fails.clone();
            let builder =
                builder
                    .clone()
                    .before_bind(move |_| match fails_now.load(Ordering::Relaxed) {
                        0 => Ok(()),
                        _ => Err(io::Error::new(error, "this application does not want it")),
                    });
            let socket = builder.open().unwrap();
            let failures = [
                socket.bind(":0").await.unwrap_err(),
                socket.bind("127.0.0.1:0").await.unwrap_err(),
                socket.connect(peer.addr()).await.unwrap_err(),
                socket
                    .output_to_pair(EndpointPair::from(peer.addr()))
                    .await
                    .unwrap_err(),
                socket.send_to(b"x", peer.addr()).await.unwrap_err(),
            ];
            for failure in failures {
                assert_eq!(failure.kind(), kind, "{engine:?} {failure:?}");
                let mut source = failure.source();
                let mut found = None;
                while let Some(error) = source {
                    found = error.downcast_ref::<io::Error>().or(found);
                    source = error.source();
                }
                let found = found.unwrap_or_else(|| panic!("{failure:?}"));
                assert_eq!(found.kind(), error, "{failure:?}");
                assert_eq!(found.to_string(), "this application does not want it");
            }
            fails.store(0, Ordering::Relaxed);
            // The failed write has granted a stream, so the socket cannot be connected any more.
            socket.bind("127.0.0.1:0").await.unwrap();
        }
        let builder = builder.before_bind(|_| Err(io::Error::from_raw_os_error(13)));
        let failure = builder.bind(":0").await.unwrap_err();
        assert_eq!(failure.raw_os_error(), Some(13), "{engine:?}");
    }
}

/// BND-17: no lock is held, so the function may use the socket that is being opened.
#[tokio::test]
async fn the_function_may_use_the_socket_that_it_prepares() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let this: Arc<OnceLock<DatagramSocket>> = Arc::default();
        let used = this.clone();
        let builder = builder.before_bind(move |_| {
            let socket = used.get().unwrap();
            assert_eq!(socket.local_addr(), None);
            let _ = (socket.options(), socket.statistics(), socket.capabilities());
            socket.set_hop_limit(5).map_err(io::Error::from)?;
            let kind = socket.set_dont_fragment(true).unwrap_err().kind();
            assert_eq!(kind, ErrorKind::InvalidState);
            Ok(())
        });
        let socket = builder.open().unwrap();
        this.set(socket.clone()).unwrap();
        soon(socket.connect(peer.addr())).await.unwrap();
        let hops = socket.options().get(SocketOption::HopLimit).granted;
        assert_eq!(hops, Some(OptionValue::Hops(5)), "{engine:?}");
        socket.close();
    }
}

/// Makes a socket of the standard library wait for what it receives.
fn blocking(udp: UdpSocket) -> UdpSocket {
    udp.set_nonblocking(false).unwrap();
    udp.set_read_timeout(Some(TIMEOUT)).unwrap();
    udp
}

fn received(udp: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 65_535];
    let length = udp.recv(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

/// CLS-01, CLS-03: the system's socket goes on, and this socket is closed.
#[tokio::test]
async fn a_socket_becomes_one_of_the_standard_library() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        for is_connected in [false, true] {
            let socket = builder.bind("127.0.0.1:0").await.unwrap();
            if is_connected {
                socket.connect(peer.addr()).await.unwrap();
            }
            let address = socket.local_addr().unwrap();
            let other = socket.clone();
            // It is registered with the runtime, and a task waits for it.
            let waiting = tokio::spawn({
                let socket = socket.clone();
                async move { socket.recv().await }
            });
            peer.send(b"before", address);
            let first = soon(waiting).await.unwrap().unwrap();
            assert_eq!(first.payload(), b"before");
            let waiting = tokio::spawn({
                let socket = socket.clone();
                async move { socket.recv().await }
            });
            tokio::task::yield_now().await;
            let udp = socket.into_std().unwrap();
            let ended = soon(waiting).await.unwrap().unwrap_err().kind();
            assert!(
                matches!(ended, ErrorKind::Cancelled | ErrorKind::Closed),
                "{ended:?}"
            );
            assert_eq!(other.local_addr(), None, "{engine:?}");
            let kind = other.recv().await.unwrap_err().kind();
            assert_eq!(kind, ErrorKind::Closed, "{engine:?}");
            let kind = other.clone().into_std().unwrap_err().kind();
            assert_eq!(kind, ErrorKind::Closed, "{engine:?}");
            drop(other);

            let udp = blocking(udp);
            assert_eq!(udp.local_addr().unwrap(), address, "{engine:?}");
            assert_eq!(udp.peer_addr().is_ok(), is_connected, "{engine:?}");
            peer.send(b"after", address);
            assert_eq!(received(&udp), b"after", "{engine:?}");
            udp.send_to(b"reply", peer.addr())
                .unwrap_or_else(|_| udp.send(b"reply").unwrap());
            assert_eq!(peer.recv().0, b"reply", "{engine:?}");
            // The port is this socket's until it is closed, and free then.
            assert!(UdpSocket::bind(address).is_err());
            drop(udp);
            UdpSocket::bind(address).unwrap();
        }
        let unbound = builder.open().unwrap();
        let kind = unbound.into_std().unwrap_err().kind();
        assert_eq!(kind, ErrorKind::InvalidState, "{engine:?}");
    }
}

/// Datagrams are never handed on several in one, and none is dropped that cannot be such a one.
#[tokio::test]
async fn datagrams_keep_their_bounds_when_a_socket_becomes_one_of_the_standard_library() {
    for (engine, builder) in builders() {
        let socket = builder.bind("127.0.0.1:0").await.unwrap();
        let coalesces = socket.options().get(SocketOption::ReceiveOffload).granted
            == Some(OptionValue::Switch(true));
        let to = socket.local_addr().unwrap();
        let sender = DatagramSocket::builder().connect(to).await.unwrap();
        let send = async || {
            let mut batch = SendBatch::new();
            for _ in 0..20 {
                batch.push(vec![7; 100]);
            }
            sender
                .output()
                .unwrap()
                .write_batch(&mut batch)
                .await
                .unwrap();
        };
        send().await;
        let udp = blocking(socket.into_std().unwrap());
        if !coalesces {
            for number in 0..20 {
                assert_eq!(received(&udp).len(), 100, "{engine:?} {number}");
            }
        }
        send().await;
        for number in 0..20 {
            assert_eq!(received(&udp).len(), 100, "{engine:?} {number}");
        }
    }
}

/// Errors of the network are what they are on any socket of the standard library: those of one
/// destination do not fail a send to another.
#[tokio::test]
async fn a_socket_of_the_standard_library_has_no_queued_errors() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind("127.0.0.1:0").await.unwrap();
        let unused = unused_addr();
        socket.send_to(b"x", unused).await.unwrap();
        let udp = socket.into_std().unwrap();
        for _ in 0..20 {
            udp.send_to(b"x", unused).unwrap();
            udp.send_to(b"y", peer.addr())
                .unwrap_or_else(|error| panic!("{engine:?}: {error}"));
            assert_eq!(peer.recv().0, b"y", "{engine:?}");
        }
    }
}

/// CLS-04: closing ends everything at once; the port is free when the descriptor is dropped, too.
#[cfg(unix)]
#[tokio::test]
async fn a_descriptor_is_valid_until_it_is_dropped() {
    use std::os::fd::{AsFd, AsRawFd};
    for (engine, builder) in builders() {
        let unbound = builder.open().unwrap();
        let kind = unbound.descriptor().unwrap_err().kind();
        assert_eq!(kind, ErrorKind::InvalidState, "{engine:?}");

        let socket = builder.bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let descriptor = socket.descriptor().unwrap();
        let own = socket.with_system_socket(AsRawFd::as_raw_fd).unwrap();
        assert_ne!(descriptor.as_raw_fd(), own);
        let udp = UdpSocket::from(descriptor.as_fd().try_clone_to_owned().unwrap());
        udp.set_ttl(33).unwrap();
        drop(udp);
        let hops = socket.options().get(SocketOption::HopLimit).granted;
        assert_eq!(hops, Some(OptionValue::Hops(33)), "{engine:?}");

        let waiting = tokio::spawn({
            let socket = socket.clone();
            async move { socket.recv().await }
        });
        tokio::task::yield_now().await;
        socket.close();
        let ended = soon(waiting).await.unwrap().unwrap_err().kind();
        assert!(
            matches!(ended, ErrorKind::Cancelled | ErrorKind::Closed),
            "{ended:?}"
        );
        assert_eq!(socket.descriptor().unwrap_err().kind(), ErrorKind::Closed);
        let udp = UdpSocket::from(descriptor.as_fd().try_clone_to_owned().unwrap());
        assert_eq!(udp.local_addr().unwrap(), address, "{engine:?}");
        drop(udp);
        assert!(UdpSocket::bind(address).is_err(), "{engine:?}");
        drop(descriptor);
        UdpSocket::bind(address).unwrap();
    }
}

/// Nothing waits on a socket that is idle, or not open.
#[tokio::test]
async fn nothing_waits_to_be_sent_on_an_idle_socket() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.send_buffer_bytes(50_000).open().unwrap();
        assert_eq!(socket.send_queue(), SendQueue::default(), "{engine:?}");
        socket.send_to(b"x", peer.addr()).await.unwrap();
        peer.recv();
        let queue = socket.send_queue();
        assert!(
            queue.kernel_bytes.is_none_or(|bytes| bytes == 0),
            "{engine:?} {queue:?}"
        );
        assert!(queue.kernel_bytes_max.is_some_and(|bytes| bytes >= 50_000));
        assert_eq!((queue.waiting_writes, queue.waiting_datagrams), (0, 0));
        socket.close();
        assert_eq!(socket.send_queue(), SendQueue::default(), "{engine:?}");
    }
}
