//! The arguments of `cargo xtask bench`.

use std::path::PathBuf;

/// What to measure, and what to do with the results.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// Prefixes of workload names; empty for all workloads.
    pub(crate) workloads: Vec<String>,
    /// Names of peers; empty for all peers.
    pub(crate) against: Vec<String>,
    pub(crate) repetitions: u32,
    /// The duration of each measurement, in seconds.
    pub(crate) seconds: f64,
    pub(crate) save: Option<PathBuf>,
    pub(crate) compare: Option<PathBuf>,
    /// Whether to keep the scheduling policy, also as root.
    pub(crate) is_plain: bool,
    /// Whether to count instructions instead of measuring.
    pub(crate) counts_instructions: bool,
}

impl Arguments {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut arguments = Self {
            workloads: Vec::new(),
            against: Vec::new(),
            repetitions: 5,
            seconds: 0.7,
            save: None,
            compare: None,
            is_plain: false,
            counts_instructions: false,
        };
        let mut words = words.iter();
        while let Some(&name) = words.next() {
            match name {
                "--plain" => arguments.is_plain = true,
                "--instructions" => arguments.counts_instructions = true,
                _ => {
                    let value = words
                        .next()
                        .ok_or_else(|| format!("{name} needs a value"))?;
                    arguments.set(name, value)?;
                }
            }
        }
        Ok(arguments)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let list = || value.split(',').map(str::to_lowercase).collect();
        let wrong = || format!("{name} does not accept {value}");
        match name {
            "--workload" => self.workloads = list(),
            "--against" => self.against = list(),
            "--repetitions" => {
                let number: Option<u32> = value.parse().ok();
                self.repetitions = number.filter(|number| *number > 0).ok_or_else(wrong)?;
            }
            "--seconds" => {
                let seconds: Option<f64> = value.parse().ok();
                let fits = |seconds: &f64| (0.01..=60.0).contains(seconds);
                self.seconds = seconds.filter(fits).ok_or_else(wrong)?;
            }
            "--save" => self.save = Some(value.into()),
            "--compare" => self.compare = Some(value.into()),
            _ => return Err(format!("there is no option {name}")),
        }
        Ok(())
    }
}

pub(crate) const USAGE: &str = "usage: cargo xtask bench [OPTIONS]

  --workload W1,w2-64  prefixes of workload names; default: all workloads
  --against raw,tokio  peers to compare udpair with; default: all that can run here
  --repetitions N      repetitions of every measurement; default: 5
  --seconds S          duration of every measurement; default: 0.7
  --save FILE.json     save the results
  --compare FILE.json  compare with saved results; fails if udpair has become clearly slower
  --plain              keep the scheduling policy, also as root
  --instructions       count the instructions of microbenchmarks instead (valgrind)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_parsed_into_their_types() {
        let words = [
            "--workload",
            "W1,w3",
            "--repetitions",
            "2",
            "--seconds",
            "0.1",
            "--plain",
        ];
        let arguments = Arguments::parse(&words).unwrap();
        assert_eq!(arguments.workloads, ["w1", "w3"]);
        assert_eq!((arguments.repetitions, arguments.seconds), (2, 0.1));
        assert!(arguments.is_plain);
        assert_eq!(arguments.save, None);
    }

    #[test]
    fn an_error_names_the_wrong_argument() {
        for words in [
            ["--repetitions", "0"],
            ["--seconds", "1000"],
            ["--seconds", "NaN"],
            ["--speed", "1"],
        ] {
            let why = Arguments::parse(&words).unwrap_err();
            assert!(why.contains(words[0]), "{words:?}: {why}");
        }
        assert!(Arguments::parse(&["--save"]).is_err());
    }
}
