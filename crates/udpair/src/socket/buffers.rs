//! The calls of `DatagramSocket` for programs that bring their own buffers: they receive into those,
//! and send runs of datagrams from them.

use std::io::IoSliceMut;
use std::task::{Context, Poll};

use udpair_io::{Destination, Filled, Run};

use super::DatagramSocket;
use super::open;
use super::receive;
use super::send::dispatch;
use crate::error::Error;

impl DatagramSocket {
    /// Receives the next datagram into `buffer`, which allocates nothing. Waits until one arrives.
    ///
    /// If the datagram is longer than `buffer`, its end is lost, and
    /// [`is_truncated`](crate::Metadata::is_truncated) says so. A buffer of 65,535 bytes holds any
    /// datagram.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has received no datagram.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, Error};
    /// # async fn first(socket: &DatagramSocket) -> Result<(), Error> {
    /// let mut buffer = [0; 2048];
    /// let filled = socket.recv_into(&mut buffer).await?;
    /// let (payload, from) = (&buffer[..filled.length], filled.metadata.remote);
    /// # let _ = (payload, from);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_into(&self, buffer: &mut [u8]) -> Result<Filled, Error> {
        receive::recv_into(self.shared(), buffer).await
    }

    /// Receives a datagram that has already arrived, like [`recv_into`](Self::recv_into); returns
    /// `None` if there is none. This never waits.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    pub fn try_recv_into(&self, buffer: &mut [u8]) -> Result<Option<Filled>, Error> {
        receive::try_recv_into(self.shared(), buffer)
    }

    /// Receives datagrams into `buffers`, and returns how many buffers are filled. Waits until at
    /// least one is.
    ///
    /// A buffer gets the datagrams that the kernel coalesced, back to back: several of one sender
    /// and one length, of which only the last may be shorter. `filled`, which is emptied first,
    /// then says for each of the first buffers what it holds. The order of `buffers` may change.
    ///
    /// The kernel writes into `buffers` itself as long as they have room for 65,535 bytes, or if
    /// [receive offload](crate::Builder::receive_offload) is off. Otherwise datagrams are copied,
    /// and what does not fit is left for the next call. Only a datagram that is longer than its
    /// buffer loses its end; [`is_truncated`](crate::Metadata::is_truncated) says so. Without `buffers`,
    /// this returns 0 once a datagram arrives, and takes none.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv). `filled` is then empty.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has received no datagram.
    pub async fn recv_buffers(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        filled: &mut Vec<Filled>,
    ) -> Result<usize, Error> {
        receive::recv_buffers(self.shared(), buffers, filled).await
    }

    /// Polls for datagrams, like [`recv_buffers`](Self::recv_buffers).
    ///
    /// Only one task at a time can wait; see [`poll_recv`](Self::poll_recv).
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv). `filled` is then empty, as it is while this is pending.
    pub fn poll_recv_buffers(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        filled: &mut Vec<Filled>,
    ) -> Poll<Result<usize, Error>> {
        receive::poll_recv_buffers(self.shared(), cx, buffers, filled)
    }

    /// Receives datagrams that have already arrived, like [`recv_buffers`](Self::recv_buffers), and
    /// returns how many buffers are filled: 0 if there is no datagram. This never waits.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv). `filled` is then empty.
    pub fn try_recv_buffers(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        filled: &mut Vec<Filled>,
    ) -> Result<usize, Error> {
        receive::try_recv_buffers(self.shared(), buffers, filled)
    }

    /// Sends a run of datagrams to one destination: `payload` is cut into datagrams of `segment`
    /// bytes, of which the last may be shorter.
    ///
    /// The kernel cuts up to [`send_segments`](crate::Capabilities::send_segments) datagrams a
    /// call, without a copy in this process. Where it cannot, they are sent one by one. An empty
    /// `payload` is sent as one empty datagram.
    ///
    /// # Errors
    ///
    /// - Those of [`send_to`](Self::send_to), for the first datagram that could not be sent. Those
    ///   before it were sent.
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): `segment` is 0.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a dropped future may have sent some of the datagrams, each as a whole.
    /// [`try_send_run_to`](Self::try_send_run_to) says how many were sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use udpair::{DatagramSocket, Destination, Error};
    /// # async fn frames(socket: &DatagramSocket, to: Destination) -> Result<(), Error> {
    /// // Three datagrams: of 1,200, 1,200 and 600 bytes.
    /// let payload = [0; 3000];
    /// socket.send_run_to(&payload, 1200, to).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_run_to(
        &self,
        payload: &[u8],
        segment: usize,
        to: impl Into<Destination>,
    ) -> Result<(), Error> {
        let to = Some(open::check_destination(self.shared(), &to.into())?);
        self.shared()
            .grant_stream_after_opening(dispatch::SEND_TO)
            .await?;
        let mut run = Run {
            payload,
            segment,
            to,
        };
        dispatch::send_run(self.shared(), &mut run).await
    }

    /// Sends as much of a run of datagrams as the kernel has buffer space for now, and returns the
    /// number of bytes sent: whole datagrams from the front of `payload`, or all of it. See
    /// [`send_run_to`](Self::send_run_to).
    ///
    /// This never waits, and it does not bind an unbound socket. Writes that wait already are sent
    /// first.
    ///
    /// # Errors
    ///
    /// - Those of [`send_run_to`](Self::send_run_to), if no datagram was sent.
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is unbound.
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): `segment` is 0, or `payload` is
    ///   empty.
    pub fn try_send_run_to(
        &self,
        payload: &[u8],
        segment: usize,
        to: impl Into<Destination>,
    ) -> Result<usize, Error> {
        let to = Some(open::check_destination(self.shared(), &to.into())?);
        self.shared().grant_stream(dispatch::SEND_TO)?;
        let run = Run {
            payload,
            segment,
            to,
        };
        dispatch::try_send_run(self.shared(), run)
    }
}
