//! Runs the fuzz targets, one after the other, with cargo-fuzz and a nightly compiler.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::command::root;

/// Runs the targets whose name contains `word`, each for `seconds`.
pub(crate) fn run(seconds: &str, word: &str) -> ExitCode {
    match try_run(seconds, word) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn try_run(seconds: &str, word: &str) -> Result<(), String> {
    let seconds: u32 = seconds
        .parse()
        .map_err(|_| format!("{seconds:?} is not a number of seconds"))?;
    let fuzz = root().join("fuzz");
    let targets = targets(&fuzz, word)?;
    if targets.is_empty() {
        return Err(format!("no fuzz target has {word:?} in its name"));
    }
    let mut crashed = Vec::new();
    for target in targets {
        let corpus = format!("corpus/{target}");
        fs::create_dir_all(fuzz.join(&corpus)).map_err(|error| error.to_string())?;
        let status = Command::new("cargo")
            .args(["+nightly", "fuzz", "run", "--fuzz-dir", ".", &target])
            .args([&corpus, &format!("regressions/{target}")])
            .args(["--", &format!("-max_total_time={seconds}")])
            .current_dir(&fuzz)
            .status()
            .map_err(|error| format!("cannot run cargo: {error}"))?;
        match status.success() {
            true => println!("{target}: nothing found in {seconds} s"),
            false => crashed.push(target),
        }
    }
    match crashed.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "failed: {}\nthe output above shows the input, or what is missing: cargo-fuzz \
             (`cargo install cargo-fuzz`) or a nightly compiler (`rustup toolchain install nightly`)",
            crashed.join(", ")
        )),
    }
}

fn targets(fuzz: &Path, word: &str) -> Result<Vec<String>, String> {
    let folder = fuzz.join("fuzz_targets");
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut targets: Vec<_> = files
        .filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .filter(|name| name.contains(word))
        .collect();
    targets.sort();
    Ok(targets)
}
