//! Host names, service names, and the endpoints and endpoint pairs that they form.
//!
//! All of these are values: a name is checked when it is created and looked up when it is used,
//! never in between. The only query to the system here is for the index of the adapter that an IPv6
//! zone names, each time that an address is made: the adapter may have another index then.

mod a_label;
mod bluetooth;
mod domain;
mod endpoint;
mod host;
mod pair;
mod service;
#[cfg(feature = "idna")]
mod uts46;
#[cfg(not(feature = "idna"))]
mod without_uts46;

pub use endpoint::Endpoint;
pub use host::{HostName, HostNameType};
pub(crate) use host::{bluetooth_refused, needs_zone};
pub use pair::EndpointPair;
pub use service::ServiceName;
#[cfg(not(feature = "idna"))]
use without_uts46 as uts46;
