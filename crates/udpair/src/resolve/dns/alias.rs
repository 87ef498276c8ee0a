//! Follows the aliases (CNAME records) of a name to their end (RFC 1034, section 3.6.2).
//!
//! Pure: the aliases of a response are an argument.

/// A walk along the aliases of a name, over one or several responses.
#[derive(Debug)]
pub(super) struct AliasWalk<'n> {
    /// The queried name.
    first: &'n str,
    /// Every alias so far.
    aliases: Vec<String>,
}

/// The reason why a walk has no end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AliasError {
    /// An alias leads back to an earlier name.
    Loop,
    /// There are more than [`HOPS_MAX`] aliases.
    TooLong,
}

impl<'n> AliasWalk<'n> {
    pub(super) fn from(name: &'n str) -> Self {
        Self {
            first: name,
            aliases: Vec::new(),
        }
    }

    /// Returns the current name of the walk.
    pub(super) fn name(&self) -> &str {
        self.aliases.last().map_or(self.first, String::as_str)
    }

    /// Walks on as far as `alias_of` leads, and returns whether there was any alias.
    pub(super) fn follow<'a>(
        &mut self,
        alias_of: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<bool, AliasError> {
        let before = self.aliases.len();
        while let Some(alias) = alias_of(self.name()) {
            if alias == self.first || self.aliases.iter().any(|name| name == alias) {
                return Err(AliasError::Loop);
            }
            if self.aliases.len() >= HOPS_MAX {
                return Err(AliasError::TooLong);
            }
            self.aliases.push(alias.to_owned());
        }
        Ok(self.aliases.len() > before)
    }
}

/// The number of aliases that are followed.
const HOPS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(walk: &mut AliasWalk<'_>, pairs: &[(&str, &str)]) -> Result<bool, AliasError> {
        walk.follow(|name| {
            pairs
                .iter()
                .find(|(owner, _)| *owner == name)
                .map(|(_, alias)| *alias)
        })
    }

    fn follow_chain(length: usize) -> (AliasWalk<'static>, Result<bool, AliasError>) {
        let names: Vec<_> = (0..=length).map(|n| n.to_string()).collect();
        let pairs: Vec<_> = names
            .windows(2)
            .map(|w| (w[0].as_str(), w[1].as_str()))
            .collect();
        let mut walk = AliasWalk::from("0");
        let followed = follow(&mut walk, &pairs);
        (walk, followed)
    }

    /// SRV-11
    #[test]
    fn a_walk_follows_eight_aliases_and_no_more() {
        let (walk, followed) = follow_chain(8);
        assert_eq!((walk.name(), followed), ("8", Ok(true)));
        assert_eq!(follow_chain(9).1, Err(AliasError::TooLong));
    }

    /// SRV-11
    #[test]
    fn a_loop_is_an_error() {
        for pairs in [&[("a", "b"), ("b", "c"), ("c", "a")] as &[_], &[("a", "a")]] {
            assert_eq!(
                follow(&mut AliasWalk::from("a"), pairs),
                Err(AliasError::Loop)
            );
        }
    }

    #[test]
    fn a_walk_continues_over_several_responses() {
        let mut walk = AliasWalk::from("a");
        assert_eq!(follow(&mut walk, &[("x", "y"), ("a", "b")]), Ok(true));
        assert_eq!(walk.name(), "b");
        assert_eq!(follow(&mut walk, &[("a", "b")]), Ok(false));
        assert_eq!(follow(&mut walk, &[("b", "a")]), Err(AliasError::Loop));
    }
}
