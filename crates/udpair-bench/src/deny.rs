//! `udpair-bench deny RULE... -- PROGRAM ARGUMENT...`: executes a program on a system that refuses
//! some calls, as emulators, sandboxes and older kernels do.
//!
//! A rule is `CALL[:ARGUMENT...]=ERROR`, with numbers. `setsockopt:-:0:8=92` refuses one option
//! (`IP_PKTINFO` of `IPPROTO_IP`) with `ENOPROTOOPT`; a hyphen stands for any value.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::Result;
use crate::system::seccomp::{CALLS, Refusal, refuse};

/// Executes a program. Returns only if that fails.
pub(crate) fn execute(words: &[String]) -> Result<()> {
    let mut parts = words.splitn(2, |word| word == "--");
    let (Some(rules), Some([program, arguments @ ..])) = (parts.next(), parts.next()) else {
        return Err("usage: udpair-bench deny RULE... -- PROGRAM ARGUMENT...".into());
    };
    let refusals: Vec<_> = rules
        .iter()
        .map(|rule| parse(rule))
        .collect::<Result<_>>()?;
    refuse(&refusals)?;
    Err(Command::new(program).args(arguments).exec().into())
}

fn parse(rule: &str) -> Result<Refusal> {
    let wrong = || format!("{rule} is not CALL[:ARGUMENT...]=ERROR");
    let (call, error) = rule.split_once('=').ok_or_else(wrong)?;
    let mut words = call.split(':');
    let name = words.next().unwrap_or_default();
    let call = CALLS.iter().find(|(known, _)| *known == name);
    let (_, call) = call.ok_or_else(|| format!("there is no call {name} in the list"))?;
    let arguments = words
        .enumerate()
        .filter(|(_, value)| *value != "-")
        .map(|(number, value)| Ok((number, value.parse()?)))
        .collect::<Result<_>>()?;
    Ok(Refusal {
        call: *call,
        arguments,
        error: error.parse()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_a_call_arguments_and_an_error() {
        let refusal = parse("setsockopt:-:0:8=92").unwrap();
        assert_eq!(refusal.arguments, [(1, 0), (2, 8)]);
        assert_eq!(refusal.error, 92);
        assert_eq!(parse("recvmmsg=38").unwrap().arguments, []);
        for wrong in ["recvmmsg", "no-such-call=1", "socket:x=1", "socket=x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
