//! Asks a server 200 questions at once, over one socket, and takes the replies as they come.
//!
//! `cargo run --example requests -- contoso.com:7777`

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use udpair::{DatagramSocket, Error, Request};

const REQUESTS: u32 = 200;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let remote = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:7777".into());
    let socket = DatagramSocket::builder().connect(remote.as_str()).await?;
    let started = Instant::now();
    let mut asking = JoinSet::new();
    for number in 0..REQUESTS {
        let socket = socket.clone();
        asking.spawn(async move {
            // The identifier tells the replies apart. A lost request, or a lost reply, is sent
            // again.
            let id = number.to_be_bytes();
            let request = Request::new(id.to_vec())
                .wait(Duration::from_millis(100))
                .retries(8)
                .accept(move |message| message.payload().starts_with(&id));
            socket.ask(&request).await
        });
    }
    let mut replies = 0;
    while let Some(asked) = asking.join_next().await {
        match asked.expect("no task panics") {
            Ok(_) => replies += 1,
            Err(error) => eprintln!("{error}"),
        }
    }
    println!("{replies} of {REQUESTS} replies in {:?}", started.elapsed());
    Ok(())
}
