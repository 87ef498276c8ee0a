//! More third-party peers: a time server and a CoAP server, found by SRV.

use std::process::Command;

use super::daemon::{Daemon, Folder, free_port};
use super::named::Named;
use super::suite::{Suite, check, passed};
use super::udpair::Udpair;
use crate::command::find;

pub(crate) const SUITE: Suite = Suite {
    name: "time from chrony, resources from libcoap",
    needs: &[
        ("named", "bind9"),
        ("chronyd", "chrony"),
        ("coap-server-notls", "libcoap3-bin"),
    ],
    needs_root: false,
    cases,
};

fn cases() -> Result<(), String> {
    let folder = Folder::new("peers")?;
    let services = folder.write("services", "")?;
    let (ntp_port, coap_port) = (free_port()?, free_port()?);
    let named = Named::serve(&format!(
        "_ntp._udp   SRV 0 0 {ntp_port} time\n\
         _coap._udp  SRV 0 0 {coap_port} things\n\
         time        A 127.0.0.1\n\
         things      A 127.0.0.1\n"
    ))?;
    let common = ["--dns", &named.address, "--services", &services];
    let ask = |service: &str, request: &str| {
        Udpair::run(
            &[
                &["ask", "example.test", service, "--hex", request] as &[_],
                &common,
            ]
            .concat(),
        )
    };

    let path = folder.path().display();
    let configuration = folder.write(
        "chrony.conf",
        &format!(
            "local stratum 5\nallow 127.0.0.1\nport {ntp_port}\ncmdport 0\nbindcmdaddress /\n\
             pidfile {path}/chrony.pid\ndriftfile {path}/drift\n"
        ),
    )?;
    let mut command = Command::new(find("chronyd").ok_or("there is no chronyd")?);
    // -x: chronyd must not change the machine's clock.
    command.args(["-d", "-x", "-u", "root", "-f", &configuration]);
    let chronyd = Daemon::start("chronyd", &mut command, "chronyd version")?;
    // Version 4, client (RFC 5905, section 7.3), and 47 zero bytes.
    let request = format!("23{}", "00".repeat(47));
    let reply = chronyd.until_it_answers(|| ask("ntp", &request))?;
    let hex = reply.stdout.trim();
    // Version 4, server; stratum 5.
    let is_time_reply = hex.len() == 96 && matches!(hex.get(..4), Some("2405" | "e405"));
    check(is_time_reply, || reply.unlike("an NTP reply of stratum 5"))?;
    passed(
        "NTP by SRV",
        &format!("{}... ({} bytes)", &hex[..16], hex.len() / 2),
    );

    let mut command = Command::new(find("coap-server-notls").ok_or("there is no coap-server")?);
    command.args(["-v", "7", "-A", "127.0.0.1", "-p", &coap_port.to_string()]);
    let coap = Daemon::start("coap-server", &mut command, "created UDP")?;
    // Confirmable GET of /.well-known/core (RFC 7252, sections 3 and 5.10; RFC 6690).
    let request = format!("40011234bb{}04{}", hex_of(".well-known"), hex_of("core"));
    let reply = coap.until_it_answers(|| ask("coap", &request))?;
    let hex = reply.stdout.trim();
    // Acknowledgement, 2.05 Content, the message id of the request.
    check(hex.starts_with("60451234"), || reply.unlike("2.05 Content"))?;
    passed(
        "CoAP GET by SRV",
        &format!("{}... ({} bytes)", &hex[..8], hex.len() / 2),
    );
    Ok(())
}

fn hex_of(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
