//! Who talks to whom: host names, service names, and the endpoint pairs they make.
//!
//! Values: a name is checked when it is made and looked up when it is used, never in between. The one
//! question asked of the system here is the number of an adapter that an IPv6 zone names, so that two
//! spellings of one address are equal from the start.

mod bluetooth;
mod domain;
mod endpoint;
mod host;
mod pair;
mod service;

pub use endpoint::Endpoint;
pub use host::{HostName, HostNameType};
pub(crate) use host::{bluetooth_refused, needs_zone};
pub use pair::EndpointPair;
pub use service::ServiceName;
