//! One DNS exchange over TCP, for answers that do not fit into a datagram.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// Connects `socket` to `server`, sends `query` and returns the answer.
///
/// Each message follows its length in two octets (RFC 1035, section 4.2.2).
///
/// # Errors
///
/// Returns the system's error, or [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the server
/// closes the connection before the answer is complete.
pub(crate) async fn exchange(
    socket: std::net::TcpStream,
    server: SocketAddr,
    query: &[u8],
) -> io::Result<Vec<u8>> {
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    let mut stream = TcpSocket::from_std_stream(socket).connect(server).await?;
    let framed = [&length.to_be_bytes(), query].concat();
    stream.write_all(&framed).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
