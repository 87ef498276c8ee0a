//! Colours of text, and when there are any.

use std::env;
use std::ffi::OsString;

/// What a colour says about a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Color {
    Problem,
    Hint,
    /// What is about the result, and not the result itself.
    Metadata,
}

impl Color {
    /// Returns the parameters of the terminal's sequence (ECMA-48, SGR).
    fn parameters(self) -> &'static str {
        match self {
            Self::Problem => "1;31",
            Self::Hint => "33",
            Self::Metadata => "2",
        }
    }
}

/// Whether a stream is coloured: never with `NO_COLOR` (no-color.org), always with
/// `CLICOLOR_FORCE`, and otherwise on terminals that have colours.
pub(crate) fn is_wanted(is_terminal: bool) -> bool {
    decide(is_terminal, |name| env::var_os(name))
}

fn decide(is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    if is_set("NO_COLOR") {
        return false;
    }
    if is_set("CLICOLOR_FORCE") && variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    is_terminal && variable("TERM").is_none_or(|value| value != "dumb")
}

/// Returns `text` in a colour.
pub(crate) fn paint(is_colored: bool, color: Color, text: &str) -> String {
    if is_colored {
        format!("\x1b[{}m{text}\x1b[0m", color.parameters())
    } else {
        text.to_owned()
    }
}

/// Begins a colour.
pub(crate) fn begin(is_colored: bool, color: Color, text: &mut Vec<u8>) {
    if is_colored {
        text.extend_from_slice(b"\x1b[");
        text.extend_from_slice(color.parameters().as_bytes());
        text.push(b'm');
    }
}

/// Ends a colour.
pub(crate) fn end(is_colored: bool, text: &mut Vec<u8>) {
    if is_colored {
        text.extend_from_slice(b"\x1b[0m");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_terminals_decide_about_colours() {
        for (variables, on_terminal, in_pipe) in [
            (&[] as &[(&str, &str)], true, false),
            (&[("NO_COLOR", "1")], false, false),
            (&[("NO_COLOR", "")], true, false),
            (&[("CLICOLOR_FORCE", "1")], true, true),
            (&[("CLICOLOR_FORCE", "0")], true, false),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false, false),
            (&[("TERM", "dumb")], false, false),
            (&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], true, true),
        ] {
            let variable = |name: &str| {
                let mut all = variables.iter();
                all.find(|(other, _)| *other == name)
                    .map(|(_, value)| (*value).into())
            };
            assert_eq!(decide(true, variable), on_terminal, "{variables:?}");
            assert_eq!(decide(false, variable), in_pipe, "{variables:?}");
        }
    }
}
