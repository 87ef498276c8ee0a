//! Forwards datagrams of any number of clients to a server by name, and the replies back.
//!
//! `cargo run --example forwarder -- :5300 dns.example:53`
//!
//! Each client has a socket of its own towards the server, which receives from the server only. It
//! is closed when the client has been silent for a while.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use udpair::{DatagramSocket, Error, Message};

/// How long a client is remembered after its last datagram.
const IDLE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let local = arguments.next().unwrap_or_else(|| ":0".into());
    let remote = arguments.next().unwrap_or_else(|| "localhost:7777".into());
    let front = DatagramSocket::builder().bind(local).await?;
    println!("{}", front.local_addr().expect("it is open"));

    let mut clients: HashMap<SocketAddr, mpsc::Sender<Message>> = HashMap::new();
    let (ended, mut has_ended) = mpsc::unbounded_channel();
    loop {
        tokio::select! {
            message = front.recv() => {
                let message = message?;
                let client = message.remote();
                let sender = clients.entry(client).or_insert_with(|| {
                    let (sender, messages) = mpsc::channel(64);
                    let (front, remote, ended) = (front.clone(), remote.clone(), ended.clone());
                    tokio::spawn(async move {
                        if let Err(error) = serve(front, &remote, messages).await {
                            eprintln!("{client}: {error}");
                        }
                        let _ = ended.send(client);
                    });
                    sender
                });
                // What a slow server cannot take is dropped, as a router would do.
                let _ = sender.try_send(message);
            }
            Some(client) = has_ended.recv() => {
                clients.remove(&client);
            }
        }
    }
}

/// Serves one client until it has been silent for a while.
async fn serve(
    front: DatagramSocket,
    remote: &str,
    mut messages: mpsc::Receiver<Message>,
) -> Result<(), Error> {
    let back = DatagramSocket::builder().connect(remote).await?;
    let to_server = back.output()?;
    let mut client = None;
    loop {
        tokio::select! {
            message = tokio::time::timeout(IDLE, messages.recv()) => {
                let Ok(Some(message)) = message else {
                    return Ok(());
                };
                client = Some(message.reply());
                to_server.write(message.payload()).await?;
            }
            reply = back.recv() => {
                let reply = reply?;
                if let Some(client) = client {
                    front.send_to(reply.payload(), client).await?;
                }
            }
        }
    }
}
