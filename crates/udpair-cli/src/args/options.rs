//! Which of the global options a command uses. The others are refused, and its help has no word of
//! them.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

/// Hides, in every command, the options that it does not use.
pub(super) fn hide_unused(mut definition: Command) -> Command {
    // Options that are defined in a command are not inherited by it.
    let globals: Vec<_> = definition
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .cloned()
        .collect();
    let names: Vec<_> = definition
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    for name in names {
        let hidden = globals
            .iter()
            .filter(|argument| !uses(&name, argument.get_id().as_str()))
            .map(|argument| argument.clone().hide(true));
        let hidden: Vec<_> = hidden.collect();
        definition = definition.mut_subcommand(name, |command| command.args(hidden));
    }
    definition
}

/// Returns the definition with, in every command, the options that it uses and no others.
pub(crate) fn with_used_only(mut definition: Command) -> Command {
    let globals: Vec<_> = definition
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .map(|argument| argument.clone().global(false))
        .collect();
    let names: Vec<_> = definition
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    definition = definition.mut_args(|argument| argument.global(false));
    for name in names {
        let used = globals
            .iter()
            .filter(|argument| uses(&name, argument.get_id().as_str()));
        let used: Vec<_> = used.cloned().collect();
        definition = definition.mut_subcommand(name, |command| command.args(used));
    }
    definition
}

/// Returns the flag of an option that was given to a command which does not use it.
pub(super) fn unused(definition: &Command, matches: &ArgMatches) -> Option<(String, String)> {
    let (name, given) = matches.subcommand()?;
    let mut globals = definition
        .get_arguments()
        .filter(|argument| argument.is_global_set());
    let unused = globals.find(|argument| {
        let id = argument.get_id().as_str();
        !uses(name, id) && given.value_source(id) == Some(ValueSource::CommandLine)
    })?;
    let flag = match (unused.get_long(), unused.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some(short)) => format!("-{short}"),
        (None, None) => unused.get_id().to_string(),
    };
    Some((name.to_owned(), flag))
}

/// Whether a command uses a global option.
fn uses(command: &str, option: &str) -> bool {
    let is_output = OUTPUT.contains(&option);
    match command {
        "connect" | "ask" | "send" => true,
        // With --echo it sends too.
        "listen" => !matches!(option, "local" | "srv"),
        "resolve" => is_output || NAMES.contains(&option),
        "services" => is_output || matches!(option, "services" | "timeout"),
        "demo" => is_output || option == "engine",
        "adapters" => is_output,
        _ => false,
    }
}

/// The options about names and addresses.
const NAMES: &[&str] = &["ipv4", "ipv6", "dns", "services", "srv", "timeout"];

/// The options about what is printed.
const OUTPUT: &[&str] = &["json", "verbose", "quiet"];

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Arguments;

    /// The ids above are those of the definition, and every command is known above.
    #[test]
    fn options_and_commands_exist() {
        let definition = Arguments::command();
        for id in NAMES.iter().chain(OUTPUT).chain(&["local", "engine"]) {
            let found = definition
                .get_arguments()
                .find(|argument| argument.get_id() == id);
            assert!(found.is_some_and(clap::Arg::is_global_set), "{id}");
        }
    }

    #[test]
    fn the_help_of_a_command_has_the_options_that_it_uses() {
        for definition in [
            hide_unused(Arguments::command()),
            with_used_only(Arguments::command()),
        ] {
            for (command, used, unused) in [
                ("resolve", "--dns", "--hops"),
                ("listen", "--hops", "--srv"),
                ("ask", "--local", "--join"),
                ("services", "--timeout", "--dns"),
                ("adapters", "--json", "--timeout"),
            ] {
                let mut definition = definition.clone();
                definition.build();
                let found = definition.find_subcommand_mut(command).unwrap();
                let help = found.render_long_help().to_string();
                assert!(
                    help.contains(used) && !help.contains(unused),
                    "{command}: {help}"
                );
            }
        }
    }
}
