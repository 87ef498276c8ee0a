//! From a service name to a STUN reply: BIND serves the names, and coturn answers.

use std::process::Command;

use serde_json::json;

use super::daemon::{Daemon, Folder, free_port};
use super::named::Named;
use super::suite::{Suite, check, passed};
use super::udpair::Udpair;
use crate::command::find;

pub(crate) const SUITE: Suite = Suite {
    name: "names from BIND, replies from coturn",
    needs: &[("named", "bind9"), ("turnserver", "coturn")],
    needs_root: false,
    cases,
};

/// The servers that the cases share.
struct Servers {
    named: Named,
    stun_port: u16,
    /// An empty services file. The machine's file lists `stun`, and would take precedence over DNS.
    no_services: String,
    folder: Folder,
    _turnserver: Daemon,
}

/// A case. It returns what it saw, or why it failed.
type Case = fn(&mut Servers) -> Result<String, String>;

fn cases() -> Result<(), String> {
    let mut servers = Servers::start()?;
    let cases: &[(&str, Case)] = &[
        ("resolve by SRV", resolve_by_srv),
        ("one round trip", one_round_trip),
        ("ask by SRV", ask_by_srv),
        ("ask by a service of two labels", ask_by_hierarchy),
        ("ask through an alias", ask_through_an_alias),
        ("ask by host and port", ask_by_host_and_port),
        (
            "the services file takes precedence over DNS",
            services_file_first,
        ),
        ("more records than a datagram holds", many_records),
        ("names that do not exist", missing_names),
    ];
    for (name, case) in cases {
        let seen = case(&mut servers).map_err(|why| format!("{name}: {why}"))?;
        passed(name, &seen);
    }
    Ok(())
}

impl Servers {
    fn start() -> Result<Self, String> {
        let folder = Folder::new("stun")?;
        let no_services = folder.write("services", "")?;
        let stun_port = free_port()?;
        let closed = free_port()?;
        let named = Named::serve(&zone(stun_port, closed))?;
        let program = find("turnserver").ok_or("there is no turnserver")?;
        let mut command = Command::new(program);
        command
            .args(["-n", "-v", "-L", "127.0.0.1", "-p", &stun_port.to_string()])
            .args(["--no-auth", "--no-tls", "--no-dtls", "--no-tcp", "--no-cli"])
            .args(["--log-file=stdout", "--simple-log"])
            .args([
                "--pidfile",
                &folder.path().join("pid").display().to_string(),
            ]);
        Ok(Self {
            named,
            stun_port,
            no_services,
            folder,
            _turnserver: Daemon::start("turnserver", &mut command, "UDP listener opened")?,
        })
    }

    /// Runs the command with the test name server and an empty services file.
    fn udpair(&self, arguments: &[&str]) -> Result<Udpair, String> {
        let common = [
            "--dns",
            &self.named.address,
            "--services",
            &self.no_services,
        ];
        Udpair::run(&[arguments, &common].concat())
    }

    /// Asks for a STUN binding, and checks the answer.
    fn ask(&self, host: &str, service: &str) -> Result<String, String> {
        let request = format!("000100002112a442{TRANSACTION}");
        let asked = self.udpair(&["ask", host, service, "--hex", &request])?;
        asked.has_code(0)?;
        let reply = asked.stdout.trim();
        // Success response, length, magic cookie, the transaction id of the request (RFC 8489,
        // section 5).
        let (kind, rest) = (reply.get(..4), reply.get(8..).unwrap_or_default());
        let is_success =
            kind == Some("0101") && rest.starts_with(&format!("2112a442{TRANSACTION}"));
        check(is_success, || asked.unlike("a STUN success response"))?;
        Ok(format!("{}... ({} bytes)", &reply[..40], reply.len() / 2))
    }
}

/// Returns a zone with priorities and weights, a hierarchy, aliases, the root target, and a host of
/// each family.
fn zone(stun: u16, closed: u16) -> String {
    let mut zone = format!(
        "_stun._udp             SRV 10 60 {stun} one\n\
         _stun._udp             SRV 10 0 {stun} two\n\
         _stun._udp             SRV 20 5 {closed} spare\n\
         _stun._service01._udp  SRV 0 0 {stun} one\n\
         _alias._udp            CNAME _stun._service01._udp\n\
         _through._udp          SRV 0 0 {stun} other-name\n\
         _none._udp             SRV 0 0 0 .\n\
         _many._udp             SRV 1 0 {stun} one\n\
         one                    A 127.0.0.1\n\
         two                    A 127.0.0.1\n\
         spare                  A 127.0.0.1\n\
         spare                  AAAA ::1\n\
         other-name             CNAME one\n\
         txt-only               TXT no-address\n"
    );
    for number in 0..80 {
        zone.push_str(&format!("_many._udp SRV 2 0 {} one\n", 1000 + number));
    }
    zone
}

/// SRV-01, SRV-10, SRV-11: the records, their order and the addresses, step by step.
fn resolve_by_srv(servers: &mut Servers) -> Result<String, String> {
    let run = servers.udpair(&["resolve", "example.test", "stun", "--explain", "--json"])?;
    run.has_code(0)?;
    let steps = run.events_named("step")?;
    let stages: Vec<_> = steps
        .iter()
        .filter_map(|step| step["stage"].as_str())
        .collect();
    let expected = ["services", "srv", "address", "address", "address", "order"];
    check(stages == expected, || run.unlike("the steps in order"))?;
    let srv = &steps[1];
    check(srv["name"] == "_stun._udp.example.test", || {
        run.unlike("the name of the records")
    })?;
    check(
        srv["queries"][0]["server"] == servers.named.address.as_str(),
        || run.unlike("the test name server"),
    )?;
    let priorities: Vec<_> = srv["records"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|r| r["priority"].clone())
        .collect();
    check(priorities == [json!(10), json!(10), json!(20)], || {
        run.unlike("priorities in order")
    })?;
    let pairs = run.events_named("endpoint-pair")?;
    let remotes: Vec<_> = pairs
        .iter()
        .filter_map(|pair| pair["remote"].as_str())
        .collect();
    let stun = format!("127.0.0.1:{}", servers.stun_port);
    // The first two hosts have the same address, which is listed once. The spare host has both
    // families. RFC 6724 puts ::1 first.
    let is_ordered = remotes.len() == 3
        && remotes[0] == stun
        && remotes[1].starts_with("[::1]:")
        && remotes[2].starts_with("127.0.0.1:");
    check(is_ordered, || run.unlike("the pairs in order"))?;
    Ok(format!(
        "{} steps, pairs {}",
        steps.len(),
        remotes.join(", ")
    ))
}

/// SRV-11: the response includes the addresses, so there is only one query.
fn one_round_trip(servers: &mut Servers) -> Result<String, String> {
    servers.named.queries()?;
    servers.ask("example.test", "stun")?;
    let queries = servers.named.queries()?;
    check(queries == ["_stun._udp.example.test SRV"], || {
        format!("asked {queries:?}")
    })?;
    Ok(format!(
        "{} query on the wire from name to reply: {}",
        queries.len(),
        queries[0]
    ))
}

/// CON-01: from two names to a reply.
fn ask_by_srv(servers: &mut Servers) -> Result<String, String> {
    servers.ask("example.test", "stun")
}

/// SRV-02
fn ask_by_hierarchy(servers: &mut Servers) -> Result<String, String> {
    servers.named.queries()?;
    let reply = servers.ask("example.test", "stun._service01")?;
    let queries = servers.named.queries()?;
    let expected = ["_stun._service01._udp.example.test SRV"];
    check(queries == expected, || format!("asked {queries:?}"))?;
    Ok(reply)
}

/// SRV-11
fn ask_through_an_alias(servers: &mut Servers) -> Result<String, String> {
    servers.ask("example.test", "through")?;
    servers.ask("example.test", "alias")
}

/// SRV-07: a host is queried for both address types.
fn ask_by_host_and_port(servers: &mut Servers) -> Result<String, String> {
    servers.named.queries()?;
    servers.ask("one.example.test", &servers.stun_port.to_string())?;
    let mut queries = servers.named.queries()?;
    queries.sort();
    let expected = ["one.example.test A", "one.example.test AAAA"];
    check(queries == expected, || format!("asked {queries:?}"))?;
    Ok(format!(
        "{} queries on the wire: {}",
        queries.len(),
        queries.join(", ")
    ))
}

/// SRV-16
fn services_file_first(servers: &mut Servers) -> Result<String, String> {
    let services = servers.folder.write(
        "services-with-stun",
        &format!("stun {}/udp\n", servers.stun_port),
    )?;
    servers.named.queries()?;
    let arguments = [
        "resolve",
        "127.0.0.1",
        "stun",
        "--dns",
        &servers.named.address,
    ];
    let run = Udpair::run(&[&arguments as &[_], &["--services", &services]].concat())?;
    run.has_code(0)?;
    let queries = servers.named.queries()?;
    check(queries.is_empty(), || format!("asked {queries:?}"))?;
    Ok("no query on the wire".into())
}

/// SRV-13
fn many_records(servers: &mut Servers) -> Result<String, String> {
    let run = servers.udpair(&["resolve", "example.test", "many", "--explain", "--json"])?;
    run.has_code(0)?;
    let steps = run.events_named("step")?;
    let queries = steps[1]["queries"].as_array().into_iter().flatten();
    let transports: Vec<_> = queries
        .map(|query| (query["transport"].as_str(), query["outcome"].as_str()))
        .collect();
    let expected = [
        (Some("udp"), Some("truncated")),
        (Some("tcp"), Some("NOERROR")),
    ];
    check(transports == expected, || run.unlike("an answer over TCP"))?;
    let pairs = run.events_named("endpoint-pair")?;
    check(pairs.len() == 81, || run.unlike("81 pairs"))?;
    Ok(format!("{} pairs, over TCP", pairs.len()))
}

/// SRV-08, SRV-09
fn missing_names(servers: &mut Servers) -> Result<String, String> {
    let mut seen = Vec::new();
    for (host, service, status, code) in [
        ("gone.example.test", "7", 6, 3),
        ("example.test", "gone", 6, 3),
        ("txt-only.example.test", "7", 7, 3),
        ("example.test", "none", 7, 3),
        // The server refuses, which says nothing about the name.
        ("elsewhere.test", "7", 0, 5),
    ] {
        let run = servers.udpair(&["ask", host, service, "--json"])?;
        run.has_code(code)?;
        let errors = run.events_named("error")?;
        let is_expected = errors.len() == 1 && errors[0]["status"] == status;
        check(is_expected, || run.unlike(&format!("status {status}")))?;
        let message = errors[0]["message"].as_str().unwrap_or_default();
        check(message.contains(&servers.named.address), || {
            run.unlike("the server's name")
        })?;
        seen.push(format!("{host} {service}: {status}"));
    }
    Ok(seen.join(", "))
}

/// The transaction id of the requests: twelve bytes (RFC 8489, section 5).
const TRANSACTION: &str = "756470616972000102030405";
