//! The page for porting a program lists every member.

use std::fs;
use std::path::Path;

/// What the object model of Windows does not have.
const OWN: &[&str] = &[
    "Buffer::over",
    "Buffer::write_at",
    "Completer::complete",
    "Completer::on_cancel",
    "Completer::report",
    "DatagramSocket::begin_to_receive",
    "DatagramSocket::endpoint_pairs_by",
    "DatagramSocket::inner",
    "DatagramSocket::receive_by",
    "Error::as_udpair",
    "Error::new",
    "Error::raw_os_error",
    "Error::status",
    "EventToken::from_value",
    "InputStream::from_bytes",
    "InputStream::new",
    "InputStreamOptions::bits",
    "InputStreamOptions::contains",
    "MemoryBuffer::capacity",
    "MemoryBuffer::close",
    "MemoryBuffer::to_bytes",
    "MemoryBuffer::write_at",
    "MessageReceivedEventArgs::payload",
    "NetworkTypes::bits",
    "NetworkTypes::contains",
    "Operation::from_result",
    "Operation::pending",
    "Operation::ready",
    "Operation::refusal",
    "Operation::refused",
    "Operation::run",
    "Operation::run_with_progress",
    "Operation::start",
    "Operation::when_ended",
    "OutputStream::new",
    "OutputStream::try_write",
    "Reception::socket",
    "Reception::try_next",
    "Reporter::report",
];

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap()
}

/// Returns the functions and the inherent members in a list of the public API, as `Type::member`.
fn members(api: &str) -> Vec<String> {
    let mut members = Vec::new();
    // Members of a trait follow the line of the trait, or of its implementation.
    let mut is_inherent = true;
    for line in api.lines() {
        if line.starts_with("impl") {
            is_inherent = !line.contains(" for ");
        } else if line.starts_with("pub trait ") {
            is_inherent = false;
        }
        let line = line.replace("<T, P>::", "::").replace("<T>::", "::");
        let kinds = ["pub fn ", "pub const fn ", "pub const "];
        let declared = kinds.iter().find_map(|kind| line.strip_prefix(kind));
        if let Some(path) = declared.and_then(|rest| rest.strip_prefix("udpair_winrt::"))
            && is_inherent
        {
            let end = path.find(['(', '<', ' ']).unwrap_or(path.len());
            members.push(path[..end].trim_end_matches(':').to_owned());
        }
    }
    members
}

/// A member that a program of Windows may call is on the page, and what is not there is known.
#[test]
fn the_page_for_porting_lists_every_member() {
    let page = read("crates/udpair-winrt/src/porting.rs");
    let members = members(&read("docs/api/udpair-winrt.txt"));
    assert!(members.len() > 150, "{members:?}");
    let is_listed = |member: &String| page.contains(&format!("({member})"));
    let missing: Vec<_> = members
        .iter()
        .filter(|member| !is_listed(member) && !OWN.contains(&member.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    for own in OWN {
        let own = (*own).to_owned();
        assert!(members.contains(&own) && !is_listed(&own), "{own}");
    }
}
