//! What may be done with a socket, and when: over real sockets.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use udpair::{Builder, DatagramSocket, Endpoint, EndpointPair, Error, ErrorKind};

use crate::support::dns::DnsServer;
use crate::support::{Peer, builders, endpoint, soon};

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

/// An operation that can be written with this face.
#[derive(Clone, Copy, Debug)]
enum Operation {
    SetHopLimit,
    /// With this local host and service.
    Connect(Half, Half),
    OutputTo,
    /// With this local host and service.
    OutputToPair(Half, Half),
    Output,
    WriteTo,
    JoinGroup,
    Receive,
    CancelIo,
    Close,
}

/// One half of a local end, compared with what the socket is bound to.
#[derive(Clone, Copy, Debug)]
enum Half {
    Empty,
    Same,
    Other,
}

/// A connect that does not end.
type Connecting = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

/// A socket in a state of the model, and what keeps it there.
struct Staged {
    socket: DatagramSocket,
    _opening: Option<Connecting>,
}

async fn staged(builder: &Builder, peer: &Peer, state: State) -> Staged {
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
    Staged {
        socket,
        _opening: opening,
    }
}

/// Does `operation` on a real socket.
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
            // Any port that is not ours; on an unbound socket the system's choice.
            (_, Some(bound)) => bound.port() ^ 1,
            (_, None) => 0,
        };
        peer.pair().with_local(Endpoint::new(host, service.into()))
    };
    match operation {
        Operation::SetHopLimit => socket.set_hop_limit(64),
        Operation::Connect(host, service) => socket.connect(&pair(host, service)).await,
        Operation::OutputTo => socket.output_to(&peer.addr().into()).await.map(drop),
        Operation::Output => socket.output().map(drop),
        Operation::WriteTo => {
            let mut sending = Box::pin(socket.send_to(b"x", peer.addr()));
            let mut context = Context::from_waker(Waker::noop());
            match sending.as_mut().poll(&mut context) {
                std::task::Poll::Ready(result) => result,
                // It waits for the opening, as the table has it.
                std::task::Poll::Pending => Ok(()),
            }
        }
        Operation::OutputToPair(host, service) => {
            let output = socket.output_to_pair(&pair(host, service)).await;
            output.map(drop)
        }
        Operation::JoinGroup => {
            let group = "239.255.77.3".parse().unwrap();
            match socket.join_multicast(&group).await {
                // Allowed, and of no use to a socket that is bound to one address.
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

/// GEN-01, BND-14, CON-11, CLS-03, OUT-07, OUT-08, MCG-01: every cell of the table that this face can
/// write, over real sockets. Columns: Created, Opening, Bound, BoundAdapter, Connected, Closed.
#[tokio::test]
async fn real_sockets_do_as_the_table_says() {
    use Half::{Empty, Other, Same};
    use Operation as Op;
    let silent = DnsServer::silent();
    let peer = Peer::new();
    let table = [
        (Op::SetHopLimit, "ok ok ok ok ok CLOSED"),
        (Op::Connect(Empty, Empty), "ok IMC ok ok IMC CLOSED"),
        (Op::Connect(Other, Empty), "ok IMC INVAL INVAL IMC CLOSED"),
        (Op::Connect(Same, Empty), "ok IMC ok INVAL IMC CLOSED"),
        (Op::Connect(Empty, Other), "ok IMC INVAL INVAL IMC CLOSED"),
        (Op::Connect(Empty, Same), "ok IMC ok ok IMC CLOSED"),
        (Op::OutputToPair(Empty, Empty), "ok IMC ok ok IMC CLOSED"),
        (
            Op::OutputToPair(Other, Empty),
            "ok IMC INVAL INVAL IMC CLOSED",
        ),
        (Op::OutputToPair(Same, Empty), "ok IMC ok INVAL IMC CLOSED"),
        (
            Op::OutputToPair(Empty, Other),
            "ok IMC INVAL INVAL IMC CLOSED",
        ),
        (Op::OutputToPair(Empty, Same), "ok IMC ok ok IMC CLOSED"),
        (Op::OutputTo, "ok IMC ok ok IMC CLOSED"),
        (Op::Output, "IMC IMC IMC IMC ok CLOSED"),
        (Op::WriteTo, "ok ok ok ok IMC CLOSED"),
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
                    _ => panic!("no such cell: {cell}"),
                };
                let staged = staged(&builder, &peer, state).await;
                let result = perform(&staged.socket, &peer, operation).await;
                let found = result.err().map(|error| error.kind());
                assert_eq!(found, expected, "{engine:?}: {operation:?} when {state:?}");
            }
        }
    }
}

/// GEN-01, BND-14, CON-11
#[tokio::test]
async fn a_second_connect_is_refused_and_changes_nothing() {
    let (peer, other) = (Peer::new(), Peer::new());
    for (_, builder) in builders() {
        let socket = builder.connect(&peer.pair()).await.unwrap();
        let error = socket.connect(&other.pair()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState);
        assert_eq!(error.hresult().cast_unsigned(), 0x8000_000e);
        assert_eq!(socket.peer_addr(), Some(peer.addr()));
    }
}

/// The local end of a pair that is connected on a bound socket: empty, or what is bound.
#[tokio::test]
async fn a_bound_socket_connects_from_where_it_is_bound() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let port = Peer::new().leave().port();
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

/// GEN-05: while one connect is under way others are refused; dropped, it leaves nothing behind.
#[tokio::test]
async fn a_connect_under_way_keeps_others_out_until_it_is_dropped() {
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
                let error = socket.output_to(&peer.addr().into()).await.unwrap_err();
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

/// CLS-01: closing ends a connect that waits for a name server.
#[tokio::test]
async fn closing_ends_a_connect_under_way() {
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
    while silent.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    socket.close();
    let error = soon(connecting).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(socket.recv().await.unwrap_err().kind(), ErrorKind::Closed);
}

/// GEN-06: of racing connects one wins, and the others are told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_connects_have_one_winner() {
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

/// DGS-01, MSG-04: before a socket is open there is nothing to receive, and the error says what to do.
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

/// GEN-08: an error names the action and the endpoint.
#[tokio::test]
async fn an_error_names_what_was_tried() {
    let peer = Peer::new();
    let builder = DatagramSocket::builder();
    let pair = EndpointPair::to("224.0.0.1", "5000").unwrap();
    let error = builder.connect(&pair).await.unwrap_err();
    assert!(error.to_string().contains("224.0.0.1:5000"), "{error}");

    let taken = Endpoint::from(peer.addr());
    let error = builder.bind(&taken).await.unwrap_err();
    assert!(
        error.to_string().contains(&peer.addr().to_string()),
        "{error}"
    );
    assert!(error.raw_os_error().is_some());
}

/// GEN-06, CON-11: of a connect and a stream to somebody else, whichever came first rules the other out.
#[tokio::test]
async fn a_connected_socket_never_sends_to_others() {
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
            // A send that begins while a connect is under way waits for what comes of that.
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

            // A stream whose host is being resolved is not granted once the socket is connected.
            let socket = new().await;
            let slow_host = endpoint("slow.test:7");
            let mut making = Box::pin(socket.output_to(&slow_host));
            assert!(making.as_mut().poll(&mut context).is_pending());
            socket.connect(&peer.pair()).await.unwrap();
            let error = socket.send_to(b"x", other.addr()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidState, "{engine:?}");
            drop(making);

            // And one that was granted rules the connect out.
            let socket = new().await;
            socket.output_to(&other.addr().into()).await.unwrap();
            let error = socket.connect(&peer.pair()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidState, "{engine:?}");
        }
    }
}

/// INF-01, INF-05: the addresses can be read at any time, and reading fails never.
#[tokio::test]
async fn addresses_are_there_while_the_socket_is_open() {
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
        // What the network says does not change them.
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

/// A socket that was never open has received nothing, and lost nothing that nobody knows of.
#[tokio::test]
async fn before_it_is_open_a_socket_has_counted_exactly_nothing() {
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
