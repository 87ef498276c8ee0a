//! What must hold for every text: names that people write, and the files that names are looked up
//! in.
//!
//! The fuzz targets call these functions with texts that they make up. A test calls them with the
//! texts that were kept: those that once broke a rule, and one of each form.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

#[cfg(feature = "dns")]
pub use super::dns::resolv_conf;
use super::hosts::Hosts;
use super::services::ServiceTable;
use crate::name::{Endpoint, HostName, ServiceName};

/// A name has one value, whichever of its forms it is written in.
pub fn host_name(text: &str) {
    let Ok(name) = text.parse::<HostName>() else {
        return;
    };
    assert_eq!(name.raw_name(), text);
    for form in [name.canonical_name(), name.display_name()] {
        assert!(
            !form.chars().any(|c| c.is_control() || c.is_whitespace()),
            "{form:?}"
        );
        let again: HostName = form
            .parse()
            .unwrap_or_else(|error| panic!("{form:?}: {error}"));
        assert_eq!(again, name, "{form:?}");
        assert!(again.cmp(&name).is_eq(), "{form:?}");
        assert_eq!(hash(&again), hash(&name), "{form:?}");
        assert_eq!(again.kind(), name.kind(), "{form:?}");
        assert_eq!(again.canonical_name(), name.canonical_name());
    }
    for index in [None, Some(4)] {
        if let Some(Ok(address)) = name.socket_addr_by(5, &|_| index) {
            assert_eq!(address.port(), 5);
            assert_eq!(name.ip().map(|ip| ip.to_canonical()), Some(address.ip()));
        }
    }
}

fn hash(name: &HostName) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name)
}

/// An endpoint is the same when it is read back.
pub fn endpoint(text: &str) {
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            let shown = endpoint.to_string();
            let again: Endpoint = shown
                .parse()
                .unwrap_or_else(|error| panic!("{shown:?}: {error}"));
            assert_eq!(again, endpoint, "{shown:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Every service that a file lists has a port, and rows do not depend on their neighbours.
pub fn services(text: &str) {
    let table = ServiceTable::parse(text);
    let mut written = String::new();
    for (name, port) in table.rows() {
        assert!(table.udp_port(name).is_some(), "{name:?}");
        if let Ok(service) = name.parse::<ServiceName>() {
            assert!(
                service.name() == Some(name) || service.port().is_some(),
                "{name:?}"
            );
        }
        written.push_str(&format!("{name}\t{port}/udp\r\n"));
    }
    let again = ServiceTable::parse(&written);
    assert!(again.rows().eq(table.rows()), "{written:?}");
}

/// A hosts file lists only addresses, and rows do not depend on their neighbours.
pub fn hosts(text: &str) {
    let all = Hosts::parse(text);
    let rows: Vec<_> = text.lines().map(Hosts::parse).collect();
    let words = text.split_ascii_whitespace();
    for name in words
        .filter_map(|word| word.parse::<HostName>().ok())
        .take(100)
    {
        let found: Vec<_> = all.addresses(&name).collect();
        let one_by_one = rows.iter().flat_map(|row| row.addresses(&name));
        assert!(one_by_one.eq(found.iter().copied()), "{name}");
        for address in found {
            assert!(address.socket_addr_by(0, &|_| None).is_some(), "{address}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// HOST-02, SVC-07, HOST-20
    #[test]
    fn every_kept_text_obeys_the_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions");
        for (name, check) in [
            ("host_name", host_name as fn(&str)),
            ("endpoint", endpoint),
            ("services", services),
            ("hosts", hosts),
            #[cfg(feature = "dns")]
            ("resolv_conf", resolv_conf),
        ] {
            let files = fs::read_dir(root.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut count = 0;
            for file in files {
                let path = file.unwrap().path();
                println!("{}", path.display());
                check(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
                count += 1;
            }
            assert!(count > 0, "{name}");
        }
    }
}
