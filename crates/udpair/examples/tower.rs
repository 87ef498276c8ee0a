//! A service of tower: its requests are payloads, its responses are the replies of a peer. At most
//! 16 requests are under way, and each has one second.
//!
//! `cargo run --example tower -- contoso.com:7777`

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::JoinSet;
use tower::timeout::error::Elapsed;
use tower::{Service, ServiceBuilder, ServiceExt};
use udpair::{DatagramSocket, Error, Message, Request};

const REQUESTS: u32 = 100;

/// A service that asks the peer of a socket. Its clones share the socket.
#[derive(Clone)]
struct Ask(DatagramSocket);

impl Service<Vec<u8>> for Ask {
    type Response = Message;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Message, Error>> + Send>>;

    /// A socket takes any number of requests. A layer limits them.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    /// Asks, and takes the message that begins with the same four bytes for the reply.
    fn call(&mut self, payload: Vec<u8>) -> Self::Future {
        let socket = self.0.clone();
        let id: Vec<_> = payload.iter().take(4).copied().collect();
        let request = Request::new(payload)
            .wait(Duration::from_millis(100))
            .retries(8)
            .accept(move |message| message.payload().starts_with(&id));
        Box::pin(async move { socket.ask(&request).await })
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let remote = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:7777".into());
    let socket = DatagramSocket::builder().connect(remote.as_str()).await?;
    let service = ServiceBuilder::new()
        .concurrency_limit(16)
        // A request that is dropped at its time limit is not sent again.
        .timeout(Duration::from_secs(1))
        .service(Ask(socket));

    let mut asking = JoinSet::new();
    for number in 0..REQUESTS {
        asking.spawn(service.clone().oneshot(number.to_be_bytes().to_vec()));
    }
    let (mut replies, mut late) = (0, 0);
    while let Some(asked) = asking.join_next().await {
        match asked.expect("no task panics") {
            Ok(_) => replies += 1,
            Err(error) if error.is::<Elapsed>() => late += 1,
            Err(error) => eprintln!("{error}"),
        }
    }
    println!("{replies} of {REQUESTS} replies, {late} without one in time");
    Ok(())
}
