//! The words after `cargo xtask bench`.

use std::path::PathBuf;

/// What is to be measured, and what becomes of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// Beginnings of names; none is all.
    pub(crate) workloads: Vec<String>,
    /// Names of peers; none is all.
    pub(crate) against: Vec<String>,
    pub(crate) repetitions: u32,
    /// How long each flood takes.
    pub(crate) seconds: f64,
    pub(crate) save: Option<PathBuf>,
    pub(crate) compare: Option<PathBuf>,
    /// Whether to leave the scheduling policy alone.
    pub(crate) is_plain: bool,
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
        let wrong = || format!("{name} does not take {value}");
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

  --workload W1,w2-64  beginnings of workloads; default: all
  --against raw,tokio  peers beside our own; default: all that can run here
  --repetitions N      of every measurement; default: 5
  --seconds S          that each takes; default: 0.7
  --save FILE.json     keep what was measured
  --compare FILE.json  with what was kept; fails if we have become clearly slower
  --plain              leave the scheduling policy alone, also as root
  --instructions       count instructions of pure parts instead (valgrind)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_have_types() {
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
    fn what_is_wrong_is_named() {
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
