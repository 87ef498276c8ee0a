//! Scenario 2 of the DatagramSocket sample: connects to a listener, by an endpoint pair and with
//! handlers for success and failure.
//!
//! ```text
//! connect localhost 22112
//! connect contoso.com stun        the port comes from the services file, or from DNS
//! ```

use std::env;
use std::sync::mpsc;

use udpair_winrt::{AsyncStatus, DatagramSocket, EndpointPair, HostName, Result};

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [host, service] = &arguments[..] else {
        panic!("usage: connect HOST SERVICE");
    };

    let socket = DatagramSocket::new();
    // Options are set before the socket is connected.
    socket.control().set_dont_fragment(true)?;
    // Without a local host and service, the system chooses that end.
    let pair = EndpointPair::new(None, "", HostName::new(host)?, service)?;

    let (done, ended) = mpsc::channel();
    let connecting = socket.connect_pair(&pair);
    // The handler is called once, at once if the operation has ended already.
    connecting.set_completed(move |operation, status| {
        let outcome = match status {
            AsyncStatus::Completed => Ok(()),
            _ => operation.get_results(),
        };
        let _ = done.send(outcome);
    })?;

    match ended.recv().expect("the handler is called") {
        Ok(()) => {
            let information = socket.information();
            let end = |address: Option<HostName>, port: String| {
                format!("{} {port}", address.expect("it is connected"))
            };
            let local = end(information.local_address(), information.local_port());
            let remote = end(information.remote_address(), information.remote_port());
            println!("connected {local} to {remote}");
        }
        Err(error) => println!("{:?} {:#010x}: {error}", error.status(), error.code()),
    }
    Ok(())
}
