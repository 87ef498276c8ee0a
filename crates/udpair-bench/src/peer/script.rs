//! A program in another language, for those who have it installed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;

/// A program that knows the roles in `does`, with the arguments that we know them by.
pub(crate) struct Script {
    /// What runs it.
    pub(super) program: &'static str,
    pub(super) source: &'static str,
    pub(super) text: &'static str,
    pub(super) does: &'static [&'static str],
}

impl Script {
    /// Returns whether the program takes this role.
    pub(crate) fn does(&self, role: &str) -> bool {
        self.does.contains(&role)
    }

    /// Returns whether what runs it is installed; the error says what is missing.
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

    /// Returns the words that start it, written beside this program if that was not done yet.
    pub(crate) fn prepare(&self) -> Result<Vec<String>> {
        let folder =
            std::env::current_exe()?.with_file_name(format!("udpair-bench-{}", version(self.text)));
        fs::create_dir_all(&folder)?;
        let source = folder.join(self.source);
        make_once(&source, |draft| Ok(fs::write(draft, self.text)?))?;
        Ok(vec![self.program.into(), source.display().to_string()])
    }
}

/// Makes a file that is not there yet. Others may do the same at this moment, so it appears whole.
fn make_once(path: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    make(&draft)?;
    Ok(fs::rename(draft, path)?)
}

/// A number that is another when the text is another (FNV-1a).
fn version(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
