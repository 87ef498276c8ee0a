//! How many instructions a piece takes, counted by callgrind.
//!
//! The program runs twice, with different numbers of operations: the difference is theirs alone, without
//! starting and preparing. It does not depend on what else the machine does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use super::catalog::Piece;
use crate::packages;

/// Counts the instructions of each piece, per operation.
pub(crate) fn count(program: &Path, pieces: &[Piece]) -> Result<BTreeMap<String, f64>, String> {
    packages::need("valgrind", "valgrind")?;
    pieces
        .iter()
        .map(|piece| {
            let few = collected(program, piece, FEW)?;
            let many = collected(program, piece, MANY)?;
            let each = many.saturating_sub(few) as f64 / f64::from(MANY - FEW);
            Ok((piece.name.clone(), each))
        })
        .collect()
}

/// Returns how many instructions the program takes for so many operations.
fn collected(program: &Path, piece: &Piece, operations: u32) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["pure", &piece.name, &operations.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind cannot run {}: {text}", piece.name));
    }
    instructions_in(&text).ok_or_else(|| format!("valgrind has not counted: {text}"))
}

/// Reads the line `==1== Collected : 1234`.
fn instructions_in(text: &str) -> Option<u64> {
    let number = text.lines().find_map(|line| line.split_once("Collected :"));
    number?.1.trim().parse().ok()
}

/// Enough that what is done once has been done.
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
