//! Which SRV records of a response can be used, and in which order to try their hosts (RFC 2782).
//!
//! Pure: the random number generator is an argument.

use std::net::IpAddr;

use crate::resolve::srv::SrvRecord;

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
