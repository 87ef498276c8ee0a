//! Reception by an event loop that is not this crate's, as bindings have one.

use std::net::UdpSocket;
use std::sync::mpsc;

use udpair_winrt::udpair::RecvBatch;
use udpair_winrt::{Buffer, DatagramSocket, Operation, Received, Reception, hresult};

/// Binds a socket whose reception is left to the test.
fn bound() -> (DatagramSocket, Reception) {
    let socket = DatagramSocket::new();
    let (sender, started) = mpsc::channel();
    socket
        .receive_by(move |reception| sender.send(reception).unwrap())
        .unwrap();
    assert!(started.try_recv().is_err());
    let host = "127.0.0.1".parse().unwrap();
    socket.bind_endpoint(Some(&host), "").get().unwrap();
    (socket, started.try_recv().unwrap())
}

/// Waits for the next thing to receive.
fn next(reception: &std::sync::Arc<Reception>, batch: &mut RecvBatch) -> Received {
    loop {
        match reception.try_next(batch).unwrap() {
            Received::Nothing => {
                let waiting = reception.clone();
                let _ = Operation::run(async move { waiting.readable().await }).get();
            }
            received => return received,
        }
    }
}

/// MSG-01, MSG-04, CAN-04: a binding receives what handlers would get, until reception is paused.
#[test]
fn a_binding_receives_in_its_own_loop() {
    let (socket, reception) = bound();
    let reception = std::sync::Arc::new(reception);
    assert_eq!(
        socket.receive_by(|_| ()).unwrap_err().code(),
        hresult::E_ILLEGAL_METHOD_CALL
    );
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.information().local_port();
    let mut batch = RecvBatch::new(8);
    peer.send_to(b"one", format!("127.0.0.1:{port}")).unwrap();
    assert!(matches!(next(&reception, &mut batch), Received::Datagrams));
    assert_eq!(batch.pop().unwrap().payload(), b"one");
    socket.cancel_io().get().unwrap();
    assert!(matches!(
        reception.try_next(&mut batch),
        Ok(Received::Ended)
    ));
}

/// MSG-12: what the network sends back is an event here, too.
#[test]
fn a_binding_receives_errors_of_the_network() {
    let (socket, reception) = bound();
    let reception = std::sync::Arc::new(reception);
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port().to_string();
    drop(closed);
    let host = "127.0.0.1".parse().unwrap();
    let stream = socket.output_stream_to(&host, &port).get().unwrap();
    assert!(stream.try_write(b"lost").unwrap());
    let Received::Event(arguments) = next(&reception, &mut RecvBatch::new(8)) else {
        panic!("not an event");
    };
    assert_eq!(arguments.remote_port(), port);
    assert_eq!(
        arguments.data_reader().unwrap_err().code(),
        hresult::WSAECONNRESET
    );
    socket.close();
    assert_eq!(
        stream.try_write(b"late").unwrap_err().code(),
        hresult::RO_E_CLOSED
    );
}

/// OUT-07: a stream of a socket that is not bound cannot write at once; the write binds it.
#[test]
fn a_write_at_once_does_not_bind() {
    let socket = DatagramSocket::new();
    let host = "127.0.0.1".parse().unwrap();
    let stream = socket.output_stream_to(&host, "9").get().unwrap();
    assert!(!stream.try_write(b"first").unwrap());
    assert_eq!(socket.information().local_port(), "");
    stream.write(&Buffer::copy_from(b"first")).get().unwrap();
    assert!(stream.try_write(b"second").unwrap());
}

/// A handler has something done once after the events that have come together.
#[test]
fn an_action_runs_after_the_events_that_came_together() {
    thread_local! {
        static EVENTS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }
    static TOGETHER: std::sync::Mutex<Vec<usize>> = std::sync::Mutex::new(Vec::new());

    let socket = DatagramSocket::new();
    let (sender, seen) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    socket
        .on_message_received(move |_, arguments| {
            EVENTS.set(EVENTS.get() + 1);
            udpair_winrt::after_events(|| TOGETHER.lock().unwrap().push(EVENTS.take()));
            let payload = arguments.payload().unwrap().to_vec();
            sender.send(payload.clone()).unwrap();
            if payload == b"first" {
                released.recv().unwrap();
            }
        })
        .unwrap();
    let host = "127.0.0.1".parse().unwrap();
    socket.bind_endpoint(Some(&host), "").get().unwrap();
    let address = format!("127.0.0.1:{}", socket.information().local_port());
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    // The second and third arrive while the handler of the first runs, and then come together.
    peer.send_to(b"first", &address).unwrap();
    assert_eq!(seen.recv().unwrap(), b"first");
    for payload in [b"two", b"three".as_slice()] {
        peer.send_to(payload, &address).unwrap();
    }
    release.send(()).unwrap();
    assert_eq!(seen.recv().unwrap(), b"two");
    assert_eq!(seen.recv().unwrap(), b"three");
    // Behind the events before it.
    peer.send_to(b"last", &address).unwrap();
    assert_eq!(seen.recv().unwrap(), b"last");
    assert_eq!(TOGETHER.lock().unwrap()[..2], [1, 2]);
}
