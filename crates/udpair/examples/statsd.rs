//! A sender and a sink of statsd metrics: `name:value|c` in each datagram.
//!
//! `cargo run --example statsd -- sink :8125` counts until it has heard `stop`, and prints sums.
//! `cargo run --example statsd -- send localhost:8125 1000` sends that many.

use std::collections::BTreeMap;

use udpair::{DatagramSocket, Error, SendBatch};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["sink", local] => sink(local).await,
        ["send", remote, count] => send(remote, count.parse().unwrap_or(1)).await,
        _ => {
            eprintln!("usage: statsd sink LOCAL | statsd send REMOTE COUNT");
            Ok(())
        }
    }
}

async fn sink(local: &str) -> Result<(), Error> {
    let builder = DatagramSocket::builder().inbound_buffer_bytes(4 << 20);
    let socket = builder.bind(local).await?;
    println!("{}", socket.local_addr().expect("it is open"));
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    let counted = socket.for_each(|datagram| {
        let text = String::from_utf8_lossy(datagram.payload());
        if text == "stop" {
            socket.close();
        } else if let Some((name, value)) = text.split_once(':') {
            let value = value.split('|').next().and_then(|value| value.parse().ok());
            *sums.entry(name.into()).or_default() += value.unwrap_or(0_u64);
        }
    });
    counted.await?;
    for (name, sum) in sums {
        println!("{name} {sum}");
    }
    // What the kernel dropped is known.
    println!("dropped {}", socket.statistics().kernel_dropped);
    Ok(())
}

async fn send(remote: &str, count: u32) -> Result<(), Error> {
    let socket = DatagramSocket::builder().connect(remote).await?;
    let output = socket.output()?;
    let mut batch = SendBatch::new();
    for number in 0..count {
        batch.push(if number % 2 == 0 {
            "even:1|c"
        } else {
            "odd:2|c"
        });
        if batch.len() == 64 {
            output.write_batch(&mut batch).await?;
            // A program that measures sends now and then; this one must not outrun the sink.
            tokio::task::yield_now().await;
        }
    }
    output.write_batch(&mut batch).await?;
    output.write(b"stop").await
}
