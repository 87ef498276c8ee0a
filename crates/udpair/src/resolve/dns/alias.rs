//! From a name to the end of its aliases (RFC 1034, section 3.6.2).
//!
//! Pure: works on the records of one answer.

use super::wire::{Record, RecordData};

/// A walk along the aliases of a name, over one answer or several.
#[derive(Debug)]
pub(super) struct AliasWalk {
    /// The name asked for, and every alias since.
    names: Vec<String>,
}

/// Why a walk has no end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Endless {
    /// An alias leads back to a name that was there before.
    Loop,
    /// There are more than [`HOPS_MAX`] aliases.
    TooLong,
}

impl AliasWalk {
    pub(super) fn from(name: &str) -> Self {
        Self {
            names: vec![name.to_owned()],
        }
    }

    /// Returns the name at which the walk stands.
    pub(super) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// Walks on as far as `records` lead; returns whether that was any step at all.
    pub(super) fn follow(&mut self, records: &[Record]) -> Result<bool, Endless> {
        let before = self.names.len();
        while let Some(alias) = alias_of(self.name(), records) {
            if self.names.iter().any(|name| name == alias) {
                return Err(Endless::Loop);
            }
            if self.names.len() > HOPS_MAX {
                return Err(Endless::TooLong);
            }
            self.names.push(alias.to_owned());
        }
        Ok(self.names.len() > before)
    }
}

fn alias_of<'a>(name: &str, records: &'a [Record]) -> Option<&'a str> {
    records.iter().find_map(|record| match &record.data {
        RecordData::Alias(alias) if record.owner == name => Some(alias.as_str()),
        _ => None,
    })
}

/// How many aliases are followed.
const HOPS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(pairs: &[(&str, &str)]) -> Vec<Record> {
        let record = |(owner, alias): &(&str, &str)| Record {
            owner: (*owner).into(),
            ttl: 0,
            data: RecordData::Alias((*alias).into()),
        };
        pairs.iter().map(record).collect()
    }

    fn chain(length: usize) -> Vec<Record> {
        let names: Vec<_> = (0..=length).map(|n| n.to_string()).collect();
        let pairs: Vec<_> = names
            .windows(2)
            .map(|w| (w[0].as_str(), w[1].as_str()))
            .collect();
        aliases(&pairs)
    }

    /// SRV-11
    #[test]
    fn a_walk_follows_eight_aliases_and_no_more() {
        let mut walk = AliasWalk::from("0");
        assert_eq!(walk.follow(&chain(8)), Ok(true));
        assert_eq!(walk.name(), "8");
        assert_eq!(
            AliasWalk::from("0").follow(&chain(9)),
            Err(Endless::TooLong)
        );
    }

    /// SRV-11
    #[test]
    fn a_loop_is_an_error() {
        let records = aliases(&[("a", "b"), ("b", "c"), ("c", "a")]);
        assert_eq!(AliasWalk::from("a").follow(&records), Err(Endless::Loop));
        let records = aliases(&[("a", "a")]);
        assert_eq!(AliasWalk::from("a").follow(&records), Err(Endless::Loop));
    }

    #[test]
    fn a_walk_goes_on_over_several_answers() {
        let mut walk = AliasWalk::from("a");
        assert_eq!(walk.follow(&aliases(&[("x", "y"), ("a", "b")])), Ok(true));
        assert_eq!(walk.name(), "b");
        assert_eq!(walk.follow(&aliases(&[("a", "b")])), Ok(false));
        assert_eq!(walk.follow(&aliases(&[("b", "a")])), Err(Endless::Loop));
    }
}
