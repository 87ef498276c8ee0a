//! Which operations are allowed in which state, tested with real sockets.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use udpair::{Builder, DatagramSocket, Endpoint, EndpointPair, Error, ErrorKind, SocketOperation};

#[cfg(feature = "dns")]
use crate::support::dns::DnsServer;
use crate::support::{Peer, builders, endpoint, soon, unused_port};

/// A state of the model.
#[derive(Clone, Copy, Debug)]
enum State {
    Created,
    Opening,
    Bound,
    BoundAdapter,
    Connected,
    Closed,
}

/// An operation of the public interface.
#[derive(Clone, Copy, Debug)]
enum Operation {
    SetHopLimit,
    SetFrozenOption,
    /// With this local host and service.
    Connect(Half, Half),
    OutputTo,
    /// With this local host and service.
    OutputToPair(Half, Half),
    Output,
    WriteTo,
    WriteToPeer,
    JoinGroup,
    Receive,
    CancelIo,
    Close,
}

/// The host or the service of a local endpoint, relative to the one that the socket is bound to.
#[derive(Clone, Copy, Debug)]
enum Half {
    Empty,
    Same,
    Other,
}

/// A connect that never completes.
type Connecting = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

/// A socket in a state of the model, and the pending connect that keeps it in state `Opening`.
struct SocketInState {
    socket: DatagramSocket,
    _opening: Option<Connecting>,
}

async fn socket_in(builder: &Builder, peer: &Peer, state: State) -> SocketInState {
    let adapters = udpair::adapters().unwrap();
    let loopback = adapters.iter().find(|adapter| adapter.is_loopback).unwrap();
    let mut opening: Option<Connecting> = None;
    let socket = match state {
        State::Created => builder.open().unwrap(),
        State::Opening => {
            let socket = builder.open().unwrap();
            let pair = EndpointPair::to("example.test", "stun").unwrap();
            let connecting = socket.clone();
            let mut future: Connecting = Box::pin(async move { connecting.connect(&pair).await });
            let mut context = Context::from_waker(Waker::noop());
            assert!(future.as_mut().poll(&mut context).is_pending());
            opening = Some(future);
            socket
        }
        State::Bound => builder.bind(&endpoint("127.0.0.1:0")).await.unwrap(),
        State::BoundAdapter => builder.bind_on(loopback, &0.into()).await.unwrap(),
        State::Connected => builder.connect(&peer.pair()).await.unwrap(),
        State::Closed => {
            let socket = builder.open().unwrap();
            socket.close();
            socket
        }
    };
    SocketInState {
        socket,
        _opening: opening,
    }
}

/// Polls a write once. It may have to wait until the socket is open, which the table allows.
fn begun(write: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let polled = pin!(write).poll(&mut Context::from_waker(Waker::noop()));
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Ok(()),
    }
}

/// Performs `operation` on a real socket.
async fn perform(socket: &DatagramSocket, peer: &Peer, operation: Operation) -> Result<(), Error> {
    let pair = |host: Half, service: Half| {
        let bound = socket.local_addr();
        let host = match (host, bound) {
            (Half::Empty, _) => None,
            (Half::Same, Some(bound)) => Some(bound.ip().into()),
            _ => Some("127.0.0.9".parse().unwrap()),
        };
        let service = match (service, bound) {
            (Half::Empty, _) => 0,
            (Half::Same, Some(bound)) => bound.port(),
            // Any port except for the bound one. On an unbound socket the system picks one.
            (_, Some(bound)) => bound.port() ^ 1,
            (_, None) => 0,
        };
        peer.pair().with_local(Endpoint::new(host, service.into()))
    };
    match operation {
        Operation::SetHopLimit => socket.set_hop_limit(64),
        Operation::SetFrozenOption => socket.set_dont_fragment(true),
        Operation::Connect(host, service) => socket.connect(&pair(host, service)).await,
        Operation::OutputTo => socket.output_to(peer.addr()).await.map(drop),
        Operation::Output => socket.output().map(drop),
        Operation::WriteTo => begun(socket.send_to(b"x", peer.addr())),
        Operation::WriteToPeer => begun(socket.output()?.write(b"x")),
        Operation::OutputToPair(host, service) => {
            let output = socket.output_to_pair(&pair(host, service)).await;
            output.map(drop)
        }
        Operation::JoinGroup => {
            let group = "239.255.77.3".parse().unwrap();
            match socket.join_multicast(&group).await {
                // The state allows it, but a socket that is bound to one address receives from no
                // group.
                Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
                result => result.map(drop),
            }
        }
        Operation::Receive => socket.try_recv().map(drop),
        Operation::CancelIo => socket.cancel_io(),
        Operation::Close => {
            socket.close();
            Ok(())
        }
    }
}

/// GEN-01, BND-14, CON-11, CLS-03, OUT-07, OUT-08, MCG-01: every cell of the table that the public
/// interface can express. Columns: Created, Opening, Bound, BoundAdapter, Connected, Closed.
#[cfg(feature = "dns")]
#[tokio::test]
async fn real_sockets_follow_the_state_table() {
    use Half::{Empty, Other, Same};
    use Operation as Op;
    let silent = DnsServer::silent();
    let peer = Peer::new();
    let table = [
        (Op::SetHopLimit, "ok ok ok ok ok CLOSED"),
        (Op::SetFrozenOption, "ok IMC IMC IMC IMC CLOSED"),
        (Op::Connect(Empty, Empty), "ok IMC ok ok IMC CLOSED"),
        (Op::Connect(Other, Empty), "ok IMC INVAL INVAL IMC CLOSED"),
        (Op::Connect(Same, Empty), "ok IMC ok INVAL IMC CLOSED"),
        (Op::Connect(Empty, Other), "ok IMC INVAL INVAL IMC CLOSED"),
        (Op::Connect(Empty, Same), "ok IMC ok ok IMC CLOSED"),
        (Op::OutputToPair(Empty, Empty), "ok IMC ok ok ok CLOSED"),
        (
            Op::OutputToPair(Other, Empty),
            "ok IMC INVAL INVAL INVAL CLOSED",
        ),
        (Op::OutputToPair(Same, Empty), "ok IMC ok INVAL ok CLOSED"),
        (
            Op::OutputToPair(Empty, Other),
            "ok IMC INVAL INVAL INVAL CLOSED",
        ),
        (Op::OutputToPair(Empty, Same), "ok IMC ok ok ok CLOSED"),
        (Op::OutputTo, "ok IMC ok ok ok CLOSED"),
        (Op::Output, "ok ok ok ok ok CLOSED"),
        (Op::WriteToPeer, "IMC ok IMC IMC ok CLOSED"),
        (Op::WriteTo, "ok ok ok ok ok CLOSED"),
        (Op::JoinGroup, "IMC IMC ok ok IMC CLOSED"),
        (Op::Receive, "IMC IMC ok ok ok CLOSED"),
        (Op::CancelIo, "IMC IMC ok ok ok CLOSED"),
        (Op::Close, "ok ok ok ok ok ok"),
    ];
    let states = [
        State::Created,
        State::Opening,
        State::Bound,
        State::BoundAdapter,
        State::Connected,
        State::Closed,
    ];
    for (engine, builder) in builders() {
        let builder = builder.resolver(&silent.resolver());
        for (operation, row) in table {
            let cells: Vec<_> = row.split(' ').collect();
            assert_eq!(cells.len(), states.len(), "{operation:?}");
            for (state, cell) in states.into_iter().zip(cells) {
                let expected = match cell {
                    "ok" => None,
                    "IMC" => Some(ErrorKind::InvalidState),
                    "INVAL" => Some(ErrorKind::InvalidArgument),
                    "CLOSED" => Some(ErrorKind::Closed),
                    _ => panic!("unknown cell: {cell}"),
                };
                let in_state = socket_in(&builder, &peer, state).await;
                let result = perform(&in_state.socket, &peer, operation).await;
                let found = result.err().map(|error| error.kind());
                assert_eq!(found, expected, "{engine:?}: {operation:?} when {state:?}");
            }
        }
    }
}

/// GEN-01, BND-14, CON-11
#[tokio::test]
async fn a_second_connect_fails_and_changes_nothing() {
    let (peer, other) = (Peer::new(), Peer::new());
    for (_, builder) in builders() {
        let socket = builder.connect(&peer.pair()).await.unwrap();
        let error = socket.connect(&other.pair()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState);
        assert_eq!(error.hresult().cast_unsigned(), 0x8000_000e);
        assert_eq!(socket.peer_addr(), Some(peer.addr()));
    }
}

/// The local end of the pair is empty, or matches the bound address.
#[tokio::test]
async fn a_bound_socket_connects_from_its_bound_address_only() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let port = unused_port();
        let bound = format!("127.0.0.1:{port}");
        for (local, allowed) in [
            (":".to_owned(), true),
            (":0".into(), true),
            ("127.0.0.1:".into(), true),
            (format!(":{port}"), true),
            (bound.clone(), true),
            ("127.0.0.2:".into(), false),
            (format!(":{}", port ^ 1), false),
            ("localhost:".into(), false),
            (":stun".into(), false),
        ] {
            let socket = builder.bind(&endpoint(&bound)).await.unwrap();
            let pair = peer.pair().with_local(endpoint(&local));
            let result = socket.connect(&pair).await;
            match result {
                Ok(()) => assert!(allowed, "{engine:?} {local}"),
                Err(error) => {
                    assert!(!allowed, "{engine:?} {local}: {error}");
                    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                    assert_eq!(socket.peer_addr(), None);
                }
            }
            assert_eq!(socket.local_addr().unwrap().to_string(), bound);
        }
    }
}

/// GEN-05: a dropped connect does not change the socket.
#[cfg(feature = "dns")]
#[tokio::test]
async fn other_connects_and_streams_fail_while_a_connect_is_pending() {
    let silent = DnsServer::silent();
    let peer = Peer::new();
    for (_, builder) in builders() {
        let builder = builder.resolver(&silent.resolver());
        for socket in [
            builder.open().unwrap(),
            builder.bind(&endpoint(":0")).await.unwrap(),
        ] {
            let before = socket.local_addr();
            let pair = EndpointPair::to("example.test", "stun").unwrap();
            {
                let mut connecting = Box::pin(socket.connect(&pair));
                let mut context = Context::from_waker(Waker::noop());
                assert!(connecting.as_mut().poll(&mut context).is_pending());

                let error = socket.connect(&peer.pair()).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidState);
                let error = socket.output_to(peer.addr()).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidState);
                assert_eq!(
                    socket.cancel_io().unwrap_err().kind(),
                    ErrorKind::InvalidState
                );
                socket.set_hop_limit(9).unwrap();
            }
            assert_eq!(socket.local_addr(), before);
            socket.connect(&peer.pair()).await.unwrap();
        }
    }
}

/// CLS-01: the connect waits for a name server.
#[cfg(feature = "dns")]
#[tokio::test]
async fn closing_ends_a_pending_connect() {
    let silent = DnsServer::silent();
    let builder = DatagramSocket::builder().resolver(&silent.resolver());
    let socket = builder.open().unwrap();
    let connecting = tokio::spawn({
        let socket = socket.clone();
        async move {
            let pair = EndpointPair::to("example.test", "stun").unwrap();
            socket.connect(&pair).await
        }
    });
    while silent.queries().is_empty() {
        tokio::task::yield_now().await;
    }
    socket.close();
    let error = soon(connecting).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(socket.recv().await.unwrap_err().kind(), ErrorKind::Closed);
}

/// GEN-06
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_one_of_several_concurrent_connects_succeeds() {
    let peers: Vec<_> = (0..8).map(|_| Peer::new()).collect();
    for (engine, builder) in builders() {
        for _ in 0..20 {
            let socket = builder.open().unwrap();
            let racing: Vec<_> = peers
                .iter()
                .map(|peer| {
                    let (socket, pair) = (socket.clone(), peer.pair());
                    tokio::spawn(async move { socket.connect(&pair).await })
                })
                .collect();
            let mut winner = None;
            for (task, peer) in racing.into_iter().zip(&peers) {
                match soon(task).await.unwrap() {
                    Ok(()) => assert_eq!(winner.replace(peer.addr()), None, "{engine:?}"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}"),
                }
            }
            assert!(winner.is_some());
            assert_eq!(socket.peer_addr(), winner);
        }
    }
}

/// DGS-01, MSG-04: the error has advice.
#[tokio::test]
async fn receiving_needs_an_open_socket() {
    let socket = DatagramSocket::builder().open().unwrap();
    for error in [
        socket.recv().await.unwrap_err(),
        socket.next_event().await.unwrap_err(),
        socket.try_recv().unwrap_err(),
        socket.cancel_io().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidState);
        assert!(error.advice().is_some());
    }
    socket.set_hop_limit(3).unwrap();
    socket.close();
    assert_eq!(socket.recv().await.unwrap_err().kind(), ErrorKind::Closed);
}

/// GEN-08
#[tokio::test]
async fn an_error_names_the_endpoint() {
    let peer = Peer::new();
    let builder = DatagramSocket::builder();
    let pair = EndpointPair::to("224.0.0.1", "5000").unwrap();
    let error = builder.connect(&pair).await.unwrap_err();
    assert!(error.to_string().contains("224.0.0.1:5000"), "{error}");

    let in_use = Endpoint::from(peer.addr());
    let error = builder.bind(&in_use).await.unwrap_err();
    assert!(
        error.to_string().contains(&peer.addr().to_string()),
        "{error}"
    );
    assert!(error.raw_os_error().is_some());
}

/// GEN-06, CON-11: a connect and an output stream to another destination exclude each other. The
/// first one succeeds.
#[cfg(feature = "dns")]
#[tokio::test]
async fn sends_and_connects_at_the_same_time_have_one_outcome() {
    let silent = DnsServer::silent();
    let (peer, other) = (Peer::new(), Peer::new());
    let slow = EndpointPair::to("example.test", "stun").unwrap();
    for (engine, builder) in builders() {
        let builder = builder.resolver(&silent.resolver());
        for is_bound in [false, true] {
            let new = async || match is_bound {
                false => builder.open().unwrap(),
                true => builder.bind(&endpoint(":0")).await.unwrap(),
            };
            // A send that starts while a connect is pending waits for the outcome of the connect.
            let socket = new().await;
            let mut connecting = Box::pin(socket.connect(&slow));
            let mut context = Context::from_waker(Waker::noop());
            assert!(connecting.as_mut().poll(&mut context).is_pending());
            let mut sending = Box::pin(socket.send_to(b"x", other.addr()));
            assert!(
                sending.as_mut().poll(&mut context).is_pending(),
                "{engine:?}"
            );
            drop(connecting);
            soon(sending).await.unwrap();
            assert_eq!(other.recv().0, b"x");

            // An output stream whose host is still being resolved does not prevent a connect.
            let socket = new().await;
            let slow_host = endpoint("slow.test:7");
            let mut making = Box::pin(socket.output_to(&slow_host));
            assert!(making.as_mut().poll(&mut context).is_pending());
            socket.connect(&peer.pair()).await.unwrap();
            socket.send_to(b"x", other.addr()).await.unwrap();
            assert_eq!(other.recv().0, b"x", "{engine:?}");
            drop(making);

            // An open output stream prevents a connect.
            let socket = new().await;
            socket.output_to(other.addr()).await.unwrap();
            let error = socket.connect(&peer.pair()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidState, "{engine:?}");
        }
    }
}

/// INF-01, INF-05: they can be read at any time, and reading them never fails.
#[tokio::test]
async fn the_addresses_are_known_while_the_socket_is_open() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        assert_eq!(
            (socket.local_addr(), socket.peer_addr()),
            (None, None),
            "{engine:?}"
        );
        socket.connect(&peer.pair()).await.unwrap();
        let local = socket.local_addr();
        assert!(local.is_some(), "{engine:?}");
        assert_eq!(socket.peer_addr(), Some(peer.addr()), "{engine:?}");
        // Traffic does not change them.
        socket.output().unwrap().write(b"x").await.unwrap();
        assert_eq!(Some(peer.recv().1), local, "{engine:?}");
        assert_eq!(socket.local_addr(), local, "{engine:?}");
        socket.close();
        assert_eq!(
            (socket.local_addr(), socket.peer_addr()),
            (None, None),
            "{engine:?}"
        );
    }
}

/// A socket that was never open has neither received nor lost a datagram, so the count is exact.
#[tokio::test]
async fn a_socket_that_was_never_open_reports_exactly_zero_drops() {
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        for _ in 0..2 {
            let statistics = socket.statistics();
            assert_eq!(statistics.kernel_dropped, 0, "{engine:?}");
            assert!(statistics.kernel_dropped_exact, "{engine:?}");
            socket.close();
        }
    }
}

/// GEN-01: asking changes nothing, and gives the answer of the operation.
#[tokio::test]
async fn an_operation_can_be_checked_before() {
    let peer = Peer::new();
    for (_, builder) in builders() {
        let created = builder.open().unwrap();
        let bound = builder.bind(":0").await.unwrap();
        let connected = builder.connect(peer.addr()).await.unwrap();
        let closed = builder.open().unwrap();
        closed.close();
        let table = [
            (SocketOperation::Bind, [true, false, false]),
            (SocketOperation::BindOn, [true, false, false]),
            (SocketOperation::Connect, [true, true, false]),
            (SocketOperation::SendToPeer, [false, false, true]),
            (SocketOperation::SendToAddress, [true, true, true]),
            (SocketOperation::Receive, [false, true, true]),
            (SocketOperation::JoinMulticast, [false, true, false]),
            (SocketOperation::SetHopLimit, [true, true, true]),
            (SocketOperation::SetFrozenOption, [true, false, false]),
            (SocketOperation::CancelIo, [false, true, true]),
        ];
        for _ in 0..2 {
            for (operation, allowed) in table {
                for (socket, is_allowed) in [&created, &bound, &connected].into_iter().zip(allowed)
                {
                    let checked = socket.check(operation);
                    assert_eq!(checked.is_ok(), is_allowed, "{operation:?} {socket:?}");
                    let kind = checked.err().map(|error| error.kind());
                    assert!(kind.is_none_or(|kind| kind == ErrorKind::InvalidState));
                }
                let error = closed.check(operation).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Closed, "{operation:?}");
            }
        }
        created.bind("127.0.0.1:0").await.unwrap();
        assert!(created.local_addr().is_some());
        let error = created.bind("127.0.0.1:0").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState);
        let loopback = udpair::adapters().unwrap();
        let loopback = loopback.iter().find(|adapter| adapter.is_loopback).unwrap();
        let found = udpair::adapter(&loopback.name).unwrap();
        assert_eq!(found.index, loopback.index);
        let on_adapter = builder.open().unwrap();
        on_adapter.bind_on(&found, &0.into()).await.unwrap();
        assert!(on_adapter.local_addr().is_some());
    }
}

/// The advice names the adapters that exist.
#[test]
fn an_adapter_that_does_not_exist_is_an_error() {
    let error = udpair::adapter("no such adapter").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressNotAvailable);
    let first = &udpair::adapters().unwrap()[0].name;
    assert!(error.advice().unwrap().contains(first), "{error:?}");
}

/// An error of this crate is one of the standard library, with its kind and itself as the source.
#[tokio::test]
async fn an_error_converts_to_that_of_the_standard_library() {
    let peer = Peer::new();
    let in_use = DatagramSocket::builder()
        .bind(peer.addr())
        .await
        .unwrap_err();
    let text = in_use.to_string();
    let error = std::io::Error::from(in_use);
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(error.to_string(), text);
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<udpair::Error>());
    assert_eq!(inner.unwrap().kind(), ErrorKind::AddressInUse);
    for (text, kind) in [
        ("no colon", std::io::ErrorKind::InvalidInput),
        ("127.0.0.1:nothing-listed", std::io::ErrorKind::NotFound),
    ] {
        let error = DatagramSocket::builder().bind(text).await.unwrap_err();
        assert_eq!(std::io::Error::from(error).kind(), kind, "{text}");
    }
}
