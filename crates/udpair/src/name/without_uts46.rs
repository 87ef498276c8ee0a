//! What stands in the place of `uts46` in a build without the feature `idna`: names that are not
//! ASCII are refused, and A-labels are kept as they are written.

use std::borrow::Cow;

/// Returns `name` in lower case; otherwise the reason why it is not a name here.
pub(super) fn to_ascii(name: &str) -> Result<Cow<'_, str>, &'static str> {
    match name.is_ascii() {
        true => Ok(name.to_ascii_lowercase().into()),
        false => Err(
            "it has a character that is not ASCII, and udpair was built without its feature \
             \"idna\"; write the name with A-labels (xn--), or enable that feature",
        ),
    }
}

/// Returns the display form of `name`: what was typed, since what it would be decoded to could not
/// be read back.
pub(super) fn display(name: &str) -> String {
    name.to_owned()
}
