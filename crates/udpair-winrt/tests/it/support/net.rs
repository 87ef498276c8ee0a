//! Sockets of this crate, and peers of the standard library.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread;

use udpair_winrt::{Buffer, DatagramSocket, HostName, MessageReceivedEventArgs, udpair};

use super::TIMEOUT;

pub(crate) fn host(text: &str) -> HostName {
    HostName::new(text).unwrap()
}

pub(crate) fn loopback() -> HostName {
    host("127.0.0.1")
}

/// Returns the local port of a socket.
pub(crate) fn port(socket: &DatagramSocket) -> String {
    socket.information().local_port()
}

/// Returns the address at which loopback peers reach a socket.
pub(crate) fn address(socket: &DatagramSocket) -> SocketAddr {
    format!("127.0.0.1:{}", port(socket)).parse().unwrap()
}

pub(crate) fn buffer(text: &str) -> Buffer {
    Buffer::copy_from(text.as_bytes())
}

/// What a handler has seen: the payload or the HRESULT, and the remote port.
pub(crate) type Seen = (Result<String, i32>, String);

/// Returns what the reader of an event has, or the HRESULT with which it fails.
pub(crate) fn text(arguments: &MessageReceivedEventArgs) -> Result<String, i32> {
    let reader = arguments.data_reader().map_err(|error| error.code())?;
    let length = reader.unconsumed_buffer_length().unwrap();
    Ok(reader.read_string(length).unwrap())
}

/// Returns a socket whose handler sends on what it gets.
pub(crate) fn listening() -> (DatagramSocket, mpsc::Receiver<Seen>) {
    let socket = DatagramSocket::new();
    let seen = listen(&socket);
    (socket, seen)
}

/// Registers a handler that sends on what it gets.
pub(crate) fn listen(socket: &DatagramSocket) -> mpsc::Receiver<Seen> {
    let (sender, seen) = mpsc::channel();
    let handler = move |_: &DatagramSocket, arguments: MessageReceivedEventArgs| {
        let _ = sender.send((text(&arguments), arguments.remote_port()));
    };
    socket.on_message_received(handler).unwrap();
    seen
}

/// Returns a socket on loopback whose handler sends on what it gets.
pub(crate) fn listening_on_loopback() -> (DatagramSocket, mpsc::Receiver<Seen>) {
    let (socket, seen) = listening();
    socket.bind_endpoint(Some(&loopback()), "").get().unwrap();
    (socket, seen)
}

/// A peer on loopback, and its port.
pub(crate) fn peer() -> (UdpSocket, String) {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(TIMEOUT)).unwrap();
    let port = peer.local_addr().unwrap().port().to_string();
    (peer, port)
}

/// Receives one datagram as text.
pub(crate) fn receive(peer: &UdpSocket) -> (String, SocketAddr) {
    let mut bytes = [0; 2000];
    let (length, from) = peer.recv_from(&mut bytes).expect("a datagram in time");
    (String::from_utf8(bytes[..length].to_vec()).unwrap(), from)
}

/// Returns the payload of the next event.
pub(crate) fn next(seen: &mpsc::Receiver<Seen>) -> String {
    seen.recv_timeout(TIMEOUT).expect("an event").0.unwrap()
}

/// Returns a port of loopback that is free now.
pub(crate) fn free_port() -> String {
    peer().1
}

/// A name server that answers nothing until it is released. Every name has the
/// address 127.0.0.1, and no other.
pub(crate) struct NameServer {
    release: mpsc::Sender<()>,
    builder: udpair::Builder,
}

impl NameServer {
    pub(crate) fn start() -> Self {
        let (server, _) = peer();
        let address = server.local_addr().unwrap();
        let (release, released) = mpsc::channel();
        thread::spawn(move || {
            // Ends with the test.
            let _ = released.recv();
            let mut query = [0; 512];
            while let Ok((length, from)) = server.recv_from(&mut query) {
                let _ = server.send_to(&answer_to(&query[..length]), from);
            }
        });
        let resolver = udpair::Resolver::builder().dns_servers([address]).build();
        Self {
            release,
            builder: udpair::DatagramSocket::builder().resolver(&resolver),
        }
    }

    /// Returns a socket that asks this server.
    pub(crate) fn socket(&self) -> DatagramSocket {
        DatagramSocket::with_builder(&self.builder).unwrap()
    }

    /// Lets the server answer, from now on.
    pub(crate) fn release(&self) {
        self.release.send(()).unwrap();
    }
}

/// Returns the answer of a name server to a query (RFC 1035, section 4).
fn answer_to(query: &[u8]) -> Vec<u8> {
    const HEADER: usize = 12;
    // The name ends with an empty label; type and class follow.
    let name = query[HEADER..].iter().position(|byte| *byte == 0).unwrap();
    let question = &query[HEADER..HEADER + name + 5];
    let is_for_ipv4 = question[name + 1..] == [0, 1, 0, 1];
    let mut answer = query[..2].to_vec();
    // An answer with recursion; one question, and one record or none.
    answer.extend([0x81, 0x80, 0, 1, 0, is_for_ipv4.into(), 0, 0, 0, 0]);
    answer.extend(question);
    if is_for_ipv4 {
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    answer
}
