//! The system's name servers, as listed in its resolver configuration (resolv.conf(5)).
//!
//! Pure: works on the file's text.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::error::Error;
use crate::name::HostName;

/// The name servers of a resolver configuration.
#[derive(Debug, Default)]
pub(crate) struct NameServers {
    /// Every address that is listed, in the order of the file. Which adapter the zone of one is
    /// called after is looked up at each use.
    rows: Vec<HostName>,
}

/// The name servers that can be queried from this machine now.
#[derive(Debug)]
pub(crate) struct UsableServers {
    /// In the order in which to query them.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Why the other servers cannot be queried.
    pub(crate) skipped: Vec<Error>,
}

impl NameServers {
    /// Parses the text of a resolver configuration; malformed lines are skipped.
    pub(crate) fn parse(text: &str) -> Self {
        Self {
            rows: text.lines().filter_map(parse_line).collect(),
        }
    }

    /// Returns whether no server is listed. The only one is then that of this machine, as
    /// resolv.conf(5) says.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the servers that can be queried, and why the others cannot.
    ///
    /// `adapter_index` returns the index of the adapter that the zone of an address names.
    pub(crate) fn usable(&self, adapter_index: &dyn Fn(&str) -> Option<u32>) -> UsableServers {
        if self.is_empty() {
            return UsableServers {
                addresses: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DNS_PORT)],
                skipped: Vec::new(),
            };
        }
        let mut usable = UsableServers {
            addresses: Vec::new(),
            skipped: Vec::new(),
        };
        for row in &self.rows {
            if usable.addresses.len() == SERVERS_MAX {
                break;
            }
            match row.socket_addr_by(DNS_PORT, adapter_index) {
                Some(Ok(address)) => usable.addresses.push(address),
                Some(Err(error)) => usable.skipped.push(error),
                None => {}
            }
        }
        usable
    }
}

fn parse_line(line: &str) -> Option<HostName> {
    // resolv.conf(5): the keyword starts the line.
    let rest = line.strip_prefix("nameserver")?;
    if !rest.starts_with([' ', '\t']) {
        return None;
    }
    let word = rest.split_ascii_whitespace().next()?;
    if let Some(ip) = parse_ipv4(word) {
        return Some(IpAddr::V4(ip).into());
    }
    let address: HostName = word.parse().ok()?;
    address.ip().is_some().then_some(address)
}

/// Parses an IPv4 address as the C library does in this file (inet_aton(3)): one to four numbers,
/// each decimal, octal (`0` before it) or hexadecimal (`0x`), of which the last one stands for all
/// the bytes that are left.
fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts = text.split('.').map(parse_number);
    let parts: Vec<u32> = parts.collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 0xff) {
        return None;
    }
    let left = 32 - 8 * u32::try_from(first.len()).ok()?;
    if u64::from(*last) >> left != 0 {
        return None;
    }
    let first = first.iter().fold(0, |bits, part| bits << 8 | part);
    let first = u64::from(first) << left;
    u32::try_from(first | u64::from(*last))
        .ok()
        .map(Ipv4Addr::from_bits)
}

fn parse_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    // `from_str_radix` would accept a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// RFC 1035, section 4.2.
const DNS_PORT: u16 = 53;

/// `MAXNS` in resolv.conf(5): the servers after these are not queried.
const SERVERS_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(text: &str) -> Vec<String> {
        let usable = NameServers::parse(text).usable(&|name| (name == "eth0").then_some(4));
        usable.addresses.iter().map(ToString::to_string).collect()
    }

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
 nameserver 192.0.2.9
options ndots:5
nameserver fe80::1%7
nameserver 192.0.2.9
";
        let expected = ["192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%7]:53"];
        assert_eq!(servers(text), expected);
    }

    /// The C library reads other forms of IPv4 addresses here than elsewhere.
    #[test]
    fn addresses_mean_what_they_mean_for_the_system() {
        for (text, address) in [
            ("192.0.2.1", Some("192.0.2.1:53")),
            ("127.1", Some("127.0.0.1:53")),
            ("10.1.258", Some("10.1.1.2:53")),
            ("0x7f.0.0.1", Some("127.0.0.1:53")),
            ("010.0.0.1", Some("8.0.0.1:53")),
            ("2130706433", Some("127.0.0.1:53")),
            ("0", Some("0.0.0.0:53")),
            ("::1", Some("[::1]:53")),
            ("::ffff:192.0.2.1", Some("192.0.2.1:53")),
            ("fe80::1%eth0", Some("[fe80::1%4]:53")),
            ("256.0.0.1", None),
            ("1.2.3.256", None),
            ("1.2.65536", None),
            ("4294967296", None),
            ("1.2.3.4.5", None),
            ("1.2..3", None),
            ("1.2.3.4x", None),
            ("09.1.2.3", None),
            ("0x.1.2.3", None),
            ("+1.2.3.4", None),
            ("", None),
        ] {
            let found = servers(&format!("nameserver {text}\n"));
            let expected = [address.unwrap_or("127.0.0.1:53")];
            assert_eq!(found, expected, "{text}");
            let is_empty = NameServers::parse(&format!("nameserver {text}")).is_empty();
            assert_eq!(is_empty, address.is_none(), "{text}");
        }
    }

    /// HOST-10: a server whose adapter is not there is skipped alone.
    #[test]
    fn a_server_on_an_adapter_that_is_not_there_is_skipped() {
        let text = "nameserver fe80::1%gone\nnameserver fe80::2%eth0\r\nnameserver 192.0.2.1\r\n\
            nameserver 192.0.2.2\nnameserver 192.0.2.3\n";
        assert_eq!(
            servers(text),
            ["[fe80::2%4]:53", "192.0.2.1:53", "192.0.2.2:53"]
        );
        let usable = NameServers::parse(text).usable(&|_| None);
        assert_eq!(usable.addresses.len(), 3);
        let skipped: Vec<_> = usable.skipped.iter().map(ToString::to_string).collect();
        assert!(
            skipped[0].contains("gone") && skipped[1].contains("eth0"),
            "{skipped:?}"
        );

        // No other server is queried in its place.
        let only = NameServers::parse("nameserver fe80::1%gone\n");
        assert!(!only.is_empty());
        assert_eq!(only.usable(&|_| None).addresses, []);
    }

    #[test]
    fn a_file_without_servers_means_the_server_of_this_machine() {
        assert_eq!(servers("search example.test\n"), ["127.0.0.1:53"]);
        assert_eq!(servers(""), ["127.0.0.1:53"]);
    }
}
