//! No two files use each other: a reader of a file needs only the files that it uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::sources::{exports, from_root, module, paths, product, root, sources, words};

/// Files that may use each other, and the reason.
struct Exception {
    files: &'static [&'static str],
    #[expect(dead_code, reason = "for the reader")]
    why: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        files: &[
            "crates/udpair/src/resolve.rs",
            "crates/udpair/src/resolve/builder.rs",
        ],
        why: "the public types of name resolution: a type has a method for its own builder",
    },
    Exception {
        files: &[
            "crates/udpair/src/socket.rs",
            "crates/udpair/src/socket/builder.rs",
        ],
        why: "the public types of a socket, for the same reason",
    },
];

/// No cycle of files exists except for those above.
#[test]
fn files_use_each_other_in_one_direction() {
    let root = root();
    let mut cycles = Vec::new();
    for source in crates(&root) {
        cycles.extend(Graph::of(&root, &source).cycles());
    }
    let allowed: BTreeSet<Vec<_>> = EXCEPTIONS
        .iter()
        .map(|exception| exception.files.iter().map(ToString::to_string).collect())
        .collect();
    let found: BTreeSet<_> = cycles.into_iter().collect();
    let new: Vec<_> = found.difference(&allowed).collect();
    assert!(new.is_empty(), "these files use each other: {new:#?}");
    let unused: Vec<_> = allowed.difference(&found).collect();
    assert!(
        unused.is_empty(),
        "these exceptions are no longer needed: {unused:#?}"
    );
}

/// Returns the source folders of all crates.
fn crates(root: &Path) -> Vec<String> {
    let crates = fs::read_dir(root.join("crates")).unwrap();
    let names = crates.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut folders: Vec<_> = names.map(|name| format!("crates/{name}/src")).collect();
    folders.push("bindings/c/src".into());
    folders.push("bindings/node/src".into());
    folders.push("xtask/src".into());
    folders.sort();
    folders
}

/// The files of a crate, each with the files that it uses.
#[derive(Default)]
struct Graph {
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn of(root: &Path, folder: &str) -> Self {
        let files: BTreeMap<_, _> = sources(root, &[folder])
            .into_iter()
            .map(|file| {
                let name = file.strip_prefix(root).unwrap().to_str().unwrap();
                let module = module(name.strip_prefix(folder).unwrap());
                let text = fs::read_to_string(&file).unwrap();
                (module, File::read(name, product(&text)))
            })
            .collect();
        let mut graph = Self::default();
        for (module, file) in &files {
            let used = graph.edges.entry(file.name.clone()).or_default();
            for path in &file.uses {
                let owner = owner(absolute(path, module, &files), &files);
                used.extend(owner.filter(|owner| *owner != file.name));
            }
        }
        graph
    }

    /// Returns every strongly connected component of at least two files.
    fn cycles(&self) -> Vec<Vec<String>> {
        let reached: BTreeMap<_, _> = self
            .edges
            .keys()
            .map(|file| (file, self.reached_from(file)))
            .collect();
        let mut cycles = BTreeSet::new();
        for (file, from_here) in &reached {
            if from_here.contains(*file) {
                let others = from_here
                    .iter()
                    .filter(|other| reached[other].contains(*file));
                cycles.insert(others.cloned().collect::<Vec<_>>());
            }
        }
        cycles.into_iter().collect()
    }

    fn reached_from(&self, file: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut pending: Vec<_> = self.edges[file].iter().cloned().collect();
        while let Some(next) = pending.pop() {
            if reached.insert(next.clone()) {
                pending.extend(self.edges[&next].iter().cloned());
            }
        }
        reached
    }
}

/// The files of a crate by their module paths.
type Files = BTreeMap<Vec<String>, File>;

/// The items and paths of one file.
struct File {
    name: String,
    /// Names of items that it defines.
    items: BTreeSet<String>,
    /// Names that it re-exports, and their paths. The name `*` stands for all names of its path.
    exports: Vec<(String, String)>,
    /// Paths that its own code uses. A re-exported path counts only if its name occurs again in the
    /// code.
    uses: BTreeSet<String>,
}

impl File {
    fn read(name: &str, text: &str) -> Self {
        let all: Vec<_> = words(text).collect();
        let items = all
            .windows(2)
            .filter(|pair| DEFINES.contains(&&*pair[0]))
            .map(|pair| pair[1].clone());
        let exports = exports(text);
        let is_used = |path: &String| {
            let mut reexported = exports.iter().filter(|(_, other)| other == path);
            reexported.all(|(name, _)| all.iter().filter(|word| *word == name).count() > 1)
        };
        Self {
            name: name.to_owned(),
            items: items.collect(),
            uses: paths(text)
                .into_iter()
                // A single identifier is not a path: it also occurs in `mod` declarations.
                .filter(|path| path.contains("::") && is_used(path))
                .collect(),
            exports,
        }
    }
}

/// Returns the file that defines the item of an absolute path, following re-exports.
fn owner(mut path: Vec<String>, files: &Files) -> Option<String> {
    let mut rest = Vec::new();
    while !files.contains_key(&path) {
        rest.insert(0, path.pop()?);
    }
    let file = &files[&path];
    let Some(item) = rest.first().filter(|item| !file.items.contains(*item)) else {
        return (!path.is_empty()).then(|| file.name.clone());
    };
    let follow = |export: &str, rest: &[String]| {
        let target = absolute(export, &path, files);
        (!target.is_empty()).then(|| owner([&target, rest].concat(), files))
    };
    for (name, export) in &file.exports {
        if name == item {
            return follow(export, &rest[1..]).unwrap_or(None);
        }
        let exists = || {
            let target = absolute(export, &path, files);
            files
                .get(&target)
                .is_some_and(|file| file.items.contains(item))
        };
        if name == "*" && exists() {
            return follow(export, &rest).unwrap_or(None);
        }
    }
    (!path.is_empty()).then(|| file.name.clone())
}

/// Keywords that are followed by the name of an item.
const DEFINES: &[&str] = &[
    "const", "enum", "fn", "static", "struct", "trait", "type", "union",
];

/// Returns a path in `module` as segments from the root of the crate; empty for a path of another
/// crate.
fn absolute(path: &str, module: &[String], files: &Files) -> Vec<String> {
    let child = path.split("::").next().map(str::to_owned);
    let child = [module, child.as_slice()].concat();
    match from_root(path, module) {
        Some(target) => target,
        None if files.contains_key(&child) => {
            let rest = path.split("::").map(str::to_owned).collect();
            [module.to_vec(), rest].concat()
        }
        None => Vec::new(),
    }
}

#[test]
fn a_cycle_of_more_than_two_files_is_found() {
    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e")];
    let mut graph = Graph::default();
    for (from, to) in edges {
        graph.edges.entry(to.into()).or_default();
        graph
            .edges
            .entry(from.into())
            .or_default()
            .insert(to.into());
    }
    assert_eq!(graph.cycles(), [["a", "b", "c"]]);
}
