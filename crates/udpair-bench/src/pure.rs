//! Microbenchmarks: operations of `udpair` that need no other machine and little of the kernel, one
//! operation per call.
//!
//! Private code of `udpair` is reached through the nearest public function; `about` says what else
//! that function does. Criterion times the operations (`benches/pure.rs`), callgrind counts their
//! instructions (`cargo xtask bench --instructions`). Instruction counts do not depend on other
//! load on the machine.

use std::fmt::Write;
use std::hint::black_box;
use std::iter;
use std::net::{SocketAddr, UdpSocket};
use std::thread;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::runtime::Runtime;
use udpair::{DatagramSocket, Endpoint, EndpointPair, HostName, RecvBatch, Resolver, SendBatch};

use crate::dns;

/// An operation that is measured on its own.
#[derive(Debug)]
pub struct Microbenchmark {
    /// The name in the tables.
    pub name: &'static str,
    /// What one operation does.
    pub about: &'static str,
    /// Prepares what the operations share, and returns one operation.
    pub prepare: fn() -> Operation,
}

/// A function that performs the operation once per call.
pub type Operation = Box<dyn FnMut()>;

/// All microbenchmarks.
pub const MICROBENCHMARKS: &[Microbenchmark] = &[
    Microbenchmark {
        name: "nothing",
        about: "an empty operation: the cost of the call itself",
        prepare: || Box::new(|| ()),
    },
    Microbenchmark {
        name: "host-name",
        about: "parses a host name of three labels",
        prepare: || host_name("stun.contoso.com"),
    },
    Microbenchmark {
        name: "host-name-idn",
        about: "parses an internationalized host name",
        prepare: || host_name("b\u{fc}cher.example"),
    },
    Microbenchmark {
        name: "host-name-ipv6",
        about: "parses an IPv6 address",
        prepare: || host_name("2001:db8::1"),
    },
    Microbenchmark {
        name: "endpoint",
        about: "parses host and service",
        prepare: || {
            Box::new(|| {
                let endpoint = black_box("contoso.com:stun").parse::<Endpoint>();
                black_box(endpoint.expect("an endpoint"));
            })
        },
    },
    Microbenchmark {
        name: "services-file",
        about: "reads a services file of 300 lines into a resolver",
        prepare: services_file,
    },
    Microbenchmark {
        name: "srv-order",
        about: "resolves to 8 cached SRV records: orders them and their addresses",
        prepare: srv_order,
    },
    Microbenchmark {
        name: "receive",
        about: "try_recv of a datagram: engine, filter, message; and send of the standard library",
        prepare: receive,
    },
    Microbenchmark {
        name: "send-slices",
        about: "copies 64 slices of 64 B into a batch and sends it, 16 times; nobody receives",
        prepare: || sends(|batch, _| (0..BATCH).for_each(|_| batch.copy(black_box(&[1; 64])))),
    },
    Microbenchmark {
        name: "send-bytes",
        about: "clones Bytes of 64 B into a batch of 64 and sends it, 16 times; nobody receives",
        prepare: || sends(|batch, payload| batch.extend(iter::repeat_n(payload.clone(), BATCH))),
    },
    Microbenchmark {
        name: "send-long",
        about: "copies 64 slices of 1,200 B into a batch and sends it, 16 times; nobody receives",
        prepare: || sends(|batch, _| (0..BATCH).for_each(|_| batch.copy(black_box(&[1; 1_200])))),
    },
    Microbenchmark {
        name: "send-sink",
        about: "feeds 64 clones of Bytes of 64 B to the Sink of a stream and flushes it, 16 times",
        prepare: sink,
    },
    Microbenchmark {
        name: "recv",
        about: "sends a run of 64 datagrams of 64 B and receives them one by one, 16 times",
        prepare: || receives(By::Recv),
    },
    Microbenchmark {
        name: "recv-stream",
        about: "the same with the stream of messages",
        prepare: || receives(By::Stream),
    },
    Microbenchmark {
        name: "recv-batch",
        about: "the same with recv_batch",
        prepare: || receives(By::Batch),
    },
    Microbenchmark {
        name: "batch-64",
        about: "send_batch of 64 datagrams of 64 B, and recv_batch of them",
        prepare: || batches([64, 64]),
    },
    Microbenchmark {
        name: "batch-64-recv",
        about: "the same, received one by one with recv",
        prepare: messages,
    },
    Microbenchmark {
        name: "batch-64-mixed",
        about: "send_batch of 64 datagrams of two lengths in turn, and recv_batch of them",
        prepare: || batches([64, 1_200]),
    },
];

/// Repeats a microbenchmark, for tools that count instructions.
///
/// # Errors
///
/// There is no microbenchmark of that name.
pub fn repeat(name: &str, times: u32) -> Result<(), String> {
    let microbenchmark = MICROBENCHMARKS
        .iter()
        .find(|microbenchmark| microbenchmark.name == name)
        .ok_or_else(|| format!("there is no microbenchmark {name}"))?;
    let mut operation = (microbenchmark.prepare)();
    for _ in 0..times {
        operation();
    }
    Ok(())
}

fn host_name(text: &'static str) -> Operation {
    Box::new(move || {
        black_box(black_box(text).parse::<HostName>().expect("a host name"));
    })
}

fn services_file() -> Operation {
    let mut text = String::from("# Services, as in services(5).\n");
    for number in 1..300_u16 {
        let _ = writeln!(
            text,
            "service{number}\t{number}/udp\talias{number} # a comment"
        );
    }
    Box::new(move || {
        let resolver = Resolver::builder().services_text(black_box(&text)).build();
        black_box(resolver);
    })
}

fn srv_order() -> Operation {
    let resolver = Resolver::builder()
        .dns_servers([name_server()])
        .services_text("")
        .rng(|most| most / 2)
        .adapters(|| Ok(Vec::new()))
        .build();
    let remote: Endpoint = format!("{}:{}", dns::HOST, dns::SERVICE_WITH_MANY_RECORDS)
        .parse()
        .expect("an endpoint");
    let runtime = runtime();
    Box::new(move || {
        let resolution = runtime.block_on(resolver.resolve(&remote));
        black_box(resolution.candidates().expect("candidates"));
    })
}

/// Starts a name server that answers from the table, and returns its address. The server ends with
/// the process.
fn name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port of loopback");
    let address = socket.local_addr().expect("a bound socket");
    thread::spawn(move || {
        let mut message = [0; dns::MESSAGE_BYTES_MAX];
        while let Ok((length, from)) = socket.recv_from(&mut message) {
            if let Some(response) = dns::respond(&message[..length]) {
                let _ = socket.send_to(&response, from);
            }
        }
    });
    address
}

fn receive() -> Operation {
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port of loopback");
    let remote = peer.local_addr().expect("a bound socket");
    let runtime = runtime();
    let socket = runtime.block_on(connect(remote));
    peer.connect(local(&socket))
        .expect("an address of loopback");
    Box::new(move || {
        // The socket is registered with the runtime.
        let _entered = runtime.enter();
        peer.send(&[1; 64]).expect("loopback accepts the datagram");
        let message = socket.try_recv().expect("an open socket");
        black_box(message.expect("loopback has delivered it"));
    })
}

/// Returns an operation that fills a batch and sends it. The kernel drops what nobody receives.
fn sends(fill: fn(&mut SendBatch, &Bytes)) -> Operation {
    let (runtime, nobody) = (runtime(), nobody());
    let socket = runtime.block_on(connect(local_of(&nobody)));
    let payload = Bytes::from(vec![1; 64]);
    let mut batch = SendBatch::with_capacity(BATCH);
    Box::new(move || {
        let _open = &nobody;
        runtime.block_on(async {
            for _ in 0..SENDS {
                fill(&mut batch, &payload);
                let sent = socket.send_batch(&mut batch).await;
                sent.expect("loopback accepts the datagrams");
            }
        });
    })
}

/// Returns an operation that sends through a [`Sink`](futures_util::Sink).
fn sink() -> Operation {
    let (runtime, nobody) = (runtime(), nobody());
    let socket = runtime.block_on(connect(local_of(&nobody)));
    let mut output = socket.output().expect("an open socket");
    let payload = Bytes::from(vec![1; 64]);
    Box::new(move || {
        let _open = (&nobody, &socket);
        runtime.block_on(async {
            for _ in 0..SENDS {
                for _ in 0..BATCH {
                    let fed = output.feed(payload.clone()).await;
                    fed.expect("an open socket");
                }
                let sent = SinkExt::<Bytes>::flush(&mut output).await;
                sent.expect("loopback accepts the datagrams");
            }
        });
    })
}

/// Returns a socket that never receives.
fn nobody() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("a port of loopback")
}

fn local_of(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket")
}

/// A way to receive.
#[derive(Clone, Copy)]
enum By {
    Recv,
    Stream,
    Batch,
}

/// Returns an operation that sends runs of datagrams, which costs little, and receives them.
fn receives(by: By) -> Operation {
    let runtime = runtime();
    let (sender, receiver) = runtime.block_on(pair());
    let output = sender.output().expect("an open socket");
    let mut batch = RecvBatch::new(BATCH);
    let payload = vec![1; BATCH * 64];
    Box::new(move || {
        let _open = &sender;
        runtime.block_on(async {
            let mut messages = receiver.messages();
            for _ in 0..SENDS {
                let sent = output.write_run(&payload, 64).await;
                sent.expect("loopback accepts the datagrams");
                let mut received = 0;
                while received < BATCH {
                    received += match by {
                        By::Recv => {
                            black_box(receiver.recv().await.expect("a message"));
                            1
                        }
                        By::Stream => {
                            black_box(messages.next().await.expect("a message").expect("a socket"));
                            1
                        }
                        By::Batch => {
                            let received = receiver.recv_batch(&mut batch).await;
                            for datagram in batch.iter() {
                                black_box(datagram.payload());
                            }
                            received.expect("an open socket")
                        }
                    };
                }
            }
        });
    })
}

/// Returns an operation that sends and receives a batch of datagrams whose lengths alternate.
fn batches(lengths: [usize; 2]) -> Operation {
    let runtime = runtime();
    let (sender, receiver) = runtime.block_on(pair());
    let payloads = lengths.map(|length| Bytes::from(vec![1; length]));
    let mut outgoing = SendBatch::with_capacity(BATCH);
    let mut incoming = RecvBatch::new(BATCH);
    Box::new(move || {
        runtime.block_on(async {
            outgoing.extend(payloads.iter().cloned().cycle().take(BATCH));
            let sent = sender.send_batch(&mut outgoing).await;
            sent.expect("loopback accepts the datagrams");
            let mut received = 0;
            while received < BATCH {
                let more = receiver.recv_batch(&mut incoming).await;
                received += more.expect("an open socket");
                for datagram in incoming.iter() {
                    black_box(datagram.payload());
                }
            }
        });
    })
}

/// Returns an operation that sends a batch and receives it as messages.
fn messages() -> Operation {
    let runtime = runtime();
    let (sender, receiver) = runtime.block_on(pair());
    let payload = Bytes::from_static(&[1; 64]);
    let mut outgoing = SendBatch::with_capacity(BATCH);
    Box::new(move || {
        runtime.block_on(async {
            outgoing.extend(iter::repeat_n(payload.clone(), BATCH));
            let sent = sender.send_batch(&mut outgoing).await;
            sent.expect("loopback accepts the datagrams");
            for _ in 0..BATCH {
                black_box(receiver.recv().await.expect("a message"));
            }
        });
    })
}

/// Returns two sockets that are connected to each other.
async fn pair() -> (DatagramSocket, DatagramSocket) {
    let any = Endpoint::from(SocketAddr::from(([127, 0, 0, 1], 0)));
    let one = DatagramSocket::builder().bind(&any).await;
    let one = one.expect("a port of loopback");
    let other = connect(local(&one)).await;
    let back = one.connect(&EndpointPair::from(local(&other))).await;
    back.expect("an address of loopback");
    (one, other)
}

async fn connect(remote: SocketAddr) -> DatagramSocket {
    let pair = EndpointPair::from(remote);
    let socket = DatagramSocket::builder().connect(&pair).await;
    socket.expect("an address of loopback")
}

fn local(socket: &DatagramSocket) -> SocketAddr {
    socket.local_addr().expect("a connected socket is bound")
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// The number of datagrams in a batch.
const BATCH: usize = 64;

/// How often a batch is sent in one operation, so that what surrounds it does not count.
const SENDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_microbenchmark_can_be_repeated() {
        for microbenchmark in MICROBENCHMARKS {
            repeat(microbenchmark.name, 3).unwrap();
        }
        assert!(repeat("no-such-name", 1).is_err());
    }
}
