//! A program whose look-ups the system does not answer: it can still do everything else, and it
//! ends when it wants to.

use std::fs;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::runtime::Builder as RuntimeBuilder;
use tokio::task::spawn_blocking;
use udpair::{DatagramSocket, ErrorKind, Resolver};

use super::lan::{Why, endpoint};
use super::namespace::Namespace;
use super::suite::{Suite, check, passed};

pub(crate) const SUITE: Suite = Suite {
    name: "look-ups by the system that nobody waits for any more",
    needs: &[("ip", "iproute2")],
    needs_root: true,
    cases: || cases().map_err(|why| why.to_string()),
};

/// HOST-20: this program does the work in `inside`, since it must end.
fn cases() -> Result<(), Why> {
    let mut host = Namespace::new("guest")?;
    host.overlay_etc(&[
        ("services", "listed 4000/udp\n"),
        ("hosts", "127.0.0.1 listed.test\n"),
        (
            "resolv.conf",
            "nameserver 127.0.0.2\nnameserver 127.0.0.3\nnameserver 127.0.0.4\n",
        ),
        ("nsswitch.conf", "hosts: files dns\n"),
    ])?;
    let silent = ["127.0.0.2:53", "127.0.0.3:53", "127.0.0.4:53"];
    let silent = host.enter(|| silent.map(UdpSocket::bind))?;
    let silent: Vec<_> = silent.into_iter().collect::<Result<_, _>>()?;
    let this = std::env::current_exe()?.display().to_string();
    let started = Instant::now();
    let output = host.command(&this).args(["inside", GUEST]).output()?;
    let elapsed = started.elapsed();
    drop(silent);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    check(output.status.success(), || text)?;
    check(elapsed < ONE_LOOKUP, || {
        format!("the process ended after {elapsed:?}")
    })?;
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    passed(
        "a program that gives up on 600 names",
        &format!("{}; it ended after {elapsed:.1?}", seen.trim()),
    );
    Ok(())
}

/// What `inside` is called with.
pub(super) const GUEST: &str = "abandoned-lookups";

/// Gives up on many look-ups, and then does other work.
pub(super) fn inside() -> Result<(), Why> {
    // As that of `#[tokio::main]`, it is dropped at the end and waits for its own threads.
    let runtime = RuntimeBuilder::new_current_thread().enable_all().build()?;
    let seen = runtime.block_on(abandon())?;
    println!("{seen}");
    Ok(())
}

async fn abandon() -> Result<String, Why> {
    let resolver = Resolver::builder().timeout(LIMIT).build();
    let names: Vec<_> = (0..NAMES)
        .map(|number| endpoint(&format!("name{number}.test:7")))
        .collect::<Result<_, _>>()?;
    let lookups = names.iter().map(|name| resolver.resolve(name));
    let started = Instant::now();
    let resolutions = join_all(lookups).await;
    let elapsed = started.elapsed();
    check(elapsed < ONE_LOOKUP / 2, || {
        format!("the limit is {LIMIT:?}, and it took {elapsed:?}")
    })?;
    let mut without_thread = 0;
    for resolution in &resolutions {
        let error = resolution.candidates().err().ok_or("an address")?;
        check(error.kind() == ErrorKind::NameServer, || error.to_string())?;
        without_thread += usize::from(error.to_string().contains("no thread was free"));
    }
    check(without_thread == NAMES - THREADS_MAX, || {
        format!("{without_thread} look-ups had no thread")
    })?;
    let threads = fs::read_dir("/proc/self/task")?.count();
    check((THREADS_MAX..THREADS_MAX + 8).contains(&threads), || {
        format!("{threads} threads")
    })?;

    let started = Instant::now();
    // The runtime's own threads.
    let hosts = spawn_blocking(|| fs::read_to_string("/etc/hosts")).await??;
    check(hosts.contains("listed.test"), || hosts.clone())?;
    // Files, literals, and names that need no server.
    let file = Resolver::builder().hosts_file("/etc/hosts").build();
    for (resolver, remote, expected) in [
        (&resolver, "127.0.0.1:listed", "127.0.0.1:4000"),
        (&resolver, "127.0.0.1:7", "127.0.0.1:7"),
        (&resolver, "localhost:7", "[::1]:7"),
        (&file, "listed.test:listed", "127.0.0.1:4000"),
    ] {
        let resolution = resolver.resolve(&endpoint(remote)?).await;
        let found = resolution.candidates()?[0].address;
        check(found == expected.parse()?, || format!("{remote}: {found}"))?;
    }
    let builder = DatagramSocket::builder().resolver(&resolver);
    let pair = udpair::EndpointPair::to("127.0.0.1", "listed")?;
    let peer = builder.connect(&pair).await?.peer_addr();
    check(peer == Some("127.0.0.1:4000".parse()?), || {
        format!("{peer:?}")
    })?;
    let elapsed = started.elapsed();
    check(elapsed < LIMIT, || format!("other work took {elapsed:?}"))?;
    Ok(format!(
        "{THREADS_MAX} names held a thread, {without_thread} had none"
    ))
}

const NAMES: usize = 600;

/// The number of look-ups by the system that may run at once.
const THREADS_MAX: usize = 64;

/// The limit of each look-up.
const LIMIT: Duration = Duration::from_secs(1);

/// Less than one look-up takes the system: it asks three silent servers twice.
const ONE_LOOKUP: Duration = Duration::from_secs(15);
