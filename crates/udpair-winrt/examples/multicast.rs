//! Scenario 5 of the DatagramSocket sample: multicast and broadcast. Sends text to a group or to all
//! hosts, and waits for it, because the sender receives it too.
//!
//! ```text
//! multicast 224.3.0.5 22113 Hello             through every suitable adapter
//! multicast 224.3.0.5 22113 Hello lo          through this one
//! multicast 255.255.255.255 22113 Hello       to all hosts, through all adapters
//! ```

use std::env;
use std::net::Ipv4Addr;
use std::sync::mpsc;
use std::time::Duration;

use udpair_winrt::{DataWriter, DatagramSocket, HostName, NetworkAdapter, Result, udpair};

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (group, service, text, adapter) = match &arguments[..] {
        [group, service, text] => (group, service, text, None),
        [group, service, text, adapter] => (group, service, text, Some(adapter)),
        _ => panic!("usage: multicast GROUP SERVICE TEXT [ADAPTER]"),
    };
    let host = HostName::new(group)?;
    let is_broadcast = host.canonical_name() == Ipv4Addr::BROADCAST.to_string();

    let socket = DatagramSocket::new();
    if !is_broadcast {
        // Several programs may have the port then. What is sent to one host does not come in.
        socket.control().set_multicast_only(true)?;
    }
    let (sender, received) = mpsc::channel();
    socket.on_message_received(move |_, arguments| {
        let _ = sender.send(arguments);
    })?;
    match adapter {
        Some(name) => socket.bind_service_name_on(service, &named(name)).get()?,
        None => socket.bind_service_name(service).get()?,
    }
    if !is_broadcast {
        // After the socket is bound. A broadcast needs no option and no group.
        socket.join_multicast_group(&host)?;
    }

    let port = socket.information().local_port();
    let output = socket.output_stream_to(&host, &port).get()?;
    let writer = DataWriter::with_stream(output);
    writer.write_string(text)?;
    println!("sent {} bytes to {group} {port}", writer.store().get()?);

    let arguments = received.recv_timeout(Duration::from_secs(5));
    let arguments = arguments.expect("what was sent comes back");
    let reader = arguments.data_reader()?;
    let text = reader.read_string(reader.unconsumed_buffer_length()?)?;
    let local = arguments.local_address().expect("it was received");
    println!(
        "received {text} from port {} at {local}",
        arguments.remote_port()
    );
    Ok(())
}

/// Returns the adapter with this name.
fn named(name: &str) -> NetworkAdapter {
    let adapters = udpair::adapters().expect("the adapters can be listed");
    let named = adapters.into_iter().find(|adapter| adapter.name == name);
    named.expect("there is such an adapter").into()
}
