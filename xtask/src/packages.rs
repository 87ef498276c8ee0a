//! Programs of others that a suite needs, installed where that may be done.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::command;

/// Makes sure that `program` is there, from the Debian package of the given name.
///
/// # Errors
///
/// It is not there and cannot be installed; the text says what to do.
pub(crate) fn need(program: &str, package: &str) -> Result<(), String> {
    if command::find(program).is_some() {
        return Ok(());
    }
    install(package).map_err(|why| {
        format!("there is no {program} ({why}); install the Debian package {package}")
    })?;
    match command::find(program) {
        Some(_) => Ok(()),
        None => Err(format!("the package {package} has brought no {program}")),
    }
}

/// Makes sure that `file` is there, from the Debian package of the given name.
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
        format!("there is no {file} ({why}); install the Debian package {package}")
    })?;
    match file.exists() {
        true => Ok(()),
        false => Err(format!(
            "the package {package} has brought no {}",
            file.display()
        )),
    }
}

/// Installs nothing from now on: what is missing is named instead.
pub(crate) fn install_nothing() {
    INSTALLS_NOTHING.store(true, Ordering::Relaxed);
}

static INSTALLS_NOTHING: AtomicBool = AtomicBool::new(false);

fn install(package: &str) -> Result<(), String> {
    if INSTALLS_NOTHING.load(Ordering::Relaxed) {
        return Err("--no-install".into());
    }
    if command::find("apt-get").is_none() {
        return Err("this is no Debian".into());
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
        // Somebody else may be installing, too.
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
    let last = text.lines().last().unwrap_or("it does not say why");
    Err(format!("apt-get {} failed: {last}", arguments.join(" ")))
}

/// Returns whether we may do everything.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
