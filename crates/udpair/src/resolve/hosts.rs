//! The hosts file, which gives addresses names (hosts(5)).
//!
//! Pure: works on the file's text.

use crate::name::HostName;

/// The rows of a hosts file.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    /// Every name with an address, in the order of the file.
    rows: Vec<(HostName, HostName)>,
}

impl Hosts {
    /// Parses the text of a hosts file; malformed lines are skipped.
    pub(crate) fn parse(text: &str) -> Self {
        let mut rows = Vec::new();
        for line in text.lines() {
            let row = line.split('#').next().unwrap_or_default();
            let mut words = row.split_ascii_whitespace().map(str::parse::<HostName>);
            let Some(Ok(address)) = words.next() else {
                continue;
            };
            if address.ip().is_some() {
                let names = words.flatten();
                rows.extend(names.map(|name| (name, address.clone())));
            }
        }
        Self { rows }
    }

    /// Returns the addresses of `host`, in the order of the file.
    pub(crate) fn addresses<'a>(
        &'a self,
        host: &'a HostName,
    ) -> impl Iterator<Item = &'a HostName> {
        self.rows
            .iter()
            .filter(move |(name, _)| name == host)
            .map(|(_, address)| address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HOST-20
    #[test]
    fn names_lead_to_their_addresses_in_file_order() {
        let hosts = Hosts::parse(
            "# a comment\n\
             192.0.2.1 contoso.com www.contoso.com # and a comment\n\
             2001:db8::1\tContoso.COM\n\
             192.0.2.1 a..b good\n\
             not-an-address missing\n\
             192.0.2.300 missing\n\
             192.0.2.9\n",
        );
        for (host, addresses) in [
            ("contoso.com", vec!["192.0.2.1", "2001:db8::1"]),
            ("WWW.contoso.com", vec!["192.0.2.1"]),
            ("good", vec!["192.0.2.1"]),
            ("missing", vec![]),
        ] {
            let name = host.parse().unwrap();
            let found: Vec<_> = hosts.addresses(&name).map(ToString::to_string).collect();
            assert_eq!(found, addresses, "{host}");
        }
    }
}
