//! Checks that every published crate can be packaged without a warning, with its page and its
//! licences. Nothing is built, and nothing is looked up on a network.

use std::process::Stdio;

use serde::Deserialize;

use crate::command::{cargo, json, root};

/// Packages every published crate of the workspace.
///
/// # Errors
///
/// Packaging fails or warns, or a package lacks one of [`FILES`].
pub(crate) fn check() -> Result<(), String> {
    let packages = published()?;
    let mut arguments = vec!["package", "--no-verify", "--allow-dirty"];
    arguments.extend(["--offline", "--locked"]);
    for name in &packages {
        arguments.extend(["--package", name]);
    }
    let output = cargo(&arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start cargo package: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || text.lines().any(|line| line.starts_with("warning")) {
        return Err(format!("cargo package says:\n{}", text.trim()));
    }
    for name in &packages {
        lists_files(name)?;
    }
    println!("    {}: packaged without a warning", packages.join(", "));
    Ok(())
}

/// Returns the crates of the workspace that are published.
fn published() -> Result<Vec<String>, String> {
    let arguments = ["metadata", "--no-deps", "--format-version=1", "--offline"];
    let metadata: Metadata = json(cargo(&arguments).current_dir(root()))?;
    let packages = metadata.packages.into_iter();
    let published = packages.filter(|package| package.publish.is_none());
    Ok(published.map(|package| package.name).collect())
}

fn lists_files(name: &str) -> Result<(), String> {
    let arguments = ["package", "--list", "--allow-dirty", "--offline"];
    let output = cargo(&arguments)
        .args(["--package", name])
        .current_dir(root())
        .output()
        .map_err(|error| format!("cannot start cargo package: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match FILES
        .iter()
        .find(|file| !text.lines().any(|line| line == **file))
    {
        None => Ok(()),
        Some(file) => Err(format!("the package {name} lacks {file}")),
    }
}

/// The files that every package has at its root.
const FILES: &[&str] = &["README.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// What `cargo metadata` prints.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    /// The registries for it: none, if the list is empty; `None` is any.
    publish: Option<Vec<String>>,
}
