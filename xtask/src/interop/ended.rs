//! Sockets that others end: with shutdown(2), or by having the system destroy them.

use std::future::Future;
use std::net::UdpSocket;

use rustix::net::{Shutdown, shutdown};
use udpair::{DatagramSocket, ErrorKind, Overflow, RecvBatch, SocketErrorStatus, engines};

use super::lan::{Case, Lan, TIMEOUT, Why, endpoint, port};
use super::suite::{Suite, check};

pub(crate) const SUITE: Suite = Suite {
    name: "sockets that others end, in network namespaces",
    needs: &[("ip", "iproute2"), ("ss", "iproute2")],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        ("shut down for receiving", shut_down_for_receiving),
        ("shut down while somebody waits", shut_down_while_waiting),
        ("destroyed by the system", destroyed),
    ];
    Lan::run_all("ended", cases)
}

/// A socket of the standard library, adopted by each engine, and another handle of its descriptor.
async fn adopted(
    is_connected: bool,
) -> Result<Vec<(String, DatagramSocket, UdpSocket, UdpSocket)>, Why> {
    let mut adopted = Vec::new();
    for engine in engines() {
        let peer = UdpSocket::bind("10.80.1.1:0")?;
        let udp = UdpSocket::bind("10.80.1.1:0")?;
        if is_connected {
            udp.connect(peer.local_addr()?)?;
        }
        let other = udp.try_clone()?;
        let socket = DatagramSocket::builder().engine(*engine).from_std(udp)?;
        adopted.push((format!("{engine:?}"), socket, other, peer));
    }
    Ok(adopted)
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> Result<T, Why> {
    let timed = tokio::time::timeout(TIMEOUT, future).await;
    timed.map_err(|_| format!("{what} does not end").into())
}

/// Shuts the descriptor down. The system does so even where it says that it is not connected.
fn end_receiving(udp: &UdpSocket) {
    let _ = shutdown(udp, Shutdown::Read);
}

/// Each way to receive ends, after it has returned what was there; writes still work.
fn shut_down_for_receiving(lan: &Lan) -> Result<String, Why> {
    lan.on(&lan.home, async || {
        for is_connected in [false, true] {
            for (engine, socket, other, peer) in adopted(is_connected).await? {
                let to = socket.local_addr().ok_or("no local address")?;
                peer.send_to(b"before", to)?;
                end_receiving(&other);
                let message = soon("recv", socket.recv()).await??;
                check(message.payload() == b"before", || engine.clone())?;
                for _ in 0..3 {
                    ends(
                        &engine,
                        "recv",
                        soon("recv", socket.recv()).await?.map(drop),
                    )?;
                }
                let mut batch = RecvBatch::new(4);
                let received = soon("recv_batch", socket.recv_batch(&mut batch)).await?;
                ends(&engine, "recv_batch", received.map(drop))?;
                ends(
                    &engine,
                    "for_each",
                    soon("for_each", socket.for_each(|_| {})).await?,
                )?;
                let event = soon("next_event", socket.next_event()).await?;
                ends(&engine, "next_event", event.map(drop))?;
                let mut queue = socket.queue(4, Overflow::Pause)?;
                ends(
                    &engine,
                    "queue",
                    soon("queue", queue.recv()).await?.map(drop),
                )?;
                match is_connected {
                    true => socket.output()?.write(b"after").await?,
                    false => socket.send_to(b"after", peer.local_addr()?).await?,
                }
                let mut buffer = [0; 16];
                let length = peer.recv(&mut buffer)?;
                check(&buffer[..length] == b"after", || engine.clone())?;
            }
        }
        Ok("recv, batches, handlers, events and queues end; writes go on".into())
    })
}

fn ends(engine: &str, what: &str, result: Result<(), udpair::Error>) -> Result<(), Why> {
    match result {
        Err(error) if error.kind() == ErrorKind::Closed && error.to_string().contains("shut") => {
            Ok(())
        }
        other => Err(format!("{engine} {what}: {other:?}").into()),
    }
}

/// A pending receive ends when the descriptor is shut down.
fn shut_down_while_waiting(lan: &Lan) -> Result<String, Why> {
    lan.on(&lan.home, async || {
        for is_connected in [false, true] {
            for (engine, socket, other, _) in adopted(is_connected).await? {
                let waiting = tokio::spawn({
                    let socket = socket.clone();
                    async move { socket.recv().await.map(drop) }
                });
                tokio::task::yield_now().await;
                end_receiving(&other);
                ends(&engine, "recv", soon("recv", waiting).await??)?;
            }
        }
        Ok("recv ends".into())
    })
}

/// As suspend hooks and some mobile systems do: the port is let go, and nothing goes from another
/// port.
fn destroyed(lan: &Lan) -> Result<String, Why> {
    let mut statuses = Vec::new();
    for engine in engines() {
        for is_connected in [false, true] {
            let (socket, peer) = lan.on(&lan.home, async || {
                let peer = UdpSocket::bind("10.80.1.1:0")?;
                peer.set_nonblocking(true)?;
                let builder = DatagramSocket::builder().engine(*engine);
                let socket = match is_connected {
                    true => builder.connect(peer.local_addr()?).await?,
                    false => builder.bind(&endpoint(":0")?).await?,
                };
                Ok((socket, peer))
            })?;
            let to = peer.local_addr()?;
            let what = format!("{engine:?} connected={is_connected}");
            let status = lan.on(&lan.home, async || {
                let mut queue = socket.queue(4, Overflow::Pause)?;
                let waiting = tokio::spawn({
                    let socket = socket.clone();
                    async move { socket.recv().await.map(drop) }
                });
                tokio::task::yield_now().await;
                let port = format!("sport = :{}", port(&socket));
                lan.home.run("ss", &["-K", "-u", "-a", &port])?;
                let Err(error) = soon("recv", waiting).await?? else {
                    return Err(format!("{what}: recv returned a message").into());
                };
                let error_of_queue = soon("queue", queue.recv()).await?.map(drop);
                check(error_of_queue.is_err(), || what.clone())?;
                check(socket.recv().await.is_err(), || what.clone())?;
                let written = socket.send_to(b"x", to).await;
                check(is_connected || written.is_err(), || format!("{what}: sent"))?;
                if is_connected {
                    let written = socket.output()?.write(b"x").await;
                    check(written.is_err(), || format!("{what}: written"))?;
                }
                Ok(error.status())
            })?;
            let mut buffer = [0; 16];
            check(peer.recv(&mut buffer).is_err(), || {
                format!("{what}: a datagram arrived")
            })?;
            statuses.push(status);
        }
    }
    let expected = SocketErrorStatus::SoftwareCausedConnectionAbort;
    check(statuses.iter().all(|status| *status == expected), || {
        format!("{statuses:?}")
    })?;
    Ok(format!("{expected:?}, by each engine"))
}
