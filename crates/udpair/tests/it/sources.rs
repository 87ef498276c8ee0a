//! Reads the sources of this workspace as tokens, for tests of which file may use which.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{TokenStream, TokenTree};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Returns all Rust files at or below these paths, except for those of folders called `tests`.
pub(crate) fn sources(root: &Path, paths: &[&str]) -> Vec<PathBuf> {
    let mut pending: Vec<_> = paths.iter().map(|path| root.join(path)).collect();
    let mut found = Vec::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            pending.extend(entries.filter(|path| !path.ends_with("tests")));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns the module path of a file: `/socket/link.rs` is `["socket", "link"]`.
pub(crate) fn module(file: &str) -> Vec<String> {
    let path = file.trim_start_matches('/').trim_end_matches(".rs");
    match path {
        "lib" | "main" => Vec::new(),
        _ => path.split('/').map(str::to_owned).collect(),
    }
}

/// Returns a path in `module` as segments from the root of the crate; `None` if it begins with none
/// of `crate`, `self` and `super`.
pub(crate) fn from_root(path: &str, module: &[String]) -> Option<Vec<String>> {
    let mut target = match path.split("::").next()? {
        "crate" => Vec::new(),
        "self" | "super" => module.to_vec(),
        _ => return None,
    };
    for word in path.split("::") {
        match word {
            "crate" | "self" => {}
            "super" => drop(target.pop()),
            word => target.push(word.to_owned()),
        }
    }
    Some(target)
}

/// Returns the product code of a file: the text before its own tests.
pub(crate) fn product(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap()
}

/// Returns every path in a file, with `use` trees expanded, and every single identifier.
pub(crate) fn paths(text: &str) -> BTreeSet<String> {
    let tokens = TokenStream::from_str(text).expect("Rust");
    let mut found = BTreeSet::new();
    collect(tokens, &mut found);
    found
}

/// Returns the names that a file re-exports with `pub use`, each with its path. The name `*` stands
/// for all names of its path.
pub(crate) fn exports(text: &str) -> Vec<(String, String)> {
    let tokens: Vec<_> = TokenStream::from_str(text)
        .expect("Rust")
        .into_iter()
        .collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_word = |at: usize, word: &str| {
            tokens
                .get(at)
                .is_some_and(|token| token.to_string() == word)
        };
        if !matches!(token, TokenTree::Ident(ident) if ident == "pub") {
            continue;
        }
        // `pub use`, or `pub(crate) use`.
        let after = match tokens.get(at + 1) {
            Some(TokenTree::Group(_)) => at + 2,
            _ => at + 1,
        };
        if !is_word(after, "use") {
            continue;
        }
        let statement: TokenStream = tokens[after + 1..]
            .iter()
            .take_while(|token| token.to_string() != ";")
            .cloned()
            .collect();
        if statement.to_string().ends_with('*') {
            let text = statement.to_string().replace(' ', "");
            found.push(("*".to_owned(), text.trim_end_matches("::*").to_owned()));
            continue;
        }
        let paths = paths(&statement.to_string());
        found.extend(paths.into_iter().map(|path| {
            let name = path.rsplit("::").next().unwrap_or_default();
            (name.to_owned(), path.clone())
        }));
    }
    found
}

fn collect(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(_) => at = path(&tokens, at, "", found),
            TokenTree::Group(group) => {
                // `pub(in a::b)` says who may use an item, and uses nothing.
                let first = group.stream().into_iter().next();
                if !matches!(first, Some(TokenTree::Ident(word)) if word == "in") {
                    collect(group.stream(), found);
                }
                at += 1;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
}

/// Reads the path that begins at `at`, and returns the position of its end.
fn path(tokens: &[TokenTree], mut at: usize, prefix: &str, found: &mut BTreeSet<String>) -> usize {
    let mut name = prefix.to_owned();
    loop {
        let Some(TokenTree::Ident(word)) = tokens.get(at) else {
            return at;
        };
        name.push_str(&word.to_string());
        at += 1;
        let is_joint =
            |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
        if !(is_joint(at) && is_joint(at + 1)) {
            found.insert(name);
            return at;
        }
        at += 2;
        name.push_str("::");
        if let Some(TokenTree::Group(group)) = tokens.get(at) {
            // A `use` tree: each branch continues this path.
            let branches: Vec<_> = group.stream().into_iter().collect();
            let mut branch = 0;
            while branch < branches.len() {
                let end = path(&branches, branch, &name, found);
                branch = end.max(branch + 1);
            }
            return at + 1;
        }
    }
}

/// Returns every identifier of a file.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    fn flatten(tokens: TokenStream, found: &mut Vec<String>) {
        for token in tokens {
            match token {
                TokenTree::Ident(word) => found.push(word.to_string()),
                TokenTree::Group(group) => flatten(group.stream(), found),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
    let mut found = Vec::new();
    flatten(TokenStream::from_str(text).expect("Rust"), &mut found);
    found.into_iter()
}

#[test]
fn paths_are_found_in_use_trees_and_macros() {
    let found =
        paths("use a::{b, c::{self, d}}; fn f() { g!(x::y + 1); #[cfg(target_os = \"z\")] h() }");
    for path in ["a::b", "a::c::self", "a::c::d", "x::y", "target_os"] {
        assert!(found.contains(path), "{path}: {found:?}");
    }
    let found = paths("pub(in crate::a) fn f() { b::c(); }");
    assert!(
        found.contains("b::c") && !found.contains("crate::a"),
        "{found:?}"
    );
}
