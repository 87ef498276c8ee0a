//! `cargo xtask header`: compares `bindings/c/include/udpair.h` with what the sources of the C ABI
//! say; `--write` writes it.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::command::root;

/// Compares the header, or writes it, and returns whether that worked.
pub(crate) fn run(writes: bool) -> ExitCode {
    let result = match writes {
        true => generate().and_then(|text| {
            fs::write(path(), text).map_err(|error| format!("cannot write the header: {error}"))
        }),
        false => check(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Checks that the header is what the sources say, and that it says for each function which threads may
/// call it.
///
/// # Errors
///
/// It is not.
pub(crate) fn check() -> Result<(), String> {
    let generated = generate()?;
    let written = fs::read_to_string(path()).unwrap_or_default();
    if written != generated {
        return Err(
            "bindings/c/include/udpair.h does not fit the sources: run `cargo xtask header --write`"
                .into(),
        );
    }
    let undocumented = undocumented(&written);
    if undocumented.is_empty() {
        return Ok(());
    }
    Err(format!(
        "these functions of the C ABI do not say which thread may call them, or what fails: {}",
        undocumented.join(", ")
    ))
}

fn path() -> PathBuf {
    root().join("bindings/c/include/udpair.h")
}

fn generate() -> Result<String, String> {
    let folder = root().join("bindings/c");
    let config = cbindgen::Config::from_root_or_default(&folder);
    let bindings = cbindgen::Builder::new()
        .with_crate(&folder)
        .with_config(config)
        .generate()
        .map_err(|error| format!("cbindgen cannot read bindings/c: {error}"))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).map_err(|error| error.to_string())
}

/// Returns the functions whose comment lacks the thread, or the errors if they return some.
fn undocumented(header: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut comment = String::new();
    for line in header.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("/*") {
            comment.clear();
        }
        if trimmed.starts_with("/*") || trimmed.starts_with('*') {
            comment.push_str(trimmed.trim_start_matches(['/', '*']));
        } else if let Some((head, _)) = line.split_once('(')
            && !line.starts_with([' ', '#'])
            && !line.starts_with("typedef")
        {
            let name = head.rsplit([' ', '*']).next().unwrap_or(head);
            let comment = comment.to_lowercase();
            let says_errors = comment.contains("errors:") || comment.contains("error ");
            let is_fallible = head.starts_with("udpair_hresult");
            if !comment.contains("thread") || (is_fallible && !says_errors) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_without_a_thread_or_errors_are_found() {
        let header = "/*\n * Does it. Any thread.\n *\n * Errors: none.\n */\n\
                      udpair_hresult udpair_done(void);\n\n\
                      /*\n * Says nothing.\n */\nvoid udpair_silent(int32_t a);\n\n\
                      /*\n * Any thread.\n */\nudpair_hresult udpair_fails(void);\n";
        assert_eq!(undocumented(header), ["udpair_silent", "udpair_fails"]);
    }

    #[test]
    fn the_header_fits_the_sources() {
        check().unwrap();
    }
}
