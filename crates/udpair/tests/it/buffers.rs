//! Datagrams in the caller's buffers: received into them, and sent from them as a run.

use std::future::poll_fn;
use std::io::IoSliceMut;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Waker};

use udpair::{DatagramSocket, ErrorKind, Filled, PeerErrors};

use crate::support::{Peer, builders, endpoint, loopback, soon, unused_addr};

/// Returns the payloads of the runs that [`send_runs`] sends.
fn payloads() -> Vec<Vec<u8>> {
    // Equal lengths, a shorter one at the end, equal ones again, one on its own, and empty ones.
    let lengths = [
        &[700_usize; 20] as &[usize],
        &[700, 300],
        &[1200; 40],
        &[9],
        &[0, 0],
    ];
    let lengths = lengths.concat().into_iter().enumerate();
    lengths
        .map(|(number, length)| vec![u8::try_from(number).unwrap(); length])
        .collect()
}

/// Sends the payloads so that the kernel can coalesce those of one length.
async fn send_runs(sender: &DatagramSocket, to: SocketAddr) {
    let payloads = payloads();
    // The empty ones are a run each.
    for (first, count, segment) in [
        (0, 22, 700),
        (22, 40, 1200),
        (62, 1, 9),
        (63, 1, 9),
        (64, 1, 9),
    ] {
        let run = payloads[first..first + count].concat();
        soon(sender.send_run_to(&run, segment, to)).await.unwrap();
    }
}

async fn sender() -> DatagramSocket {
    let local = endpoint("127.0.0.1:0");
    DatagramSocket::builder().bind(&local).await.unwrap()
}

/// Every datagram arrives whole, once and in order, whatever the engine and however long and many
/// the buffers are.
#[tokio::test]
async fn datagrams_are_received_into_buffers() {
    let sender = sender().await;
    let from = sender.local_addr().unwrap();
    let expected = payloads();
    for (engine, builder) in builders() {
        for (count, bytes) in [(32, 65_535), (3, 65_535), (3, 65_534), (5, 1200), (1, 2500)] {
            for way in 0..3 {
                let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
                send_runs(&sender, socket.local_addr().unwrap()).await;
                let mut memory = vec![vec![0; bytes]; count];
                // A short one among the others.
                if let Some(second) = memory.get_mut(1) {
                    second.truncate(1300);
                }
                let mut filled = Vec::new();
                let mut coalesced = false;
                let mut received: Vec<Vec<u8>> = Vec::new();
                while received.len() < expected.len() {
                    let buffers = memory.iter_mut().map(|buffer| IoSliceMut::new(buffer));
                    let mut buffers: Vec<_> = buffers.collect();
                    let got = match way {
                        0 => soon(socket.recv_buffers(&mut buffers, &mut filled)).await,
                        1 => {
                            let poll = |cx: &mut Context<'_>| {
                                socket.poll_recv_buffers(cx, &mut buffers, &mut filled)
                            };
                            soon(poll_fn(poll)).await
                        }
                        _ => socket.try_recv_buffers(&mut buffers, &mut filled),
                    };
                    let got = got.unwrap();
                    let context = format!("{engine:?} {count} x {bytes}, way {way}");
                    assert!(got > 0 && got == filled.len(), "{context}");
                    coalesced |= filled.iter().any(|filled| filled.count() > 20);
                    for (filled, buffer) in filled.iter().zip(&buffers) {
                        assert_eq!(filled.metadata.remote, from, "{context}");
                        assert!(!filled.metadata.is_truncated, "{context}");
                        let datagrams = filled.datagrams(buffer).map(<[u8]>::to_vec);
                        received.extend(datagrams);
                    }
                }
                assert_eq!(
                    received, expected,
                    "{engine:?} {count} x {bytes}, way {way}"
                );
                // The sender's run went to the kernel as one, and came as one.
                let is_whole = socket.capabilities().receive_offload && bytes == 65_535;
                assert!(coalesced || !is_whole, "{engine:?} {count} x {bytes}");
                let statistics = socket.statistics();
                assert_eq!(statistics.datagrams_received, expected.len() as u64);
                assert_eq!(statistics.truncated, 0);
            }
        }
    }
}

/// One datagram at a time, also where the kernel delivers several at once.
#[tokio::test]
async fn one_datagram_is_received_into_a_buffer() {
    let sender = sender().await;
    for (engine, builder) in builders() {
        for way in 0..2 {
            let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
            send_runs(&sender, socket.local_addr().unwrap()).await;
            let mut buffer = [0; 1200];
            for expected in payloads() {
                let filled = match way {
                    0 => soon(socket.recv_into(&mut buffer)).await.unwrap(),
                    _ => socket.try_recv_into(&mut buffer).unwrap().unwrap(),
                };
                assert!(buffer[..filled.length] == expected, "{engine:?}");
                assert_eq!(filled.count(), 1);
            }
            assert!(socket.try_recv_into(&mut buffer).unwrap().is_none());
        }
    }
}

/// What a buffer cannot hold is lost, and the metadata says so; the next datagram is not affected.
#[tokio::test]
async fn a_datagram_that_is_too_long_for_its_buffer_is_truncated() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let to = loopback(&socket);
        for short in [0, 3] {
            let mut buffer = vec![0; short];
            for is_single in [true, false] {
                peer.send(b"too long", to);
                peer.send(b"", to);
                let mut lengths = Vec::new();
                while lengths.len() < 2 {
                    let mut filled = Vec::new();
                    if is_single {
                        filled.push(soon(socket.recv_into(&mut buffer)).await.unwrap());
                    } else {
                        let mut buffers = [IoSliceMut::new(&mut buffer)];
                        let received = socket.recv_buffers(&mut buffers, &mut filled);
                        soon(received).await.unwrap();
                    }
                    let of = |filled: &Filled| (filled.length, filled.metadata.is_truncated);
                    lengths.extend(filled.iter().map(of));
                }
                assert_eq!(lengths, [(short, true), (0, false)], "{engine:?}");
            }
        }
    }
}

/// CON-08, CON-09: datagrams of others that came before the connect fill no buffer.
#[tokio::test]
async fn only_the_peers_datagrams_fill_buffers() {
    for (engine, builder) in builders() {
        for bytes in [65_535, 100] {
            let (peer, other) = (Peer::new(), Peer::new());
            let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
            let to = loopback(&socket);
            for number in 0..10 {
                other.send(b"other", to);
                peer.send(&[number], to);
            }
            socket.connect(peer.pair()).await.unwrap();
            let mut memory = vec![vec![0; bytes]; 4];
            let mut filled = Vec::new();
            let mut next = 0;
            while next < 10 {
                let buffers = memory.iter_mut().map(|buffer| IoSliceMut::new(buffer));
                let mut buffers: Vec<_> = buffers.collect();
                soon(socket.recv_buffers(&mut buffers, &mut filled))
                    .await
                    .unwrap();
                for (filled, buffer) in filled.iter().zip(&buffers) {
                    for datagram in filled.datagrams(buffer) {
                        assert_eq!(datagram, [next], "{engine:?}");
                        next += 1;
                    }
                }
            }
        }
    }
}

/// MSG-12: where errors are asked for, each makes one receive fail, and no datagram is lost.
#[tokio::test]
async fn an_error_makes_a_receive_into_buffers_fail() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        if !engine.capabilities().error_queue {
            continue;
        }
        let builder = builder.peer_errors(PeerErrors::FailRecv);
        for way in 0..4 {
            let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
            let mut buffer = vec![0; 65_535];
            let mut filled = Vec::new();
            let mut next = async || {
                soon(socket.readable()).await.unwrap();
                let mut buffers = [IoSliceMut::new(&mut buffer)];
                let received = match way {
                    0 => {
                        return soon(socket.recv_into(&mut buffer))
                            .await
                            .map(|one| one.length);
                    }
                    1 => {
                        let one = socket.try_recv_into(&mut buffer);
                        return one.map(|one| one.unwrap().length);
                    }
                    2 => soon(socket.recv_buffers(&mut buffers, &mut filled)).await,
                    _ => socket.try_recv_buffers(&mut buffers, &mut filled),
                };
                received.map(|_| filled[0].length)
            };
            peer.send(b"first", loopback(&socket));
            socket.send_to(b"lost", unused_addr()).await.unwrap();
            let error = next().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PeerUnreachable, "{engine:?} {way}");
            assert_eq!(next().await.unwrap(), 5, "{engine:?} {way}");
        }
    }
}

/// Without a datagram, nothing is received and the wait can be dropped.
#[tokio::test]
async fn nothing_is_received_before_a_datagram_arrives() {
    let peer = Peer::new();
    for (_, builder) in builders() {
        let unopened = builder.open().unwrap();
        let mut buffer = [0; 10];
        let error = unopened.recv_into(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState);

        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let mut filled = Vec::new();
        {
            let mut buffers = [IoSliceMut::new(&mut buffer)];
            assert_eq!(
                socket.try_recv_buffers(&mut buffers, &mut filled).unwrap(),
                0
            );
            let mut cx = Context::from_waker(Waker::noop());
            assert!(
                socket
                    .poll_recv_buffers(&mut cx, &mut buffers, &mut filled)
                    .is_pending()
            );
            let mut waiting = pin!(socket.recv_buffers(&mut buffers, &mut filled));
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
        }
        peer.send(b"x", loopback(&socket));
        soon(socket.readable()).await.unwrap();
        // Without buffers, nothing is taken.
        assert_eq!(socket.recv_buffers(&mut [], &mut filled).await.unwrap(), 0);
        assert_eq!(soon(socket.recv_into(&mut buffer)).await.unwrap().length, 1);
        socket.close();
        let error = socket.recv_into(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}

/// OUT-01: each part of a run is one datagram.
#[tokio::test]
async fn a_run_is_cut_into_datagrams() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        for (bytes, segment) in [(10, 10), (10, 3), (10, 100), (1, 1), (20_000, 200)] {
            let run: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
            for is_tried in [false, true] {
                if is_tried {
                    let sent = socket.try_send_run_to(&run, segment, peer.addr()).unwrap();
                    assert_eq!(sent, run.len(), "{engine:?}");
                } else {
                    let sent = socket.send_run_to(&run, segment, peer.addr());
                    soon(sent).await.unwrap();
                }
                for expected in run.chunks(segment) {
                    assert_eq!(peer.recv().0, expected, "{engine:?} {bytes} {segment}");
                }
            }
        }
        soon(socket.send_run_to(b"", 5, peer.addr())).await.unwrap();
        assert_eq!(peer.recv().0, b"");
    }
}

/// OUT-01, OUT-10: a stream sends runs too, to its host or to the peer.
#[tokio::test]
async fn a_stream_sends_runs() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let connected = builder.connect(&peer.pair()).await.unwrap();
        let unopened = builder.open().unwrap();
        let streams = [
            connected.output().unwrap(),
            unopened.output_to(peer.addr()).await.unwrap(),
        ];
        for output in streams {
            soon(output.write_run(b"aabbc", 2)).await.unwrap();
            assert_eq!(output.try_write_run(b"dde", 2).unwrap(), 3, "{engine:?}");
            soon(output.write_run(b"", 2)).await.unwrap();
            for expected in ["aa", "bb", "c", "dd", "e", ""] {
                assert_eq!(peer.recv().0, expected.as_bytes(), "{engine:?}");
            }
            let error = output.write_run(b"abc", 0).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        }
    }
}

/// A run that cannot be sent says why.
#[tokio::test]
async fn a_run_that_makes_no_sense_is_refused() {
    let peer = Peer::new();
    let socket = sender().await;
    let error = socket
        .send_run_to(b"abc", 0, peer.addr())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let error = socket.try_send_run_to(b"", 5, peer.addr()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let long = vec![0; 200_000];
    let error = socket
        .send_run_to(&long, 70_000, peer.addr())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    let unopened = DatagramSocket::builder().open().unwrap();
    let error = unopened
        .try_send_run_to(b"abc", 1, peer.addr())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
}

/// OUT-04: a run goes to a group like any other datagrams.
#[tokio::test]
async fn a_run_goes_to_a_group() {
    let group = Ipv4Addr::new(239, 255, 71, 9);
    let peer = Peer::at("0.0.0.0:0");
    peer.join(group);
    let loopback_adapter = udpair::adapters().unwrap();
    let adapter = loopback_adapter.iter().find(|adapter| adapter.is_loopback);
    let socket = DatagramSocket::builder()
        .multicast_adapter(adapter.unwrap())
        .bind(&endpoint("127.0.0.1:0"))
        .await
        .unwrap();
    let to = SocketAddr::from((group, peer.addr().port()));
    soon(socket.send_run_to(b"aabbc", 2, to)).await.unwrap();
    assert_eq!(socket.try_send_run_to(b"dde", 2, to).unwrap(), 3);
    for expected in ["aa", "bb", "c", "dd", "e"] {
        assert_eq!(peer.recv().0, expected.as_bytes());
    }
}

/// The limits are numbers that a program can plan with.
#[tokio::test]
async fn the_number_of_segments_is_known() {
    for (engine, builder) in builders() {
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        let capabilities = socket.capabilities();
        assert!(capabilities.send_segments >= 1, "{engine:?}");
        assert_eq!(
            capabilities.receive_segments > 1,
            capabilities.receive_offload,
            "{engine:?}"
        );
    }
}
