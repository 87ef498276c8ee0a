//! `cargo xtask test`: runs every check.

use std::process::ExitCode;

use crate::api;
use crate::command::{cargo, run as run_program};
use crate::cpp;
#[cfg(target_os = "linux")]
use crate::interop;
use crate::node;
use crate::package;
use crate::spec;
use crate::suite::{Outcome, Report};
use crate::targets;

pub(crate) fn run() -> ExitCode {
    let mut report = Report::default();
    report.run("format", || {
        run_program(&mut cargo(&["fmt", "--all", "--check"])).into()
    });
    report.run("lints", || {
        let arguments = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ];
        run_program(&mut cargo(&arguments)).into()
    });
    report.run("lints, with all features", || {
        let arguments = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--locked",
            "--",
            "-D",
            "warnings",
        ];
        run_program(&mut cargo(&arguments)).into()
    });
    report.run("documentation", || {
        let arguments = [
            "doc",
            "--workspace",
            "--no-deps",
            "--locked",
            "--document-private-items",
        ];
        run_program(cargo(&arguments).env("RUSTDOCFLAGS", "-D warnings")).into()
    });
    report.run("rules of the model", || spec::check_all().into());
    report.run("public API", api::check);
    report.run("packages", || package::check().into());
    report.run("tests", || {
        let arguments = [
            "test",
            "--workspace",
            "--all-targets",
            "--locked",
            "--quiet",
        ];
        run_program(&mut cargo(&arguments)).into()
    });
    report.run("tests, with all features", || {
        let arguments = [
            "test",
            "--package",
            "udpair",
            "--all-targets",
            "--all-features",
            "--locked",
            "--quiet",
        ];
        run_program(&mut cargo(&arguments)).into()
    });
    report.run("lints, of each feature alone", || {
        let sets = ["", "dns", "idna", "tracing", "metrics"];
        sets.iter().try_for_each(|set| lint_with(set)).into()
    });
    report.run("tests, without features", || {
        let arguments = [
            "test",
            "--package",
            "udpair",
            "--all-targets",
            "--no-default-features",
            "--locked",
            "--quiet",
        ];
        run_program(&mut cargo(&arguments)).into()
    });
    report.run("documentation tests", || {
        run_program(&mut cargo(&[
            "test",
            "--workspace",
            "--doc",
            "--locked",
            "--quiet",
        ]))
        .into()
    });
    report.run("npm package", node::check);
    report.run("other systems", || {
        targets::check(targets::FOREIGN).or_skipped()
    });
    cpp::add(&mut report);
    add_interop(&mut report, "");
    finish(&report)
}

/// Runs the suite for C and C++.
pub(crate) fn run_cpp() -> ExitCode {
    let mut report = Report::default();
    cpp::add(&mut report);
    finish(&report)
}

/// Checks that the library compiles without a warning with only these features.
fn lint_with(features: &str) -> Result<(), String> {
    let arguments = [
        "clippy",
        "--package",
        "udpair",
        "--all-targets",
        "--no-default-features",
        "--features",
        features,
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    run_program(&mut cargo(&arguments))
}

/// Checks that every published crate can be packaged.
pub(crate) fn run_package() -> ExitCode {
    let mut report = Report::default();
    report.run("packages", || package::check().into());
    finish(&report)
}

/// Builds and tests the npm package.
pub(crate) fn run_node() -> ExitCode {
    let mut report = Report::default();
    report.run("npm package", node::check);
    finish(&report)
}

/// Measures the npm package beside `node:dgram`.
pub(crate) fn run_node_bench(arguments: &[&str]) -> ExitCode {
    match node::bench(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Checks that the workspace compiles for other systems.
pub(crate) fn run_targets(targets: &[&str]) -> ExitCode {
    let mut report = Report::default();
    report.run("other systems", || targets::check(targets));
    finish(&report)
}

pub(crate) fn run_interop(name: &str) -> ExitCode {
    let mut report = Report::default();
    add_interop(&mut report, name);
    finish(&report)
}

/// Runs the interop suites with `name` in their names. They need the built `udpair` command and
/// third-party programs.
#[cfg(target_os = "linux")]
fn add_interop(report: &mut Report, name: &str) {
    let arguments = ["build", "--package", "udpair-cli", "--locked", "--quiet"];
    let built = run_program(&mut cargo(&arguments));
    let wanted = |suite: &&interop::Suite| suite.name.contains(name);
    for suite in interop::SUITES.iter().filter(wanted) {
        report.run(suite.name, || match &built {
            Ok(()) => suite.run(),
            Err(why) => Outcome::NotRun(why.clone()),
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn add_interop(report: &mut Report, _name: &str) {
    let why = "its hosts are Linux network namespaces";
    report.run("interop", || Outcome::NotRun(why.into()));
}

fn finish(report: &Report) -> ExitCode {
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    if report.finish(is_ci) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
