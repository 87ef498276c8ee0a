//! How many instructions a microbenchmark takes, counted by callgrind.
//!
//! The program runs twice, with different numbers of operations. The difference counts only the
//! additional operations, not the start and the preparation. It does not depend on other load on
//! the machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use super::catalog::Microbenchmark;
use crate::packages;

/// Counts the instructions of each microbenchmark, per operation.
pub(crate) fn count(
    program: &Path,
    microbenchmarks: &[Microbenchmark],
) -> Result<BTreeMap<String, f64>, String> {
    packages::need("valgrind", "valgrind")?;
    microbenchmarks
        .iter()
        .map(|microbenchmark| {
            let few = collected(program, microbenchmark, FEW)?;
            let many = collected(program, microbenchmark, MANY)?;
            let each = many.saturating_sub(few) as f64 / f64::from(MANY - FEW);
            Ok((microbenchmark.name.clone(), each))
        })
        .collect()
}

/// Returns how many instructions the program takes for this number of operations.
fn collected(
    program: &Path,
    microbenchmark: &Microbenchmark,
    operations: u32,
) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["pure", &microbenchmark.name, &operations.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!(
            "valgrind cannot run {}: {text}",
            microbenchmark.name
        ));
    }
    instructions_in(&text).ok_or_else(|| format!("valgrind printed no count: {text}"))
}

/// Reads the line `==1== Collected : 1234`.
fn instructions_in(text: &str) -> Option<u64> {
    let number = text.lines().find_map(|line| line.split_once("Collected :"));
    number?.1.trim().parse().ok()
}

/// Enough operations that all one-time work is done.
const FEW: u32 = 100;

const MANY: u32 = 1_100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_the_summary() {
        let text = "==7== Events    : Ir\n==7== Collected : 7340254\n==7==\n";
        assert_eq!(instructions_in(text), Some(7_340_254));
        assert_eq!(instructions_in("==7== nothing\n"), None);
    }
}
