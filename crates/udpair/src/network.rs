//! The machine's network: the names of this machine, and changes of its adapters and routes.

mod by_name;
mod change;
mod host_names;
mod watch;

pub use by_name::adapter;
pub use change::AdapterChange;
pub use host_names::{IpInformation, LocalHostName, host_names};
pub use watch::{AdapterUpdate, AdapterWatch, watch_adapters};
