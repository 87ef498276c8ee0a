//! The commands of the system that show what an error is about.

use crate::system;

/// Commands that a hint can name, as they are typed on this system.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tools {
    /// Lists the adapters.
    pub adapters: &'static str,
    /// Lists the adapters with their addresses.
    pub addresses: &'static str,
    /// Shows the route to an address, which is appended after a space, or all routes.
    pub route: &'static str,
    /// Lists the UDP ports in use, with the programs that use them.
    pub udp_ports: &'static str,
    /// Shows and sets the limit of descriptors; empty where there is none.
    pub descriptors: &'static str,
}

/// Returns the commands of this system.
pub const fn tools() -> Tools {
    system::TOOLS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_has_its_own_commands() {
        let tools = tools();
        let all = [
            tools.adapters,
            tools.addresses,
            tools.route,
            tools.udp_ports,
        ];
        assert!(all.iter().all(|command| !command.is_empty()));
        // Only Linux has these parameters of its network.
        let is_linux = std::path::Path::new("/proc/sys/net").exists();
        assert_eq!(tools.adapters == "ip link", is_linux);
    }
}
