//! What the definition of the command line gives: help, completions and manual pages; and colours.

use std::process::{Command, Stdio};

use crate::run::{Finished, command, udpair};

const COMMANDS: &[&str] = &[
    "connect",
    "ask",
    "send",
    "listen",
    "resolve",
    "services",
    "adapters",
    "demo",
    "completions",
    "man",
];

#[test]
fn every_help_has_three_examples() {
    for command in COMMANDS.iter().map(Some).chain([None]) {
        for flag in ["-h", "--help"] {
            let arguments: Vec<_> = command.copied().into_iter().chain([flag]).collect();
            let help = udpair(&arguments).stdout;
            let (_, examples) = help
                .split_once("Examples:\n")
                .unwrap_or_else(|| panic!("{help}"));
            let lines = examples.lines().take_while(|line| !line.is_empty());
            assert_eq!(lines.count(), 3, "{help}");
        }
    }
    assert!(udpair(&["--help"]).stdout.contains("  7  done, but"));
}

/// Completions know the commands and options, and only those that a command uses.
#[test]
fn completions_are_valid() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let finished = udpair(&["completions", shell]);
        assert_eq!(finished.code, 0, "{finished:?}");
        for word in COMMANDS.iter().chain(&["multicast-hops"]) {
            assert!(finished.stdout.contains(word), "{shell} {word}");
        }
    }
    let script = udpair(&["completions", "bash"]).stdout;
    let test = r#"
        COMP_WORDS=(udpair resolve --); COMP_CWORD=2; _udpair udpair -- resolve
        echo "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash")
        .args(["-c", &format!("{script}\n{test}")])
        .output();
    let Ok(output) = output else { return };
    let finished = Finished::from(output);
    for (word, is_offered) in [("--explain", true), ("--dns", true), ("--hops", false)] {
        let words: Vec<_> = finished.stdout.split_whitespace().collect();
        assert_eq!(words.contains(&word), is_offered, "{word}: {finished:?}");
    }
    assert_eq!(udpair(&["completions", "csh"]).code, 2);
}

#[test]
fn every_command_has_a_manual_page() {
    let page = udpair(&["man"]);
    assert_eq!(page.code, 0, "{page:?}");
    for part in [
        ".TH udpair 1",
        "udpair\\-ask(1)",
        "name not found",
        "Examples",
    ] {
        assert!(page.stdout.contains(part), "{part}: {}", page.stdout);
    }
    for command in COMMANDS {
        let page = udpair(&["man", command]);
        assert_eq!(page.code, 0, "{page:?}");
        assert!(
            page.stdout.contains(&format!(".TH udpair-{command} 1")),
            "{page:?}"
        );
    }
    let ask = udpair(&["man", "ask"]).stdout;
    assert!(ask.contains("retries") && ask.contains("hops"), "{ask}");
    assert!(!udpair(&["man", "resolve"]).stdout.contains("hops"));
    assert_eq!(udpair(&["man", "nonsense"]).code, 2);
}

/// A pipe has no colours unless they are forced, and `NO_COLOR` forbids them.
#[test]
fn colours_follow_the_environment() {
    for (variables, is_colored) in [
        (&[] as &[(&str, &str)], false),
        (&[("CLICOLOR_FORCE", "1")], true),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
    ] {
        for arguments in [&["ask", "127.0.0.1", "0"] as &[_], &["nonsense"]] {
            let output = command(arguments)
                .env_remove("NO_COLOR")
                .env_remove("CLICOLOR_FORCE")
                .envs(variables.iter().copied())
                .stdin(Stdio::null())
                .output();
            let finished = Finished::from(output.unwrap());
            assert_eq!(finished.code, 2);
            let has_colors = finished.stderr.contains("\u{1b}[");
            assert_eq!(has_colors, is_colored, "{variables:?}: {finished:?}");
        }
        let mut json = command(&["ask", "127.0.0.1", "0", "--json"]);
        let output = json.envs(variables.iter().copied()).output();
        let finished = Finished::from(output.unwrap());
        assert!(!finished.stdout.contains('\u{1b}'), "{finished:?}");
    }
}
