//! Internationalized names (UTS 46), by the `idna` crate.

use std::borrow::Cow;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use super::a_label::is_a_label;

/// Returns the A-labels of `name`; otherwise the reason why it has none.
pub(super) fn to_ascii(name: &str) -> Result<Cow<'_, str>, &'static str> {
    a_labels(name).ok_or("it violates the rules for internationalized names (UTS 46)")
}

/// Returns the display form of `name`.
pub(super) fn display(name: &str) -> String {
    let labels: Vec<_> = name.split('.').map(display_label).collect();
    labels.join(".")
}

fn display_label(typed: &str) -> String {
    if typed.is_ascii() && !is_a_label(typed) {
        return typed.to_owned();
    }
    let (decoded, result) =
        Uts46::new().to_unicode(typed.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
    if result.is_err() {
        return typed.to_owned();
    }
    let differs_in_ascii_case_only = typed.chars().count() == decoded.chars().count()
        && typed
            .chars()
            .zip(decoded.chars())
            .all(|(a, b)| a.eq_ignore_ascii_case(&b));
    // What is shown can be read back. Some A-labels decode to a text that is not a label itself.
    if differs_in_ascii_case_only || a_labels(typed) != a_labels(&decoded) {
        typed.to_owned()
    } else {
        decoded.into_owned()
    }
}

/// Returns the A-labels of `name`; `None` if it violates UTS 46.
fn a_labels(name: &str) -> Option<Cow<'_, str>> {
    let uts46 = Uts46::new();
    let deny = AsciiDenyList::EMPTY;
    let ascii = uts46.to_ascii(
        name.as_bytes(),
        deny,
        Hyphens::CheckFirstLast,
        DnsLength::Ignore,
    );
    ascii.ok()
}
