//! `cargo xtask bench`: compares udpair with other implementations in one run.
//!
//! `udpair-bench` makes one measurement per call. This module repeats the measurements in shuffled
//! order, so that other load on the machine affects all peers alike, and summarizes them. Only
//! ratios within one run are meaningful.

mod arguments;
mod catalog;
mod comparison;
mod instructions;
mod machine;
mod number;
mod results;
mod run;
mod summary;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::command::{self, cargo, root};
use crate::packages;
use arguments::Arguments;
use catalog::Catalog;
use comparison::Comparison;
use results::Results;
use run::Run;

/// Runs `cargo xtask bench` with the arguments in `words`.
pub(crate) fn run(words: &[&str]) -> ExitCode {
    if words == ["--help"] {
        println!("{}", arguments::USAGE);
        return ExitCode::SUCCESS;
    }
    let arguments = match Arguments::parse(words) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("{why}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match bench(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints the results. Returns whether nothing has become clearly worse.
fn bench(arguments: &Arguments) -> Result<bool, String> {
    // Read first, so that a mistyped file name is reported before the long measurements.
    let saved = arguments.compare.as_deref().map(Results::read);
    let saved = saved.transpose()?;
    let program = build()?;
    let catalog = Catalog::ask(&program)?;

    let mut results = Results::new(arguments.repetitions, arguments.seconds);
    if arguments.counts_instructions {
        results.instructions = instructions::count(&program, &catalog.microbenchmarks)?;
        table::print_instructions(&catalog.microbenchmarks, &results.instructions);
    } else {
        results.workloads = catalog.chosen(&arguments.workloads, &arguments.against)?;
        results.runs = measure(&program, &results, arguments.is_plain)?;
        table::print(&results);
    }

    if let Some(path) = &arguments.save {
        results.write(path)?;
    }
    let Some(saved) = saved else { return Ok(true) };
    let comparison = Comparison::new(&saved, &results);
    table::print_comparison(&comparison);
    Ok(comparison.regressions().next().is_none())
}

/// Builds `udpair-bench`, and returns the path of the program.
fn build() -> Result<PathBuf, String> {
    let arguments = [
        "build",
        "--release",
        "--package",
        "udpair-bench",
        "--locked",
        "--message-format=json-render-diagnostics",
    ];
    let output = cargo(&arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        return Err("cargo cannot build udpair-bench".into());
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| "cargo has built no program".into())
}

/// Measures every mode in every workload once per repetition, each time in a different order.
///
/// The modes of a workload follow one another, so that modes that are compared run within the same
/// minute.
fn measure(program: &Path, results: &Results, is_plain: bool) -> Result<Vec<Run>, String> {
    let mut failures: BTreeMap<(&str, &str), String> = BTreeMap::new();
    let mut runs = Vec::new();
    for repetition in 0..results.repetitions {
        eprintln!("repetition {} of {}", repetition + 1, results.repetitions);
        for workload in &results.workloads {
            for at in shuffled(workload.modes.len(), repetition.into()) {
                let mode = &workload.modes[at];
                if failures.contains_key(&(&workload.name, mode)) {
                    continue;
                }
                let mut call = Command::new(program);
                call.args(["run", &workload.name, mode]);
                call.args(["--seconds", &results.seconds.to_string()]);
                if !is_plain && packages::is_root() {
                    call.arg("--urgent");
                }
                match command::json(&mut call) {
                    Ok(run) => runs.push(run),
                    // The failure of one mode does not end the measurements of the others.
                    Err(why) => {
                        failures.insert((&workload.name, mode), why);
                    }
                }
            }
        }
    }
    for why in failures.values() {
        eprintln!("NOT MEASURED  {why}");
    }
    if runs.is_empty() {
        return Err("nothing could be measured".into());
    }
    Ok(runs)
}

/// Returns the numbers below `count` in an order that depends on `seed` (Fisher-Yates with
/// xorshift64*).
fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut random = |most: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % (most + 1)
    };
    let mut order: Vec<_> = (0..count).collect();
    for at in (1..count).rev() {
        order.swap(at, random(at));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_repetition_has_all_numbers_in_a_different_order() {
        let (one, other) = (shuffled(50, 0), shuffled(50, 1));
        assert_ne!(one, other);
        for mut order in [one, other] {
            order.sort_unstable();
            assert_eq!(order, (0..50).collect::<Vec<_>>());
        }
    }
}
