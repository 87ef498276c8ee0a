//! Sockets where there is no runtime, or half of one.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use udpair::{DatagramSocket, EndpointPair, ErrorKind};

use crate::support::dns::{DnsServer, Zone};
use crate::support::{Peer, endpoint};

/// An executor that knows nothing of any runtime: it polls when woken.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// Resolves, connects, sends and receives.
async fn talk() {
    let peer = Peer::new();
    let port = peer.addr().port();
    let zone = format!("_echo._udp.x.test SRV 0 0 {port} h.x.test\nh.x.test A 127.0.0.1");
    let server = DnsServer::with_zone(Zone::new(&zone).without_additional());
    let pair = EndpointPair::to("x.test", "echo").unwrap();
    let builder = DatagramSocket::builder().resolver(&server.resolver());
    let socket = builder.connect(&pair).await.unwrap();
    socket.output().unwrap().write(b"ping").await.unwrap();
    let (_, from) = peer.recv();
    let answering = thread::spawn(move || peer.send(b"pong", from));
    assert_eq!(socket.recv().await.unwrap().payload(), b"pong");
    answering.join().unwrap();

    // By the system's resolver, which works on a thread of its own.
    let pair = EndpointPair::to("localhost", &port.to_string()).unwrap();
    DatagramSocket::builder().connect(&pair).await.unwrap();
}

/// Any executor will do.
#[test]
fn a_socket_works_without_a_runtime() {
    block_on(talk());
}

/// So will a runtime whose I/O and timers are off.
#[test]
fn a_socket_works_in_a_runtime_that_serves_no_sockets() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(talk());
}

#[test]
fn a_socket_works_in_every_kind_of_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(talk());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(talk());
}

/// A socket whose runtime is gone says so, and can still be closed.
#[test]
fn a_socket_outlives_its_runtime_and_says_so() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let local = endpoint("127.0.0.1:0");
    let socket = runtime
        .block_on(DatagramSocket::builder().bind(&local))
        .unwrap();
    let address = socket.local_addr().unwrap();
    drop(runtime);

    let error = block_on(socket.recv()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("runtime"), "{error}");
    socket.close();
    Peer::at(&address.to_string());
}

/// A waker may do anything, even use the socket that wakes it.
#[test]
fn a_waker_may_use_the_socket() {
    struct Curious(DatagramSocket);
    impl Wake for Curious {
        fn wake(self: Arc<Self>) {
            let _ = self.0.try_recv();
            let _ = self.0.statistics();
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let socket = DatagramSocket::builder()
            .bind(&endpoint("127.0.0.1:0"))
            .await
            .unwrap();
        let peer = Peer::new();
        let waker = Waker::from(Arc::new(Curious(socket.clone())));
        let mut waiting = pin!(socket.recv());
        assert!(
            waiting
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        // Another receiver takes the first of two messages, and wakes the curious one for the second.
        peer.send(b"a", socket.local_addr().unwrap());
        peer.send(b"b", socket.local_addr().unwrap());
        socket.recv().await.unwrap();
        socket.cancel_io().unwrap();
        socket.close();
    });
}
