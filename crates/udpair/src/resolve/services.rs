//! The services file, which gives ports names (services(5)).
//!
//! This crate parses the file itself because the lookup of the C library is case-sensitive and
//! accepts any number as a port. Only rows for udp count: a service that the file lists only for
//! tcp is ignored.
//!
//! Pure: works on the file's text.

use std::sync::LazyLock;

/// The udp rows of a services file.
#[derive(Debug, Default)]
pub(crate) struct ServiceTable {
    /// Every name and alias with its port, in the order of the file.
    rows: Vec<(Box<str>, u16)>,
}

impl ServiceTable {
    /// Parses the text of a services file; malformed lines are skipped.
    pub(crate) fn parse(text: &str) -> Self {
        let mut rows = Vec::new();
        for line in text.lines() {
            if let Some((port, names)) = parse_line(line) {
                rows.extend(names.map(|name| (name.into(), port)));
            }
        }
        Self { rows }
    }

    /// Returns the table that is embedded in this crate for machines without a services file: the
    /// names that IANA has registered for udp (RFC 6335).
    pub(crate) fn iana() -> &'static Self {
        static TABLE: LazyLock<ServiceTable> =
            LazyLock::new(|| ServiceTable::parse(include_str!("iana-udp-services")));
        &TABLE
    }

    /// Returns every name and alias with its port, in the order of the file.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = (&str, u16)> {
        self.rows.iter().map(|(name, port)| (&**name, *port))
    }

    /// Returns the port of `service`: that of the first row whose name or alias is spelled the
    /// same, otherwise that of the first one that differs only in ASCII case.
    pub(crate) fn udp_port(&self, service: &str) -> Option<u16> {
        let find = |matches: fn(&str, &str) -> bool| {
            self.rows
                .iter()
                .find(|(name, _)| matches(name, service))
                .map(|(_, port)| *port)
        };
        find(|a, b| a == b).or_else(|| find(str::eq_ignore_ascii_case))
    }
}

/// Parses one line: returns its port, and its name followed by its aliases, if it is a row for udp.
fn parse_line(line: &str) -> Option<(u16, impl Iterator<Item = &str>)> {
    let row = line.split('#').next()?;
    let mut words = row.split_ascii_whitespace();
    let name = words.next()?;
    let (port, protocol) = words.next()?.split_once('/')?;
    if !protocol.eq_ignore_ascii_case("udp") || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((port.parse().ok()?, std::iter::once(name).chain(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# a comment
echo            7/tcp
echo            7/udp
http            80/tcp          www             # only for tcp
domain          53/UDP nameserver dns # and a comment
Stun 3478/udp
stun\t\t3479/udp
icpv2           3130/udp        icp

broken
broken          1234
broken          1234 udp
broken          /udp
broken          70000/udp
broken          +5/udp
broken          12a/udp
   indented     99/udp
late            1/udp
late            2/udp
";

    /// SVC-07, SVC-08
    #[test]
    fn names_and_aliases_lead_to_the_udp_port() {
        let services = ServiceTable::parse(FILE);
        for (service, port) in [
            ("echo", Some(7)),
            ("ECHO", Some(7)),
            ("domain", Some(53)),
            ("nameserver", Some(53)),
            ("dns", Some(53)),
            ("icp", Some(3130)),
            ("Stun", Some(3478)),
            ("stun", Some(3479)),
            ("STUN", Some(3478)),
            ("indented", Some(99)),
            ("late", Some(1)),
            ("http", None),
            ("www", None),
            ("and", None),
            ("broken", None),
            ("#", None),
            ("", None),
        ] {
            assert_eq!(services.udp_port(service), port, "{service}");
        }
    }

    /// SVC-10: every row of the embedded table is valid.
    #[test]
    fn the_embedded_table_lists_the_services_that_iana_has_registered() {
        let table = ServiceTable::iana();
        for (service, port) in [
            ("ntp", 123),
            ("stun", 3478),
            ("coap", 5683),
            ("coaps", 5684),
            ("sip", 5060),
            ("syslog", 514),
            ("domain", 53),
        ] {
            assert_eq!(table.udp_port(service), Some(port), "{service}");
        }
        let lines = include_str!("iana-udp-services").lines();
        let rows = lines.filter(|line| !line.starts_with('#')).count();
        assert_eq!(table.rows().len(), rows);
        for (name, port) in table.rows() {
            let service: Result<crate::ServiceName, _> = name.parse();
            assert!(service.is_ok() && port != 0, "{name} {port}");
        }
    }

    /// SVC-10
    #[test]
    fn an_empty_file_lists_no_service() {
        assert_eq!(ServiceTable::parse("").udp_port("echo"), None);
    }
}
