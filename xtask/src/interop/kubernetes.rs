//! A namespace that is set up like a pod of a Kubernetes cluster: the cluster's DNS on port 53,
//! search domains, ndots, and headless services.

use std::process::Command;

use super::daemon::{Daemon, Folder};
use super::namespace::Namespace;
use super::suite::{Suite, check, passed};
use crate::command::find;

pub(crate) const SUITE: Suite = Suite {
    name: "a pod's resolver: search domains, ndots, headless services",
    needs: &[("ip", "iproute2"), ("knotd", "knot")],
    needs_root: true,
    cases,
};

const ZONE: &str = "\
$TTL 5
@ SOA ns hostmaster 1 3600 600 86400 5
@ NS ns
ns A 127.0.0.1
; A headless service: an address for each pod, and an SRV record for each pod and port.
web.shop.svc A 127.0.0.11
web.shop.svc A 127.0.0.12
_echo._udp.web.shop.svc SRV 0 50 7000 pod-1.web.shop.svc
_echo._udp.web.shop.svc SRV 0 50 7000 pod-2.web.shop.svc
pod-1.web.shop.svc A 127.0.0.11
pod-2.web.shop.svc A 127.0.0.12
db.data.svc A 127.0.0.13
";

fn cases() -> Result<(), String> {
    let mut pod = Namespace::new("pod")?;
    pod.overlay_etc(&[
        (
            "resolv.conf",
            "nameserver 127.0.0.1\n\
             search shop.svc.cluster.local svc.cluster.local cluster.local\n\
             options ndots:5 timeout:1 attempts:1\n",
        ),
        ("nsswitch.conf", "hosts: files dns\n"),
        ("hosts", "127.0.0.1 localhost\n"),
        ("services", "# none\n"),
    ])?;
    let folder = Folder::new("knot")?;
    let knot = start_knot(&pod, &folder)?;
    let _pods = [
        pod.echo("127.0.0.11:7000")?,
        pod.echo("127.0.0.12:7000")?,
        pod.echo("127.0.0.13:7000")?,
    ];

    // HOST-20: short names, through the search list of the system's resolver.
    for (host, addresses) in [
        ("web", &["127.0.0.11:7000", "127.0.0.12:7000"] as &[_]),
        ("db.data", &["127.0.0.13:7000"]),
        (
            "web.shop.svc.cluster.local",
            &["127.0.0.11:7000", "127.0.0.12:7000"],
        ),
    ] {
        let run = pod.udpair(&["resolve", host, "7000", "--json"])?;
        run.has_code(0)?;
        let pairs = run.events_named("endpoint-pair")?;
        let mut remotes: Vec<_> = pairs
            .iter()
            .filter_map(|pair| pair["remote"].as_str())
            .collect();
        remotes.sort_unstable();
        check(remotes == addresses, || {
            run.unlike(&format!("{addresses:?}"))
        })?;
        let run = pod.udpair(&["ask", host, "7000", "hello"])?;
        run.has_code(0)?;
        check(run.stdout == "hello\n", || run.unlike("the echo"))?;
        passed(
            "through the system's resolver",
            &format!("{host} is {}", remotes.join(", ")),
        );
    }

    // SRV-07: by SRV, from the name servers in the system's configuration. The name is absolute, so
    // the search list does not apply.
    let run = pod.udpair(&[
        "ask",
        "web.shop.svc.cluster.local",
        "echo",
        "hello",
        "--json",
    ])?;
    run.has_code(0)?;
    let remote = run.events_named("connected")?[0]["remote"].to_string();
    check(remote.contains("127.0.0.1"), || run.unlike("a pod"))?;
    passed(
        "by SRV",
        &format!("web.shop.svc.cluster.local echo is {remote}"),
    );
    let run = pod.udpair(&["ask", "web", "echo", "--json"])?;
    run.has_code(5)?;

    // ADR-03: errors of the system's resolver keep their meaning.
    let run = pod.udpair(&["ask", "nobody.svc.cluster.local", "7000", "--json"])?;
    run.has_code(3)?;
    check(run.events_named("error")?[0]["status"] == 6, || {
        run.unlike("status 6")
    })?;
    passed("a name that does not exist", "status 6");
    drop(knot);
    let run = pod.udpair(&["ask", "web.shop.svc.cluster.local", "7000", "--json"])?;
    run.has_code(5)?;
    check(run.events_named("error")?[0]["status"] == 8, || {
        run.unlike("status 8")
    })?;
    let run = pod.udpair(&["ask", "web.shop.svc.cluster.local", "echo", "--json"])?;
    run.has_code(5)?;
    check(run.events_named("error")?[0]["status"] == 8, || {
        run.unlike("status 8")
    })?;
    passed(
        "the name server has stopped",
        "status 8, through the system's resolver and by SRV",
    );
    Ok(())
}

/// Starts the cluster's name server in the pod.
fn start_knot(pod: &Namespace, folder: &Folder) -> Result<Daemon, String> {
    let path = folder.path().display();
    folder.write("cluster.zone", ZONE)?;
    let configuration = folder.write(
        "knot.conf",
        &format!(
            "server:\n  rundir: {path}\n  listen: 127.0.0.1@53\n\
             database:\n  storage: {path}\n\
             log:\n  - target: stderr\n    any: info\n\
             zone:\n  - domain: cluster.local\n    file: {path}/cluster.zone\n    \
             storage: {path}\n    zonefile-sync: -1\n"
        ),
    )?;
    let program = find("knotd").ok_or("there is no knotd")?;
    let mut command: Command = pod.command(&program.display().to_string());
    command.args(["-c", &configuration]);
    Daemon::start("knotd", &mut command, "server started")
}
