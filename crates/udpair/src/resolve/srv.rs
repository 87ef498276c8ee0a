//! SRV records: what they are called, and what they say (RFC 2782).
//!
//! Pure: works on names.

/// One SRV record of a DNS response.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SrvRecord {
    /// The priority. Records with lower values are tried first.
    pub priority: u16,
    /// The weight: the share of first tries among records of one priority.
    pub weight: u16,
    /// The port of the service on the target.
    pub port: u16,
    /// The host that offers the service, as DNS writes names (RFC 1035, section 5.1): in lower-case
    /// A-labels, with `\DDD` for a byte that is not printable. Empty for the root, which means that
    /// no host does.
    pub target: String,
    /// The TTL: how long the record is valid, in seconds.
    pub ttl: u32,
}

/// Returns the name of the SRV records of `service` at `domain`.
///
/// This function adds the protocol label and the first underscore. If the service has several
/// labels (`stun._service01`), the others stay as they are. A `domain` that is the name of these
/// records already (`_stun._udp.contoso.com`) is returned as it is.
pub(super) fn query_name(service: &str, domain: &str) -> String {
    if owns_records(domain, service) {
        return domain.to_owned();
    }
    let mut name = String::with_capacity(service.len() + UDP.len() + domain.len() + 1);
    name.push_str(underscore(service));
    for part in [service, UDP, domain] {
        name.push_str(part);
    }
    name.make_ascii_lowercase();
    name
}

/// Returns whether the service or its host is written as DNS writes them, so that no other source
/// is meant: `_stun`, or `stun` at `_stun._udp.contoso.com`.
pub(super) fn is_written_as_in_dns(service: &str, domain: &str) -> bool {
    service.starts_with('_') || owns_records(domain, service)
}

/// Returns the service whose SRV records have the name `domain`; `None` if it is not such a name.
pub(super) fn service_of(domain: &str) -> Option<&str> {
    // Most names are not, and this is seen at once.
    if !domain.starts_with('_') {
        return None;
    }
    let (service, rest) = domain.split_once(UDP)?;
    (!rest.is_empty()).then_some(service)
}

fn owns_records(domain: &str, service: &str) -> bool {
    let labels = service_of(domain).and_then(|labels| labels.strip_prefix(underscore(service)));
    labels.is_some_and(|labels| labels.eq_ignore_ascii_case(service))
}

/// Returns the underscore that comes before a service in the name of its records, unless it is
/// written already.
fn underscore(service: &str) -> &'static str {
    if service.starts_with('_') { "" } else { "_" }
}

/// The protocol label, between the service and its domain.
const UDP: &str = "._udp.";

/// Returns whether a service may be a part of a DNS name: its labels have letters, digits, hyphens
/// and underscores. Services files list others, too.
pub(super) fn fits(service: &str) -> bool {
    let is_label_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    service
        .bytes()
        .all(|byte| is_label_byte(byte) || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SRV-01, SRV-02, SRV-03
    #[test]
    fn the_query_name_has_the_protocol_and_one_underscore_added() {
        for (service, domain, name) in [
            ("stun", "contoso.com", "_stun._udp.contoso.com"),
            ("_stun", "contoso.com", "_stun._udp.contoso.com"),
            ("STUN", "contoso.com", "_stun._udp.contoso.com"),
            (
                "stun._service01",
                "contoso.com",
                "_stun._service01._udp.contoso.com",
            ),
            (
                "stun.service01",
                "contoso.com",
                "_stun.service01._udp.contoso.com",
            ),
            ("stun", "_stun._udp.contoso.com", "_stun._udp.contoso.com"),
            ("_Stun", "_stun._udp.contoso.com", "_stun._udp.contoso.com"),
            (
                "stun._service01",
                "_stun._service01._udp.contoso.com",
                "_stun._service01._udp.contoso.com",
            ),
            (
                "sip",
                "_stun._udp.contoso.com",
                "_sip._udp._stun._udp.contoso.com",
            ),
            (
                "stun",
                "stun._udp.contoso.com",
                "_stun._udp.stun._udp.contoso.com",
            ),
            ("stun", "_stun._udp", "_stun._udp._stun._udp"),
        ] {
            assert_eq!(query_name(service, domain), name, "{service} {domain}");
        }
    }

    /// SRV-16
    #[test]
    fn a_service_may_be_written_as_in_dns() {
        for (service, domain, expected) in [
            ("stun", "contoso.com", false),
            ("_stun", "contoso.com", true),
            ("stun._service01", "contoso.com", false),
            ("stun", "_stun._udp.contoso.com", true),
            ("STUN", "_stun._udp.contoso.com", true),
            ("sip", "_stun._udp.contoso.com", false),
            ("stun", "_stun._tcp.contoso.com", false),
        ] {
            let found = is_written_as_in_dns(service, domain);
            assert_eq!(found, expected, "{service} {domain}");
        }
        assert_eq!(service_of("_stun._udp.contoso.com"), Some("_stun"));
        assert_eq!(service_of("_a._b._udp.contoso.com"), Some("_a._b"));
        assert_eq!(service_of("contoso.com"), None);
    }

    /// SRV-05
    #[test]
    fn a_service_in_dns_has_letters_digits_hyphens_and_underscores() {
        for (service, expected) in [
            ("stun", true),
            ("stun._service01", true),
            ("a-b_c", true),
            ("whois++", false),
            ("914c/g", false),
            ("sql*net", false),
        ] {
            assert_eq!(fits(service), expected, "{service}");
        }
    }
}
