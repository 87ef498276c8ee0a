//! The options after a role: `--name value`, parsed into their types.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Result;

/// The options of all roles. Each role reads those that it needs.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    /// The length of each datagram, in bytes.
    pub(crate) bytes: u16,
    pub(crate) time: Duration,
    pub(crate) in_flight: usize,
    /// The number of sockets, destinations or connects.
    pub(crate) count: usize,
    /// How long the application works on each received datagram.
    pub(crate) work: Duration,
    /// The core to run on; `None` leaves the choice to the system.
    pub(crate) core: Option<usize>,
    /// Whether to run with priority over ordinary processes; only root may.
    pub(crate) is_urgent: bool,
}

impl Options {
    /// Parses the options, and returns them with the words after `--`.
    pub(crate) fn parse(words: &[String]) -> Result<(Self, Vec<String>)> {
        let mut options = Self {
            local: None,
            remote: None,
            bytes: 64,
            time: Duration::from_millis(700),
            in_flight: 1,
            count: 0,
            work: Duration::ZERO,
            core: None,
            is_urgent: false,
        };
        let mut words = words.iter();
        while let Some(name) = words.next() {
            if name == "--" {
                break;
            }
            if name == "--urgent" {
                options.is_urgent = true;
                continue;
            }
            let value = words
                .next()
                .ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = |why: &dyn std::fmt::Display| format!("{name} {value}: {why}");
            match name.as_str() {
                "--local" => options.local = Some(value.parse().map_err(|why| wrong(&why))?),
                "--remote" => options.remote = Some(value.parse().map_err(|why| wrong(&why))?),
                "--bytes" => options.bytes = value.parse().map_err(|why| wrong(&why))?,
                "--in-flight" => options.in_flight = value.parse().map_err(|why| wrong(&why))?,
                "--count" => options.count = value.parse().map_err(|why| wrong(&why))?,
                "--work" => {
                    let micros = value.parse().map_err(|why| wrong(&why))?;
                    options.work = Duration::from_micros(micros);
                }
                "--core" => options.core = Some(value.parse().map_err(|why| wrong(&why))?),
                "--seconds" => {
                    let seconds = value.parse().map_err(|why| wrong(&why))?;
                    options.time =
                        Duration::try_from_secs_f64(seconds).map_err(|why| wrong(&why))?;
                }
                _ => return Err(format!("there is no option {name}").into()),
            }
        }
        Ok((options, words.cloned().collect()))
    }

    pub(crate) fn local(&self) -> Result<SocketAddr> {
        self.local.ok_or_else(|| "this needs --local".into())
    }

    pub(crate) fn remote(&self) -> Result<SocketAddr> {
        self.remote.ok_or_else(|| "this needs --remote".into())
    }

    /// Returns both ends of a connected socket.
    pub(crate) fn ends(&self) -> Result<crate::peer::Ends> {
        Ok(crate::peer::Ends {
            local: self.local()?,
            remote: self.remote()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(Options, Vec<String>)> {
        let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn options_are_parsed_into_their_types_and_end_at_two_dashes() {
        let (options, rest) = parse("--bytes 1200 --seconds 0.5 --urgent -- node a.js").unwrap();
        assert_eq!(options.bytes, 1200);
        assert_eq!(options.time, Duration::from_millis(500));
        assert!(options.is_urgent);
        assert_eq!(rest, ["node", "a.js"]);
    }

    #[test]
    fn an_error_names_the_wrong_option() {
        for (text, named) in [
            ("--bytes many", "--bytes many"),
            ("--bytes", "--bytes"),
            ("--speed 1", "--speed"),
            ("--seconds -1", "--seconds -1"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
