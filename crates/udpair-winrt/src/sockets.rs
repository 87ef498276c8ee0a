//! `Windows.Networking.Sockets`: the datagram socket and what belongs to it.
//!
//! `core.rs` is the object and what its handles share, `socket.rs` its members. `receive.rs` calls
//! handlers, `arguments.rs` is what they get, `output.rs` the streams.
//! `reception.rs` lets a binding receive in its own event loop. `broker.rs` has the
//! types of a socket broker, which does not exist yet. The rules are those of
//! [`udpair`]; here they get their names.

mod arguments;
mod broker;
mod control;
mod core;
mod information;
mod output;
mod receive;
mod reception;
mod socket;
mod socket_error;

pub use self::core::DatagramSocket;
pub use arguments::MessageReceivedEventArgs;
pub use broker::{
    SocketActivityConnectedStandbyAction, SocketActivityContext, SocketActivityInformation,
    SocketActivityKind, SocketActivityTrigger, SocketActivityTriggerDetails,
    SocketActivityTriggerReason,
};
pub use control::{DatagramSocketControl, SocketQualityOfService};
pub use information::DatagramSocketInformation;
pub use receive::after_events;
pub use reception::{Received, Reception};
pub use socket_error::SocketError;
