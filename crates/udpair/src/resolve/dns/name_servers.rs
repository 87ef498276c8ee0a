//! The system's name servers, as listed in its resolver configuration (resolv.conf(5)).
//!
//! Pure: works on the file's text.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::error::Error;
use crate::name::HostName;

/// The name servers of a resolver configuration, and how to query them.
#[derive(Debug, Default)]
pub(crate) struct NameServers {
    /// Every address that is listed, in the order of the file. Which adapter the zone of one is
    /// called after is looked up at each use.
    rows: Vec<HostName>,
    /// The domains of `search` or `domain`, in lower case and without a trailing dot.
    search_domains: Vec<String>,
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
            search_domains: parse_search_list(text),
            options: QueryOptions::parse(text),
        }
    }

    /// Returns whether no server is listed. The only one is then that of this machine, as
    /// resolv.conf(5) says.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns whether `domain`, in lower case and without a trailing dot, is below a domain of the
    /// search list, or is one of them.
    pub(crate) fn searches_above(&self, domain: &str) -> bool {
        self.search_domains.iter().any(|above| {
            let rest = domain.strip_suffix(above.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }

    /// Returns how to query the servers.
    pub(crate) fn options(&self) -> QueryOptions {
        self.options
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

/// Returns the domains of the last line with a search list, which alone counts (resolv.conf(5)).
fn parse_search_list(text: &str) -> Vec<String> {
    let mut words = text.lines().filter_map(|line| {
        // resolv.conf(5): the keyword starts the line.
        let rest = line
            .strip_prefix("search")
            .or_else(|| line.strip_prefix("domain"))?;
        let is_keyword = rest.starts_with([' ', '\t']);
        is_keyword.then(|| rest.split_ascii_whitespace())
    });
    let domains = words.next_back().into_iter().flatten();
    domains
        .map(|domain| domain.trim_end_matches('.').to_ascii_lowercase())
        .filter(|domain| !domain.is_empty())
        .collect()
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

/// What must hold for every text, see `resolve/fuzzing.rs`: a configuration leads to at least one
/// and at most three servers, unless their adapters are not there.
#[cfg(any(fuzzing, test))]
pub fn resolv_conf(text: &str) {
    let list = NameServers::parse(text);
    for index in [None, Some(4)] {
        let usable = list.usable(&|_| index);
        assert!(usable.addresses.len() <= 3);
        assert!(usable.addresses.iter().all(|server| server.port() == 53));
        assert!(!usable.addresses.is_empty() || !usable.skipped.is_empty());
        assert!(index.is_none() || usable.skipped.is_empty());
        if list.is_empty() {
            assert_eq!(
                usable.addresses,
                ["127.0.0.1:53".parse().expect("an address")]
            );
        }
    }
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

    fn servers(text: &str) -> Vec<String> {
        let usable = NameServers::parse(text).usable(&|name| (name == "eth0").then_some(4));
        usable.addresses.iter().map(ToString::to_string).collect()
    }

    /// SRV-07: which part of a special domain the name servers know.
    #[test]
    fn the_last_search_list_says_which_domains_the_servers_know() {
        for (text, domain, expected) in [
            ("search cluster.local", "a.svc.cluster.local", true),
            ("search x.test cluster.local.", "cluster.local", true),
            ("domain Corp.Local", "printer.corp.local", true),
            ("search cluster.local", "printer.local", false),
            ("search cluster.local", "notcluster.local", false),
            (
                "search cluster.local\nsearch x.test",
                "a.cluster.local",
                false,
            ),
            ("searches local", "printer.local", false),
            (" search local", "printer.local", false),
            ("search .", "printer.local", false),
            ("", "printer.local", false),
        ] {
            let list = NameServers::parse(text);
            assert_eq!(list.searches_above(domain), expected, "{text:?} {domain}");
        }
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
