//! Asks a server from tasks of smol. Any other executor would do: nothing here depends on it.
//!
//! `cargo run --example smol -- contoso.com:7777`
//!
//! The program has no runtime that watches sockets for tokio, so a thread of the library watches
//! them. It starts with the first socket and serves all sockets of the process; tasks and futures
//! stay on the executor that polls them.

use std::time::Duration;

use udpair::{DatagramSocket, Error, Request};

const REQUESTS: u32 = 100;

fn main() -> Result<(), Error> {
    let remote = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:7777".into());
    smol::block_on(async {
        let socket = DatagramSocket::builder().connect(remote.as_str()).await?;
        let tasks = (0..REQUESTS).map(|number| smol::spawn(ask(socket.clone(), number)));
        let mut replies = 0;
        for task in tasks.collect::<Vec<_>>() {
            match task.await {
                Ok(()) => replies += 1,
                Err(error) => eprintln!("{error}"),
            }
        }
        println!("{replies} of {REQUESTS} replies");
        Ok(())
    })
}

/// Sends a number, and again if it or its reply is lost. The server repeats the number.
async fn ask(socket: DatagramSocket, number: u32) -> Result<(), Error> {
    let id = number.to_be_bytes();
    let request = Request::new(id.to_vec())
        .wait(Duration::from_millis(100))
        .retries(8)
        .accept(move |message| message.payload().starts_with(&id));
    socket.ask(&request).await?;
    Ok(())
}
