//! SRV records: which hosts offer a service, and in which order to try them (RFC 2782).
//!
//! Pure: the dice come in as an argument.

/// One SRV record of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SrvRecord {
    /// Lower values first.
    pub priority: u16,
    /// The share of the tries among records of one priority.
    pub weight: u16,
    /// The port of the service on the target.
    pub port: u16,
    /// The host that offers the service, in lower-case A-labels; empty for the root, which means that
    /// nobody does.
    pub target: String,
    /// How long the record holds, in seconds.
    pub ttl: u32,
}

/// Returns the name that the SRV records of `service` at `domain` have.
///
/// The protocol label and the first underscore are added here; a service of several labels
/// (`stun._service01`) keeps the others as they are.
pub(super) fn query_name(service: &str, domain: &str) -> String {
    let underscore = if service.starts_with('_') { "" } else { "_" };
    format!("{underscore}{service}._udp.{domain}").to_ascii_lowercase()
}

/// Returns the records that can be used, in the order in which to try them; none if the domain says
/// that it does not offer the service.
///
/// A lone record with the root as target says so. Among others such a record is ignored, as is one
/// with port 0. `roll(n)` returns a number between 0 and n, both included, each as likely as any.
pub(super) fn order(records: Vec<SrvRecord>, roll: &dyn Fn(u64) -> u64) -> Vec<SrvRecord> {
    let mut waiting: Vec<_> = records
        .into_iter()
        .filter(|record| !record.target.is_empty() && record.port != 0)
        .collect();
    // Records of weight 0 go first within their priority, so that they have a small chance (RFC 2782,
    // "Weight"); the sort is stable, so that equal records keep the server's order.
    waiting.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(first) = waiting.first() {
        let group = waiting
            .iter()
            .take_while(|record| record.priority == first.priority);
        let weights: Vec<u64> = group.map(|record| record.weight.into()).collect();
        ordered.push(waiting.remove(pick(&weights, roll)));
    }
    ordered
}

/// Picks one of `weights`: the first whose running sum reaches the number rolled.
fn pick(weights: &[u64], roll: &dyn Fn(u64) -> u64) -> usize {
    if weights.len() < 2 {
        return 0;
    }
    let rolled = roll(weights.iter().sum());
    let mut sum = 0;
    weights
        .iter()
        .position(|weight| {
            sum += weight;
            sum >= rolled
        })
        // Dice that roll more than asked pick the last.
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
        ] {
            assert_eq!(query_name(service, domain), name);
        }
    }

    /// SRV-10: the vectors of the model for weights 0, 10 and 30.
    #[test]
    fn the_number_rolled_picks_by_running_sums() {
        for rolled in 0..=40 {
            let expected = match rolled {
                0 => 0,
                1..=10 => 1,
                _ => 2,
            };
            assert_eq!(pick(&[0, 10, 30], &|_| rolled), expected, "{rolled}");
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
        let rolls = RefCell::new(Vec::new());
        let ordered = order(records.clone(), &|most| {
            rolls.borrow_mut().push(most);
            most
        });
        assert_eq!(targets(&ordered), ["light", "heavy", "never", "late"]);
        // The sums shrink with what was taken, and who stands alone is not rolled for.
        assert_eq!(rolls.into_inner(), [40, 30]);

        let ordered = order(records, &|_| 0);
        assert_eq!(targets(&ordered), ["never", "heavy", "light", "late"]);
    }

    /// SRV-10
    #[test]
    fn tries_are_shared_out_by_weight() {
        let records = [record(1, 1, "a"), record(1, 3, "b")];
        let mut first = [0_u32; 2];
        for rolled in 0..=4 {
            let ordered = order(records.to_vec(), &|_| rolled);
            first[usize::from(ordered[0].target == "b")] += 1;
        }
        // RFC 2782 rolls from 0 to the sum, both included: 0 and 1 are a's.
        assert_eq!(first, [2, 3]);
    }

    /// SRV-09, SRV-12
    #[test]
    fn the_root_and_port_0_are_no_targets() {
        assert!(order(vec![record(0, 0, "")], &|_| 0).is_empty());
        let mut without_port = record(0, 0, "no-port");
        without_port.port = 0;
        let ordered = order(
            vec![record(0, 0, ""), without_port, record(9, 0, "host")],
            &|_| 0,
        );
        assert_eq!(targets(&ordered), ["host"]);
    }

    #[test]
    fn five_hundred_records_keep_their_number() {
        let records: Vec<_> = (0..500).map(|n| record(n % 7, n, &n.to_string())).collect();
        let ordered = order(records, &|most| most / 2);
        assert_eq!(ordered.len(), 500);
        assert!(ordered.is_sorted_by_key(|record| record.priority));
    }
}
