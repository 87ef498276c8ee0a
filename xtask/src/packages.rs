//! Installs the third-party programs that a suite needs, where installing is allowed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::command;

/// Makes sure that `program` exists; if it is missing, installs the Debian package `package`.
///
/// # Errors
///
/// The program is missing and cannot be installed. The text says what to do.
pub(crate) fn need(program: &str, package: &str) -> Result<(), String> {
    if command::find(program).is_some() {
        return Ok(());
    }
    install(package).map_err(|why| {
        format!("{program} is missing ({why}); install the Debian package {package}")
    })?;
    match command::find(program) {
        Some(_) => Ok(()),
        None => Err(format!("the package {package} does not contain {program}")),
    }
}

/// Makes sure that `file` exists; if it is missing, installs the Debian package `package`.
///
/// # Errors
///
/// Those of [`need`].
pub(crate) fn need_file(file: &Path, package: &str) -> Result<(), String> {
    if file.exists() {
        return Ok(());
    }
    install(package).map_err(|why| {
        let file = file.display();
        format!("{file} is missing ({why}); install the Debian package {package}")
    })?;
    match file.exists() {
        true => Ok(()),
        false => Err(format!(
            "the package {package} does not contain {}",
            file.display()
        )),
    }
}

/// Turns installing off. From now on, a missing package is an error that names it.
pub(crate) fn install_nothing() {
    INSTALLS_NOTHING.store(true, Ordering::Relaxed);
}

static INSTALLS_NOTHING: AtomicBool = AtomicBool::new(false);

fn install(package: &str) -> Result<(), String> {
    if INSTALLS_NOTHING.load(Ordering::Relaxed) {
        return Err("--no-install".into());
    }
    if command::find("apt-get").is_none() {
        return Err("this system is not Debian".into());
    }
    if !is_root() {
        return Err("only root may install packages".into());
    }
    println!("    installing {package}");
    static LISTS: OnceLock<Result<(), String>> = OnceLock::new();
    LISTS.get_or_init(|| apt_get(&["update"])).clone()?;
    apt_get(&["install", "-y", "--no-install-recommends", package])
}

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("apt-get")
        // Another process may be installing packages, too.
        .args(["-qq", "-o", "DPkg::Lock::Timeout=600"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start apt-get: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().last().unwrap_or("it gives no reason");
    Err(format!("apt-get {} failed: {last}", arguments.join(" ")))
}

/// Returns whether this process runs as root.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
