//! The system's name servers, as listed in its resolver configuration (resolv.conf(5)).
//!
//! Pure: works on the file's text.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::name::HostName;

/// The name servers of a resolver configuration.
#[derive(Debug)]
pub(crate) struct NameServers(Vec<SocketAddr>);

impl NameServers {
    /// Parses the text of a resolver configuration; malformed lines are skipped.
    ///
    /// If it lists no server, the only one is that of this machine, as resolv.conf(5) says.
    pub(crate) fn parse(text: &str) -> Self {
        let mut servers: Vec<_> = text
            .lines()
            .filter_map(parse_line)
            .take(SERVERS_MAX)
            .collect();
        if servers.is_empty() {
            servers.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DNS_PORT));
        }
        Self(servers)
    }

    /// Returns the servers in the order in which to query them.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.0
    }
}

impl Default for NameServers {
    fn default() -> Self {
        Self::parse("")
    }
}

fn parse_line(line: &str) -> Option<SocketAddr> {
    let mut words = line.split_ascii_whitespace();
    if words.next()? != "nameserver" {
        return None;
    }
    let address: HostName = words.next()?.parse().ok()?;
    address.socket_addr(DNS_PORT)?.ok()
}

/// RFC 1035, section 4.2.
const DNS_PORT: u16 = 53;

/// `MAXNS` in resolv.conf(5): the servers after these are not queried.
const SERVERS_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_queried_in_file_order() {
        let text = "\
# nameserver 192.0.2.9
; nameserver 192.0.2.9
search example.test
nameserver 192.0.2.1
nameserver  2001:db8::1  # trailing
nameserver
nameserver name.example
nameservers 192.0.2.9
options ndots:5
nameserver fe80::1%7
nameserver 192.0.2.9
";
        let servers = NameServers::parse(text);
        let expected: Vec<SocketAddr> = ["192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%7]:53"]
            .map(|text| text.parse().unwrap())
            .into();
        assert_eq!(servers.addresses(), expected);
    }

    #[test]
    fn a_file_without_servers_means_the_server_of_this_machine() {
        let servers = NameServers::parse("search example.test\n");
        assert_eq!(servers.addresses(), ["127.0.0.1:53".parse().unwrap()]);
    }
}
