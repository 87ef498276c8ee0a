//! What may be done with a socket, and when: over real sockets.

use udpair::{DatagramSocket, Endpoint, ErrorKind};

use crate::support::dns::DnsServer;
use crate::support::{Peer, builders, endpoint, soon};

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
            let pair = udpair::EndpointPair::to("example.test", "stun").unwrap();
            {
                let mut connecting = Box::pin(socket.connect(&pair));
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
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
            let pair = udpair::EndpointPair::to("example.test", "stun").unwrap();
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

/// MSG-04: before a socket is open there is nothing to receive, and the error says what to do.
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
    let pair = udpair::EndpointPair::to("224.0.0.1", "5000").unwrap();
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
