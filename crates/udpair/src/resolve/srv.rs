//! SRV records: which hosts offer a service, and in which order to try them (RFC 2782).
//!
//! Pure: the random number generator is an argument.

use std::net::IpAddr;

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

/// Returns why a record cannot be used; `None` if it can.
///
/// The names of targets come from DNS, which allows any bytes in them. So they are not checked as
/// names that people write are.
pub(super) fn reason_to_skip(record: &SrvRecord) -> Option<&'static str> {
    if record.target.is_empty() {
        Some("its target is the root, which is no host")
    } else if record.port == 0 {
        Some("its port is 0")
    } else if is_address(&record.target) {
        Some("its target is an address, and not the name of a host (RFC 2782)")
    } else {
        None
    }
}

fn is_address(target: &str) -> bool {
    // The last character shows of most names that they are none.
    target.ends_with(|last: char| last.is_ascii_hexdigit() || last == ':')
        && target.parse::<IpAddr>().is_ok()
}

/// Returns the usable records in the order in which to try them; empty if the domain says that it
/// does not offer the service.
///
/// The domain says so with a single record that has the root as its target. `rng(n)` returns a
/// number from 0 to n, both included, with equal probability.
pub(super) fn order(records: Vec<SrvRecord>, rng: &dyn Fn(u64) -> u64) -> Vec<SrvRecord> {
    let mut remaining: Vec<_> = records
        .into_iter()
        .filter(|record| reason_to_skip(record).is_none())
        .collect();
    // Records of weight 0 go first within their priority, so that they have a small chance (RFC
    // 2782, "Weight"); the sort is stable, so that equal records keep the server's order.
    remaining.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut ordered = Vec::with_capacity(remaining.len());
    while let Some(first) = remaining.first() {
        let group = remaining
            .iter()
            .take_while(|record| record.priority == first.priority);
        let weights: Vec<u64> = group.map(|record| record.weight.into()).collect();
        ordered.push(remaining.remove(pick(&weights, rng)));
    }
    ordered
}

/// Picks one of `weights` and returns its index: the first whose running sum reaches the random
/// number.
fn pick(weights: &[u64], rng: &dyn Fn(u64) -> u64) -> usize {
    if weights.len() < 2 {
        return 0;
    }
    let random = rng(weights.iter().sum());
    let mut sum = 0;
    weights
        .iter()
        .position(|weight| {
            sum += weight;
            sum >= random
        })
        // A generator that exceeds its range picks the last record.
        .unwrap_or(weights.len() - 1)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn record(priority: u16, weight: u16, target: &str) -> SrvRecord {
        SrvRecord {
            priority,
            weight,
            port: 9,
            target: target.into(),
            ttl: 60,
        }
    }

    fn targets(records: &[SrvRecord]) -> Vec<&str> {
        records
            .iter()
            .map(|record| record.target.as_str())
            .collect()
    }

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

    /// SRV-10: the vectors of the model for weights 0, 10 and 30.
    #[test]
    fn the_random_number_picks_by_running_sums() {
        for random in 0..=40 {
            let expected = match random {
                0 => 0,
                1..=10 => 1,
                _ => 2,
            };
            assert_eq!(pick(&[0, 10, 30], &|_| random), expected, "{random}");
        }
        assert_eq!(pick(&[0, 10, 30], &|_| u64::MAX), 2);
    }

    /// SRV-10
    #[test]
    fn lower_priority_values_go_first_and_weights_decide_within() {
        let records = vec![
            record(20, 5, "late"),
            record(10, 30, "heavy"),
            record(10, 0, "never"),
            record(10, 10, "light"),
        ];
        let ranges = RefCell::new(Vec::new());
        let ordered = order(records.clone(), &|max| {
            ranges.borrow_mut().push(max);
            max
        });
        assert_eq!(targets(&ordered), ["light", "heavy", "never", "late"]);
        // The sum shrinks with each picked record, and the last record of a priority needs no
        // random number.
        assert_eq!(ranges.into_inner(), [40, 30]);

        let ordered = order(records, &|_| 0);
        assert_eq!(targets(&ordered), ["never", "heavy", "light", "late"]);
    }

    /// SRV-10
    #[test]
    fn first_tries_are_distributed_by_weight() {
        let records = [record(1, 1, "a"), record(1, 3, "b")];
        let mut first = [0_u32; 2];
        for random in 0..=4 {
            let ordered = order(records.to_vec(), &|_| random);
            first[usize::from(ordered[0].target == "b")] += 1;
        }
        // RFC 2782 picks a number from 0 to the sum, both included: 0 and 1 select a.
        assert_eq!(first, [2, 3]);
    }

    /// SRV-09, SRV-12
    #[test]
    fn records_that_lead_to_no_host_are_not_used() {
        assert!(order(vec![record(0, 0, "")], &|_| 0).is_empty());
        let mut without_port = record(0, 0, "no-port");
        without_port.port = 0;
        let records = vec![
            record(0, 0, ""),
            without_port,
            record(0, 0, "192.0.2.1"),
            record(0, 0, "2001:db8::1"),
            record(9, 0, "host"),
        ];
        let reasons: Vec<_> = records.iter().map(reason_to_skip).collect();
        for (reason, part) in reasons.iter().zip(["root", "port", "address", "address"]) {
            assert!(
                reason.is_some_and(|reason| reason.contains(part)),
                "{reasons:?}"
            );
        }
        assert_eq!(targets(&order(records, &|_| 0)), ["host"]);
    }

    /// SRV-11: names that DNS sends are not judged by the grammar of names that people write.
    #[test]
    fn any_name_may_be_a_target() {
        for target in [
            "under_score.test",
            "-hyphen-.test",
            "a\\032b.test",
            "256.1.1.1",
            "1.2.3",
            "host.1",
            "xn--a.test",
            "a\\.b.test",
            "*.test",
        ] {
            assert_eq!(reason_to_skip(&record(0, 0, target)), None, "{target}");
        }
    }

    #[test]
    fn five_hundred_records_are_all_returned() {
        let records: Vec<_> = (0..500).map(|n| record(n % 7, n, &n.to_string())).collect();
        let ordered = order(records, &|max| max / 2);
        assert_eq!(ordered.len(), 500);
        assert!(ordered.is_sorted_by_key(|record| record.priority));
    }
}
