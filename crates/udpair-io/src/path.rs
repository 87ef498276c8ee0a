//! The paths of the files in which the system keeps services, hosts and name servers.

use std::path::PathBuf;

use crate::system;

/// Returns the path of the services file (services(5)).
pub fn services_path() -> PathBuf {
    system::services_path()
}

/// Returns the path of the hosts file (hosts(5)).
pub fn hosts_path() -> PathBuf {
    system::hosts_path()
}

/// Returns the path of the file that lists the system's name servers (resolv.conf(5)); `None` where
/// the system keeps them elsewhere.
pub fn name_servers_path() -> Option<PathBuf> {
    system::name_servers_path()
}
