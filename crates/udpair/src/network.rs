//! The machine's network: what it is called here, what is attached to it, and how that changes.

mod change;
mod host_names;
mod watch;

pub use change::AdapterChange;
pub use host_names::{IpInformation, LocalHostName, host_names};
pub use watch::{AdapterUpdate, AdapterWatch, watch_adapters};
