//! What tells a label that stands for one in Unicode from others.

/// Returns whether a label is an A-label (RFC 5890, section 2.3.2.1).
pub(super) fn is_a_label(label: &str) -> bool {
    let start = label.get(..4);
    start.is_some_and(|start| start.eq_ignore_ascii_case("xn--"))
}
