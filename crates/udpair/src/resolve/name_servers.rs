//! The system's name servers, as listed in its resolver configuration (resolv.conf(5)).
//!
//! Pure: works on the file's text.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::name::HostName;

/// The name servers of a resolver configuration, and how to query them.
#[derive(Clone, Debug)]
pub(crate) struct NameServers {
    servers: Vec<SocketAddr>,
    options: QueryOptions,
}

/// How to query name servers: the options of a resolver configuration that concern all queries.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct QueryOptions {
    /// `timeout`: how long to wait for one server before the next one is queried.
    pub(crate) attempt_timeout: Option<Duration>,
    /// `attempts`: how many times each server is queried.
    pub(crate) attempts: Option<u32>,
    /// `rotate`: each question begins with another server.
    pub(crate) rotates: bool,
    /// `use-vc`: queries are sent over TCP only.
    pub(crate) uses_tcp: bool,
    /// `single-request`: one question after the other.
    pub(crate) asks_one_by_one: bool,
}

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
        Self {
            servers,
            options: QueryOptions::parse(text),
        }
    }

    /// Returns the servers in the order in which to query them.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// Returns how to query the servers.
    pub(crate) fn options(&self) -> QueryOptions {
        self.options
    }
}

impl QueryOptions {
    /// Parses the options of a resolver configuration. Unknown ones are skipped, and the last of
    /// several counts, as resolv.conf(5) says.
    fn parse(text: &str) -> Self {
        let mut options = Self::default();
        let lines = text.lines().map(str::split_ascii_whitespace);
        let words = lines.filter_map(|mut words| (words.next()? == "options").then_some(words));
        for word in words.flatten() {
            let (name, value) = word.split_once(':').unwrap_or((word, ""));
            let number = value.parse::<u32>().ok();
            match name {
                "timeout" => {
                    let seconds = number.map(|seconds| seconds.clamp(1, TIMEOUT_SECONDS_MAX));
                    let seconds = seconds.map(u64::from).map(Duration::from_secs);
                    options.attempt_timeout = seconds.or(options.attempt_timeout);
                }
                "attempts" => {
                    let attempts = number.map(|attempts| attempts.clamp(1, ATTEMPTS_MAX));
                    options.attempts = attempts.or(options.attempts);
                }
                "rotate" => options.rotates = true,
                "use-vc" => options.uses_tcp = true,
                // The second also closes the socket in between. Here every query has its own.
                "single-request" | "single-request-reopen" => options.asks_one_by_one = true,
                _ => {}
            }
        }
        options
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

/// `RES_MAXRETRANS` in resolv.conf(5).
const TIMEOUT_SECONDS_MAX: u32 = 30;

/// `RES_MAXRETRY` in resolv.conf(5).
const ATTEMPTS_MAX: u32 = 5;

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

    /// SRV-13
    #[test]
    fn options_say_how_servers_are_queried() {
        let of = |text: &str| NameServers::parse(text).options();
        assert_eq!(of("nameserver 192.0.2.1\n"), QueryOptions::default());
        let options = of("options ndots:5 timeout:3 rotate\noptions attempts:4 use-vc\n");
        assert_eq!(
            options,
            QueryOptions {
                attempt_timeout: Some(Duration::from_secs(3)),
                attempts: Some(4),
                rotates: true,
                uses_tcp: true,
                asks_one_by_one: false,
            }
        );
        assert!(of("options single-request").asks_one_by_one);
        assert!(of("options\tsingle-request-reopen").asks_one_by_one);
        // Within the limits of the system, and the last one counts.
        for (text, seconds, attempts) in [
            ("options timeout:0 attempts:0", Some(1), Some(1)),
            ("options timeout:99 attempts:99", Some(30), Some(5)),
            (
                "options timeout:2 timeout:7\noptions attempts:1",
                Some(7),
                Some(1),
            ),
            (
                "options timeout attempts: timeout:x attempts:-1",
                None,
                None,
            ),
            (
                "; options timeout:2\n#options attempts:1\noption attempts:1",
                None,
                None,
            ),
        ] {
            let options = of(text);
            let timeout = seconds.map(Duration::from_secs);
            assert_eq!(
                (options.attempt_timeout, options.attempts),
                (timeout, attempts),
                "{text}"
            );
        }
    }
}
