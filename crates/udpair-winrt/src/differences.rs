//! What differs from Windows, and why. This module has only documentation.
//!
//! The numbers, such as `CLS-04`, are those of the rules in `MODEL.md`.
//!
//! # What a program notices
//!
//! | subject | on Windows | here | why |
//! |---|---|---|---|
//! | the port of a socket that is dropped | free some seconds later | free when the last handle is dropped, or when [`close`](DatagramSocket::close) returns | a program that starts again needs its port (CLS-04) |
//! | a name of this machine that is not a host name | [`host_names`](network_information::host_names) fails | that name is left out | the addresses are still wanted (NET-02) |
//! | [`join_multicast_group`](DatagramSocket::join_multicast_group) on a machine with several adapters | failed in Windows 8.1 | joins on every suitable adapter, and succeeds if one could join | the documentation says so of adapters in general (MCG-03) |
//! | a group after a change of the network | has to be joined again | is joined again automatically; a program that joins it again succeeds | a membership is a request that stays in force (MCG-07) |
//! | [`remove_message_received`](DatagramSocket::remove_message_received) on an open socket | some versions refuse it; the documentation knows only closing | allowed at any time | there is nothing that it could break (MSG-03) |
//! | a handler that panics or throws | not documented | is reported; the next event comes (MSG-19) | one datagram must not end a server |
//! | [`output_stream`](DatagramSocket::output_stream) before the connect | not documented | can be taken; a write is an illegal call until the socket is connected, and waits while it is being connected | programs make their writer first (OUT-10) |
//! | [`output_stream_to`](DatagramSocket::output_stream_to) on a connected socket | documented as an alternative to connecting | allowed; still only the peer's datagrams raise events. A connect after a stream was made is an illegal call | programs do so (OUT-02) |
//! | [`transfer_ownership`](DatagramSocket::transfer_ownership) | gives the socket to a broker | `E_NOTIMPL`, and the socket stays usable | no system but Windows has a broker |
//! | [`connection_profiles`](network_information::connection_profiles), [`find_connection_profiles`](network_information::find_connection_profiles), [`lan_identifiers`](network_information::lan_identifiers), [`proxy_configuration`](network_information::proxy_configuration) | lists and settings | `E_NOTIMPL` | sockets do not need them (NET-15) |
//! | capabilities of an app, and loopback between apps | have to be declared; loopback is blocked | there are none; loopback works | these are rules of the app container (GEN-09) |
//! | `E_ACCESSDENIED` | a capability is missing | the system refuses: a port below 1024, a firewall (GEN-09) | elsewhere the system decides |
//! | an error | an HRESULT that depends on the system call | the same HRESULT on every system; [`raw_os_error`](crate::Error::raw_os_error) has the system's own number | programs compare HRESULTs (ERR-05) |
//! | equality of [`HostName`] in C# | that of the object | that of the canonical name | the sample compares host names, and means the names (HOST-17) |
//! | "1", "127.1", "0x7f.1" as a [`HostName`] | not documented | `E_INVALIDARG` | an address is four decimal numbers; anything else that ends in a number is a slip (HOST-08) |
//! | the zone of an IPv6 address | the number of an adapter | also the name of an adapter (HOST-10) | so it is written on other systems |
//! | a service name | is looked up in `%windir%\System32\drivers\etc\services` | in the file of the system, such as `/etc/services`. If there is none, and DNS has no SRV record, a table of the names that IANA has assigned | many containers have no such file (SVC-10) |
//! | [`SocketQualityOfService::LowLatency`] | raises the priority of received packets | also marks what is sent (CTL-11) | other systems and networks have no other means |
//! | the id of an adapter | the GUID of the interface | on other systems a GUID of hardware address and name, the same after a restart (NET-06) | they have no GUIDs |
//!
//! # Operations and handlers
//!
//! | subject | on Windows | here | why |
//! |---|---|---|---|
//! | waiting | `co_await`, `await`; `get` not on a thread of the user interface | `await` in any executor, [`get`](crate::Operation::get) on any thread, also in a handler | operations run on threads of the library |
//! | a future that is dropped | none | an operation that was awaited by value is cancelled; `(&operation).await` leaves it alone | futures of Rust are cancelled so (GEN-05) |
//! | an illegal call, an argument that is not valid | the call throws | the operation that it returns was [refused](crate::Operation::refusal): it has ended before the call returns | a binding throws that error from its call, and reports others by the operation (GEN-01) |
//! | a write, a store | not documented | has ended if the system took the datagram at once | the first step is part of the call |
//! | `null` for a string | differs from an empty string in some places | there is none: a string is empty, an absent object `None` | Rust has no null (GEN-10) |
//!
//! # Where the documentation is silent, or contradicts itself
//!
//! | question | answer here |
//! |---|---|
//! | the byte order of a new reader or writer | big-endian (DR-02) |
//! | the unit of [`measure_string`](crate::DataWriter::measure_string) and [`write_string`](crate::DataWriter::write_string) | code units, so that the result is the argument of [`read_string`](crate::DataReader::read_string) (DW-04) |
//! | a store of nothing | writes nothing; a datagram without bytes is a write of an empty buffer (DW-09, OUT-01) |
//! | [`data_reader`](crate::MessageReceivedEventArgs::data_reader), called twice | the same reader; a stream is independent of it (MSG-09) |
//! | the local address of a multicast or a broadcast | that of the adapter (MSG-11) |
//! | the local address of a socket that is bound to all addresses | the unspecified one, until it is connected (INF-03) |
//! | one port on two adapters | two sockets may have it, each bound to its adapter; one of them and one on all addresses may not (BND-07) |
//! | a closed port to which a datagram was sent | an event whose reader fails with `WSAECONNRESET`; on sockets that are not connected where the system reports it (MSG-12, MSG-14) |
//! | whose datagrams a connected socket receives | those of the peer's address and port (CON-08) |
//! | [`cancel_io`](DatagramSocket::cancel_io) on a socket that is not open | an illegal call; with nothing under way it succeeds |
//! | events after [`cancel_io`](DatagramSocket::cancel_io) | none: a socket receives until it is cancelled, and is closed next |
//! | closing the stream to the peer | closes that stream only; events still come (OUT-17, OUT-18) |
//! | a service of a local end that is in no file | `WSATYPE_NOT_FOUND`; DNS is not asked for local ends (SVC-09) |
//! | [`join_multicast_group`](DatagramSocket::join_multicast_group) on a connected socket | an illegal call (MCG-01) |
//! | datagrams for a socket without handlers | are received and dropped, so that old ones do not fill the buffer of the system (MSG-03) |
//! | the local service name of pairs that [`endpoint_pairs`](DatagramSocket::endpoint_pairs) returns | "0", which means the same as an empty one (GEP-02) |
//!
//! # What differs from `udpair`
//!
//! The rules are those of [`udpair`], which goes further than Windows in some places. In
//! these this crate does what Windows does.
//!
//! | subject | in `udpair` | here |
//! |---|---|---|
//! | 0.0.0.0 or :: as remote host | loopback (ADR-05) | `WSAEADDRNOTAVAIL` |
//! | an IPv4 group with a zone, `239.1.2.3%eth0` | a group on that adapter (HOST-10) | `E_INVALIDARG`: bind the socket to the adapter |
//! | errors of the network | all of them, with what reported them (MSG-15) | closed ports and used-up hop limits only |
//! | leaving a group | `leave_multicast` (MCG-08) | by closing the socket |
//! | receiving after `cancel_io` | the next receive resumes (CAN-04) | none |
//! | loopback among the adapters | listed | not among the [`host_names`](network_information::host_names); a [`NetworkAdapter`] can be made of one |

#[allow(unused_imports, reason = "the documentation links to these")]
use crate::{
    DatagramSocket, HostName, NetworkAdapter, SocketQualityOfService, network_information, udpair,
};
