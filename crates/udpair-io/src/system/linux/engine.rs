//! The Linux engine: many datagrams per call, GSO and GRO, all metadata that the kernel reports,
//! and the error queue.

use std::io::{self, IoSliceMut};

use super::granted::Feature;
use super::{calls, error_queue, gro, option, receive, send};
use crate::batch::{Destination, Filled, Outgoing, RecvBatch, Run, SendBatch};
use crate::engine::{Capabilities, Engine, EngineOptions, Remaining, Sent, sealed::Sealed};
use crate::offload;
use crate::peer_error::NetworkError;
use crate::socket::Socket;

/// `UDP_GRO_CNT_MAX`, net/ipv4/udp_offload.c.
const GRO_SEGMENTS_MAX: usize = 64;

/// The engine that uses Linux's batch calls, control messages and error queue.
#[derive(Debug)]
pub(super) struct Linux;

impl Sealed for Linux {}

impl Engine for Linux {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            local_address: true,
            packet_header: true,
            drops: true,
            timestamps: true,
            source: true,
            send_header: true,
            send_batch: true,
            receive_offload: true,
            error_queue: true,
            send_segments: offload::limits(None, None, 1).datagrams,
            receive_segments: GRO_SEGMENTS_MAX,
        }
    }

    fn capabilities_of(&self, socket: &Socket) -> Capabilities {
        let has = |feature| socket.granted.has(feature);
        let reads_control = !calls::RECVMSG.is_missing() || !calls::RECVMMSG.is_missing();
        let writes_control = !calls::SENDMSG.is_missing() || !calls::SENDMMSG.is_missing();
        let offload = socket.rare_if_any().map(|rare| &rare.send_offload);
        Capabilities {
            local_address: reads_control && has(Feature::LocalAddress),
            packet_header: reads_control && has(Feature::PacketHeader),
            drops: reads_control && has(Feature::Drops),
            timestamps: reads_control && has(Feature::Timestamps),
            source: writes_control,
            send_header: writes_control,
            send_batch: writes_control && !calls::SENDMMSG.is_missing(),
            receive_offload: has(Feature::ReceiveOffload),
            error_queue: !calls::RECVMSG.is_missing()
                && (!socket.supports_ipv4() || has(Feature::ErrorQueueIpv4))
                && (!socket.supports_ipv6() || has(Feature::ErrorQueueIpv6)),
            send_segments: match writes_control {
                true => offload::limits(offload, None, 1).datagrams,
                false => 1,
            },
            receive_segments: match has(Feature::ReceiveOffload) {
                true => GRO_SEGMENTS_MAX,
                false => 1,
            },
        }
    }

    fn prepare(&self, socket: &Socket, requested: EngineOptions) -> io::Result<()> {
        option::enable_error_queue(socket);
        if !requested.without_metadata {
            option::enable_metadata(socket);
        }
        let has_timestamps = requested.timestamps && option::enable_timestamps(socket).is_ok();
        socket.granted.set(Feature::Timestamps, has_timestamps);
        // Without the call that reads control messages, coalesced datagrams cannot be told apart.
        let has_offload = requested.receive_offload
            && calls::RECVMSG.works()
            && option::enable_gro(socket).is_ok();
        socket.granted.set(Feature::ReceiveOffload, has_offload);
        if has_offload {
            gro::keep_enabled(socket);
        }
        if !option::supports_gso(socket) {
            socket.rare().send_offload.note_missing();
        }
        Ok(())
    }

    fn receive(&self, socket: &Socket, batch: &mut RecvBatch) -> io::Result<Remaining> {
        batch.clear();
        receive::receive(socket, batch)
    }

    fn receive_into(
        &self,
        socket: &Socket,
        buffers: &mut [IoSliceMut<'_>],
        filled: &mut Vec<Filled>,
    ) -> io::Result<Remaining> {
        receive::receive_into(socket, buffers, filled)
    }

    fn send(&self, socket: &Socket, outgoing: Outgoing<'_>) -> io::Result<Sent> {
        send::send_one(socket, outgoing)
    }

    fn send_batch(
        &self,
        socket: &Socket,
        batch: &SendBatch,
        to: Option<Destination>,
        max: usize,
    ) -> io::Result<Sent> {
        send::send_batch(socket, batch, to, max)
    }

    fn send_run(&self, socket: &Socket, run: Run<'_>) -> io::Result<Sent> {
        send::send_run(socket, run)
    }

    fn take_errors(
        &self,
        socket: &Socket,
        found: &mut dyn FnMut(NetworkError),
    ) -> io::Result<usize> {
        error_queue::drain(socket, found)
    }

    fn reported_by(&self, socket: &Socket, error: &io::Error) -> Option<NetworkError> {
        let found = NetworkError::of_failed_call(socket, error)?;
        let queues = |ipv4: bool, ipv6: bool| {
            (!ipv4 || socket.granted.has(Feature::ErrorQueueIpv4))
                && (!ipv6 || socket.granted.has(Feature::ErrorQueueIpv6))
        };
        let has_queue = match found.destination {
            Some(peer) => queues(peer.is_ipv4(), peer.is_ipv6()),
            // Without a peer, the datagram may have been of each family that the socket has.
            None => queues(socket.supports_ipv4(), socket.supports_ipv6()),
        };
        let is_queued = has_queue && !calls::RECVMSG.is_missing();
        (!is_queued).then_some(found)
    }
}
