//! `Windows.Networking`: names and endpoint pairs.

mod endpoint_pair;
mod enums;
mod host_name;

pub use endpoint_pair::EndpointPair;
pub(crate) use endpoint_pair::{Names, local_service};
pub use enums::{DomainNameType, HostNameSortOptions, HostNameType};
pub use host_name::HostName;
