//! The public API, as `cargo xtask api` lists it: every type in it has a name for its users, and
//! its types are either records with fields or objects with methods.

use std::collections::BTreeSet;
use std::fs;

use crate::sources::root;

/// The crates that are published, each after those that it uses.
const CRATES: &[&str] = &["udpair-io", "udpair", "udpair-quinn", "udpair-winrt"];

/// Records whose fields are all known: programs make them field by field, or their layout is fixed.
const COMPLETE: &[&str] = &[
    "udpair::data::Guid",
    "udpair_io::Destination",
    "udpair_io::Membership",
    "udpair_io::Outgoing",
    "udpair_io::PacketHeader",
    "udpair_io::Run",
    "udpair_io::Source",
];

/// A program that depends on one crate only can name every type that it meets there: those of our
/// other crates are exported again, and so is what their methods return.
#[test]
fn every_type_in_a_public_signature_can_be_named() {
    let mut unnamed = Vec::new();
    for (at, name) in CRATES.iter().enumerate() {
        let own = lines(name);
        let exported = Exports::of(name, &own);
        for other in &CRATES[..at] {
            if exported.crates.contains(*other) {
                continue;
            }
            let prefix = format!("{}::", ident(other));
            let is_unnamed = |found: &&str| !exported.types.contains(*found) && *found != "Sealed";
            for line in &own {
                let found: Vec<_> = types(line, &prefix).filter(is_unnamed).collect();
                if !found.is_empty() {
                    unnamed.push(format!("{name}: {found:?} in {line}"));
                }
            }
            // The items of types that are exported are listed only where these are declared.
            for line in lines(other) {
                let owner = item(&line).and_then(|item| types(item, &prefix).next());
                if !owner.is_some_and(|owner| exported.types.contains(owner)) {
                    continue;
                }
                let found: Vec<_> = types(&line, &prefix).filter(is_unnamed).collect();
                if !found.is_empty() {
                    unnamed.push(format!("{name}: {found:?} in {line}"));
                }
            }
        }
    }
    assert!(unnamed.is_empty(), "not exported: {unnamed:#?}");
}

/// Records may grow, except those that are complete; and no method is named `get_`.
#[test]
fn records_may_grow() {
    let mut problems = Vec::new();
    for name in CRATES {
        let lines = lines(name);
        let structs = lines.iter().filter_map(|line| {
            let declared = line.split_once("pub struct ")?.1;
            let path = declared.split(['<', '(']).next()?;
            Some((path, line.starts_with("#[non_exhaustive]")))
        });
        for (path, may_grow) in structs {
            let field = format!("pub {path}::");
            let has_fields = lines.iter().any(|line| line.starts_with(&field));
            let is_complete = COMPLETE.contains(&path);
            if has_fields && may_grow == is_complete {
                problems.push(format!("{path} with public fields"));
            }
        }
        // `GetResults` is the model's name, and more than a getter: it fails.
        let getters = lines.iter().filter(|line| {
            line.contains("::get_") && !line.contains("udpair_winrt::Operation<T, P>::get_results(")
        });
        problems.extend(getters.cloned());
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// What a crate exports.
struct Exports {
    /// The crates of ours that it exports as a whole.
    crates: BTreeSet<&'static str>,
    /// The names of types of our other crates, as these have them.
    types: BTreeSet<String>,
}

impl Exports {
    fn of(name: &str, lines: &[String]) -> Self {
        let renamed = renamed(name);
        let exports = lines
            .iter()
            .filter_map(|line| line.strip_prefix("pub use "));
        let last = |path: &str| path.rsplit("::").next().unwrap_or(path).to_owned();
        let (mut crates, mut types) = (BTreeSet::<&'static str>::new(), BTreeSet::new());
        for exported in exports.map(last) {
            let original = renamed.iter().find(|(_, new)| *new == exported);
            let declared = original.map_or(&exported, |(original, _)| original);
            types.insert(declared.clone());
            crates.extend(
                CRATES
                    .iter()
                    .copied()
                    .filter(|krate| ident(krate) == exported),
            );
        }
        // A crate that is exported brings what it exports.
        for krate in &crates {
            types.extend(Self::of(krate, &self::lines(krate)).types);
        }
        Self { crates, types }
    }
}

/// Returns the names that a crate exports under other names: `A as B`.
fn renamed(name: &str) -> Vec<(String, String)> {
    let folder = root().join("crates").join(name).join("src");
    let mut renamed = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let exports = text.split("pub use ").skip(1);
        let statements = exports.filter_map(|export| export.split(';').next());
        for part in statements.flat_map(|statement| statement.split([',', '{', '}'])) {
            if let Some((original, new)) = part.split_once(" as ") {
                let original = original.trim().rsplit("::").next().unwrap_or_default();
                renamed.push((original.to_owned(), new.trim().to_owned()));
            }
        }
    }
    renamed
}

/// Returns the path of the item that a line declares, without its signature.
fn item(line: &str) -> Option<&str> {
    let words = ["pub ", "const ", "async ", "unsafe ", "fn ", "type "];
    let mut item = line.strip_prefix(words[0])?;
    for word in &words[1..] {
        item = item.strip_prefix(word).unwrap_or(item);
    }
    item.split([' ', '(', '<']).next()
}

/// Returns the names of the types in a line whose paths begin with `prefix`.
fn types<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let is_boundary =
        |at: &usize| !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let found = line.match_indices(prefix).map(|(at, _)| at);
    found.filter(is_boundary).filter_map(move |at| {
        let rest = &line[at + prefix.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        let path = rest[..end.unwrap_or(rest.len())].split("::");
        path.into_iter()
            .find(|part| part.starts_with(char::is_uppercase))
    })
}

/// Returns the lines that list the public API of a crate.
fn lines(name: &str) -> Vec<String> {
    let path = root().join(format!("docs/api/{name}.txt"));
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(ToOwned::to_owned).collect()
}

fn ident(name: &str) -> String {
    name.replace('-', "_")
}
