//! `Windows.Networking.Sockets`: the datagram socket and what belongs to it.
//!
//! `socket.rs` is the object and `core.rs` what its handles share. `events.rs` receives and calls
//! handlers, `arguments.rs` is what they get, `output.rs` the streams. The rules are those of
//! [`udpair`]; here they get their names.

mod arguments;
mod control;
mod core;
mod events;
mod information;
mod output;
mod socket;
mod socket_error;

pub use arguments::MessageReceivedEventArgs;
pub use control::{DatagramSocketControl, SocketQualityOfService};
pub use events::EventToken;
pub use information::DatagramSocketInformation;
pub use socket::DatagramSocket;
pub use socket_error::SocketError;
