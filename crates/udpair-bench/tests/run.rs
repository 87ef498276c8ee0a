//! The harness works: every workload measures something, with raw system calls and with udpair.
//!
//! The figures themselves are meaningless here: the runs are short, and tests run in parallel.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::process::Command;

use serde_json::Value;

/// Runs `udpair-bench` and parses its output.
fn bench(words: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_udpair-bench"))
        .args(words)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Briefly measures every mode of [`PEERS`] that takes part in `workload`.
fn measure(workload: &str) {
    let catalog = bench(&["list"]);
    let workloads = catalog["workloads"].as_array().unwrap();
    let found = workloads.iter().find(|found| found["name"] == workload);
    let found = found.unwrap_or_else(|| panic!("there is no workload {workload}"));
    let first = found["figures"][0]["name"].as_str().unwrap();
    let modes = found["modes"].as_array().unwrap().iter();
    let mut measured = 0;
    for mode in modes.map(|mode| mode.as_str().unwrap()) {
        if !PEERS.iter().any(|peer| mode.starts_with(peer)) {
            continue;
        }
        let run = bench(&["run", workload, mode, "--seconds", "0.02", "--count", "40"]);
        let figure = run["figures"][first].as_f64();
        // Forty sockets may fit into memory that was already resident.
        let least = if first == "memory" { -1.0 } else { 0.0 };
        assert!(figure.is_some_and(|figure| figure > least), "{run}");
        measured += 1;
    }
    assert!(measured >= 1, "{workload}: no mode takes part");
}

macro_rules! workloads {
    ($($test:ident: $workload:literal;)*) => {
        $(
            #[test]
            fn $test() {
                measure($workload);
            }
        )*

        #[test]
        fn every_workload_is_tested() {
            let catalog = bench(&["list"]);
            let names = catalog["workloads"].as_array().unwrap().iter();
            let names: Vec<_> = names.map(|workload| workload["name"].as_str().unwrap()).collect();
            assert_eq!(names, [$($workload),*]);
        }
    };
}

workloads! {
    one_way_64_bytes_arrive: "w1-64";
    one_way_1200_bytes_arrive: "w1-1200";
    single_writes_arrive: "w1-one";
    every_sender_reaches_the_raw_receiver: "w1-tx";
    every_receiver_receives_from_the_raw_sender: "w1-rx";
    every_receiver_receives_single_writes: "w1-rx-one";
    an_echo_on_one_core_answers: "w2-one";
    an_echo_that_never_sleeps_answers: "w2-busy";
    an_echo_on_one_core_answers_64_in_flight: "w2-64-one-core";
    an_echo_answers_64_in_flight: "w2-64";
    a_fan_out_reaches_its_ports: "w3";
    a_ticker_ticks_beside_a_receiver: "w6-2us";
    a_ticker_ticks_beside_a_slow_receiver: "w6-20us";
    idle_sockets_handle_one_datagram_each: "w4";
    names_become_connected_sockets: "w5";
}

#[test]
fn a_name_takes_one_query_if_the_answer_includes_the_addresses() {
    let run = bench(&["run", "w5", "raw-srv", "--count", "5"]);
    assert_eq!(run["figures"]["queries"], 1.0);
    let run = bench(&["run", "w5", "raw-srv-addresses", "--count", "5"]);
    assert_eq!(run["figures"]["queries"], 3.0);
}

#[test]
fn an_error_names_what_does_not_exist() {
    let program = env!("CARGO_BIN_EXE_udpair-bench");
    for (words, named) in [
        (["run", "w1-64", "no-such-mode"], "no-such-mode"),
        (["run", "no-such-workload", "raw"], "no-such-workload"),
        (
            ["run", "w3", "raw-busy"],
            "raw-busy does not take part in w3",
        ),
        (["pure", "no-such-name", "1"], "no-such-name"),
    ] {
        let output = Command::new(program).args(words).output().unwrap();
        assert!(!output.status.success(), "{words:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(named), "{words:?}: {error}");
    }
}

/// The peers that must work: the baseline and udpair.
const PEERS: [&str; 2] = ["raw", "udpair"];
