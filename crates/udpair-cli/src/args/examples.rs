//! What follows the options in every help: examples, and the exit codes.

use clap::Command;

/// Adds the examples of each command.
pub(super) fn add(mut definition: Command) -> Command {
    let names: Vec<_> = definition
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    for name in names {
        let text = text(&name);
        definition = definition.mut_subcommand(name, |command| command.after_help(text));
    }
    let text = format!("{}\n{EXIT_CODES}", text(""));
    definition.after_help(text)
}

fn text(command: &str) -> String {
    let mut text = "Examples:\n".to_owned();
    for example in of(command) {
        text.push_str(&format!("  {example}\n"));
    }
    text
}

/// Returns three examples of a command, or of all.
fn of(command: &str) -> [&'static str; 3] {
    match command {
        "connect" => [
            "printf 'a\\nb\\n' | udpair connect 192.0.2.1 7",
            "udpair connect contoso.com echo --frame hex",
            "udpair connect localhost 5000 --linger 5s --json",
        ],
        "ask" => [
            "udpair ask localhost 5000 hello",
            "udpair ask 239.1.2.3 5000 hello --all",
            "date | udpair ask 192.0.2.1 5000 - --wait 250ms",
        ],
        "send" => [
            "udpair send localhost 5000 hello",
            "udpair send 192.0.2.1 9 --count 100 --rate 50pps",
            "udpair send 239.1.2.3%eth0 5000 hello",
        ],
        "listen" => [
            "udpair listen 5000",
            "udpair listen :5000 --echo --count 10",
            "udpair listen 5353 --share --join 224.0.0.251",
        ],
        "resolve" => [
            "udpair resolve contoso.com",
            "udpair resolve contoso.com stun --explain",
            "udpair resolve _sip._udp.example.com",
        ],
        "services" => [
            "udpair services",
            "udpair services ntp",
            "udpair services --services ./services --json",
        ],
        "adapters" => [
            "udpair adapters",
            "udpair adapters --watch",
            "udpair adapters --json",
        ],
        "demo" => [
            "udpair demo",
            "udpair demo --json",
            "udpair demo --engine portable",
        ],
        "completions" => [
            "udpair completions bash > ~/.udpair.bash",
            "udpair completions zsh > ~/.zfunc/_udpair",
            "udpair completions fish | source",
        ],
        "man" => [
            "udpair man | man -l -",
            "udpair man ask | man -l -",
            "udpair man > udpair.1",
        ],
        _ => [
            "udpair listen 5000 --echo",
            "udpair ask localhost 5000 hello",
            "udpair resolve contoso.com stun --explain",
        ],
    }
}

const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  other failure
    2  usage or invalid argument
    3  name not found
    4  cannot bind, no permission, or address in use
    5  no reply, or none from a name server
    6  refused or unreachable, or no route
    7  done, but datagrams were lost
    8  not supported on this system
  130  interrupted
  143  terminated";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ffi::OsString;

    use crate::args::Arguments;

    /// Every help has three examples of its own, which are valid and fit into 60 columns.
    #[test]
    fn every_command_has_three_valid_examples() {
        let definition = Arguments::documented();
        let mut seen = BTreeSet::new();
        for command in definition.get_subcommands().chain([&definition]) {
            let help = command.clone().render_help().to_string();
            let (_, examples) = help.split_once("Examples:\n").unwrap();
            let examples = examples.split("\n\n").next().unwrap();
            let lines: Vec<_> = examples.lines().collect();
            assert_eq!(lines.len(), 3, "{help}");
            for line in lines {
                assert!(line.len() <= 60, "{line}");
                let is_new = seen.insert(line.to_owned()) || command.get_name() == "udpair";
                assert!(is_new, "{line}");
                let (_, words) = line.split_once("udpair ").unwrap_or((line, ""));
                let words = words.split(['>', '|']).next().unwrap();
                let words: Vec<OsString> = ["udpair"]
                    .into_iter()
                    .chain(words.split_whitespace())
                    .map(Into::into)
                    .collect();
                if command.get_name() != "udpair" {
                    assert_eq!(words[1], command.get_name());
                }
                let parsed = Arguments::parse_from(words);
                assert!(parsed.is_ok(), "{line}: {parsed:?}");
            }
        }
    }
}
