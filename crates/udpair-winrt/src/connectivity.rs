//! `Windows.Networking.Connectivity`, as far as sockets need it: adapters (`adapter.rs`), and the
//! names and the state of this machine (`network_information.rs`), with the event for its changes
//! (`status.rs`).

mod adapter;
pub mod network_information;
mod status;

pub use adapter::{ConnectionProfile, IpInformation, NetworkAdapter, NetworkItem, NetworkTypes};
