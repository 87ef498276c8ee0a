//! An echo server for any number of peers, over IPv4 and IPv6.
//!
//! `cargo run --example echo -- :7777`

use udpair::{DatagramSocket, Error, RecvBatch, SendBatch};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let local = std::env::args().nth(1).unwrap_or_else(|| ":0".into());
    let builder = DatagramSocket::builder().inbound_buffer_bytes(4 << 20);
    let socket = builder.bind(local).await?;
    println!("{}", socket.local_addr().expect("it is open"));

    // Whatever one system call returns is answered with as few calls as possible.
    let (mut received, mut replies) = (RecvBatch::new(64), SendBatch::new());
    loop {
        socket.recv_batch(&mut received).await?;
        for datagram in received.iter() {
            // From the address that was asked, through the adapter on which the datagram came.
            replies.push_to(datagram.payload().to_vec(), datagram.metadata().reply());
        }
        while let Err(error) = socket.send_batch(&mut replies).await {
            // The first reply cannot be sent. The others can.
            eprintln!("{error}");
            if replies.pop().is_none() {
                return Err(error);
            }
        }
    }
}
