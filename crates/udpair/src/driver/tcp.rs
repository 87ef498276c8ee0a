//! One DNS exchange over TCP, for answers that do not fit into a datagram.

use std::future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

/// Connects `socket` to `server`, sends `query` and returns its answer (RFC 1035, section 4.2.2: each message behind its
/// length in two octets).
///
/// # Errors
///
/// The system's own, and [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the server hangs up.
pub(crate) async fn exchange(
    socket: std::net::TcpStream,
    server: SocketAddr,
    query: &[u8],
) -> io::Result<Vec<u8>> {
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    let mut stream = TcpSocket::from_std_stream(socket).connect(server).await?;
    let framed = [&length.to_be_bytes(), query].concat();
    write_all(&mut stream, &framed).await?;
    let mut length = [0; 2];
    read_exact(&mut stream, &mut length).await?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    read_exact(&mut stream, &mut answer).await?;
    Ok(answer)
}

async fn write_all(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    future::poll_fn(|cx| {
        while !bytes.is_empty() {
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, bytes))?;
            bytes = &bytes[written..];
        }
        Poll::Ready(Ok(()))
    })
    .await
}

async fn read_exact(stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<()> {
    let mut buffer = ReadBuf::new(bytes);
    future::poll_fn(|cx| {
        while buffer.remaining() > 0 {
            let before = buffer.remaining();
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
            if buffer.remaining() == before {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Poll::Ready(Ok(()))
    })
    .await
}
