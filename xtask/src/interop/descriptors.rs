//! A process that has no descriptor left for a query: the error says so, and says nothing of the
//! server.

use std::net::{SocketAddr, UdpSocket};
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Builder as RuntimeBuilder;
use udpair::{DatagramSocket, EndpointPair, Error, ErrorKind, Resolver};

use super::lan::{Why, endpoint};
use super::names::question;
use super::namespace::Namespace;
use super::suite::{Suite, check, passed};

pub(crate) const SUITE: Suite = Suite {
    name: "queries without a descriptor",
    needs: &[("ip", "iproute2")],
    needs_root: true,
    cases: || cases().map_err(|why| why.to_string()),
};

/// GEN-08, SRV-13: this program does the work in `inside`, since the limit is that of a process.
fn cases() -> Result<(), Why> {
    let mut host = Namespace::new("descriptors")?;
    host.overlay_etc(&[
        ("services", ""),
        ("hosts", ""),
        ("resolv.conf", "nameserver 127.0.0.2\noptions attempts:1\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ])?;
    let this = std::env::current_exe()?.display().to_string();
    for (what, case) in [
        ("no descriptor for UDP", "udp"),
        ("no descriptor for TCP", "tcp"),
        ("no descriptor for the system's resolver", "system"),
        (
            "no descriptor for TCP of the system's resolver",
            "system-tcp",
        ),
    ] {
        let argument = format!("{DESCRIPTORS}{case}");
        let output = host.command(&this).args(["inside", &argument]).output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        check(output.status.success(), || format!("{what}: {text}"))?;
        passed(what, String::from_utf8_lossy(&output.stdout).trim());
    }
    Ok(())
}

/// What `inside` is called with starts like this.
pub(super) const DESCRIPTORS: &str = "descriptors-";

/// Looks names up without a descriptor.
pub(super) fn inside(case: &str) -> Result<(), Why> {
    let runtime = RuntimeBuilder::new_current_thread().enable_all().build()?;
    let limit = getrlimit(Resource::Nofile);
    let is_by_system = case.starts_with("system");
    let address = if is_by_system {
        "127.0.0.2:53"
    } else {
        "127.0.0.2:0"
    };
    let server = UdpSocket::bind(address)?;
    let address = server.local_addr()?;
    let begins_without = !case.ends_with("tcp");
    thread::spawn(move || truncate(&server));
    let resolver = match is_by_system {
        true => Resolver::builder(),
        false => Resolver::builder().dns_servers([address]).services_text(""),
    };
    let mut seen = Vec::new();
    for remote in ["x.test:7", "y.z.test:7", "x.test:stun"] {
        if is_by_system && remote.ends_with("stun") {
            continue;
        }
        let (remote, resolver) = (endpoint(remote)?, resolver.clone().build());
        for connects in [false, true] {
            if begins_without {
                take_descriptors();
            }
            let error = runtime.block_on(failure(&resolver, &remote, connects));
            setrlimit(Resource::Nofile, limit)?;
            let error = error?;
            let message = error.to_string();
            let is_ours = error.kind() == ErrorKind::TooManyFiles
                && !message.contains(&address.to_string())
                && error
                    .advice()
                    .is_some_and(|advice| advice.contains("ulimit -n"));
            check(is_ours, || format!("{remote}: {error:?}"))?;
            if !seen.contains(&message) {
                seen.push(message);
            }
        }
    }
    println!("{}", seen.join(", "));
    Ok(())
}

async fn failure(
    resolver: &Resolver,
    remote: &udpair::Endpoint,
    connects: bool,
) -> Result<Error, Why> {
    if connects {
        let builder = DatagramSocket::builder().resolver(resolver);
        let pair = EndpointPair::to_endpoint(remote.clone())?;
        return Ok(builder.connect(&pair).await.err().ok_or("it connected")?);
    }
    let resolution = resolver.resolve(remote).await;
    Ok(resolution.candidates().err().ok_or("an address")?.clone())
}

/// Makes the limit lower than the number of open descriptors, so that no other can be opened.
fn take_descriptors() {
    let none = Rlimit {
        current: Some(0),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    setrlimit(Resource::Nofile, none).expect("a lower limit is always permitted");
}

/// Answers every query with a response that did not fit, so that it is repeated over TCP. There is
/// no descriptor for that.
fn truncate(server: &UdpSocket) {
    let mut buffer = [0; 2048];
    while let Ok((length, from)) = server.recv_from(&mut buffer) {
        let Some((_, _, end)) = question(&buffer[..length]) else {
            continue;
        };
        take_descriptors();
        let mut reply = buffer[..end].to_vec();
        // A response of an authority, cut off after the question.
        reply[2] = 0x86;
        reply[3] = 0x80;
        reply[6..12].fill(0);
        send(server, &reply, from);
    }
}

fn send(server: &UdpSocket, reply: &[u8], to: SocketAddr) {
    // The asker may have given up.
    let _ = server.send_to(reply, to);
}
