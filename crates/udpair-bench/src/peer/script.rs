//! A mode that is a program in another language, which may not be installed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;

/// A program that implements `roles`, with the same arguments as this program.
pub(crate) struct Script {
    /// The interpreter.
    pub(super) program: &'static str,
    /// The file name of the source.
    pub(super) source: &'static str,
    /// The source itself.
    pub(super) text: &'static str,
    pub(super) roles: &'static [&'static str],
}

impl Script {
    /// Returns whether the program implements this role.
    pub(crate) fn plays(&self, role: &str) -> bool {
        self.roles.contains(&role)
    }

    /// Checks that the interpreter is installed; the error says what is missing.
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let found = Command::new(self.program)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match found {
            Ok(status) if status.success() => Ok(()),
            _ => Err(format!("{} is not installed", self.program)),
        }
    }

    /// Returns the command line that starts the program. Its source is written to a folder next to
    /// the executable of this process, if it is not there yet.
    pub(crate) fn prepare(&self) -> Result<Vec<String>> {
        let folder =
            std::env::current_exe()?.with_file_name(format!("udpair-bench-{}", version(self.text)));
        fs::create_dir_all(&folder)?;
        let source = folder.join(self.source);
        make_once(&source, |draft| Ok(fs::write(draft, self.text)?))?;
        Ok(vec![self.program.into(), source.display().to_string()])
    }
}

/// Makes a file if it does not exist. Another process may do the same at the same time, so the
/// complete file is moved into place.
fn make_once(path: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    make(&draft)?;
    Ok(fs::rename(draft, path)?)
}

/// Returns a hash of the text (FNV-1a).
fn version(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
