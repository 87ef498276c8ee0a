//! Scenario 1 of the DatagramSocket sample: listens, prints what comes, and sends it back.
//!
//! ```text
//! listen any 22112                    on all addresses of this machine
//! listen address 127.0.0.1 22112      on one address
//! listen adapter 192.0.2.1 22112      on the adapter that has this address
//! listen adapter eth0 22112           on the adapter with this name
//! ```
//!
//! It ends when its standard input does.

use std::env;
use std::io;

use udpair_winrt::{
    DatagramSocket, Error, HostName, MessageReceivedEventArgs, NetworkAdapter, Result, hresult,
    network_information, udpair,
};

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();

    let listener = DatagramSocket::new();
    // Before the socket is bound: a handler that comes later is refused.
    listener.on_message_received(|listener, arguments| {
        if let Err(error) = answer(listener, &arguments) {
            // That of a datagram which did not arrive, for example: the network has sent it back.
            println!("{:?} from {}", error.status(), end(&arguments));
        }
    })?;
    match arguments[..] {
        ["any", service] => listener.bind_service_name(service).get()?,
        ["address", address, service] => {
            let host = HostName::new(address)?;
            listener.bind_endpoint(Some(&host), service).get()?;
        }
        ["adapter", adapter, service] => {
            let adapter = find(adapter)?;
            listener.bind_service_name_on(service, &adapter).get()?;
        }
        _ => panic!("usage: listen any | address ADDRESS | adapter ADDRESS-OR-NAME, and a SERVICE"),
    }
    let information = listener.information();
    let address = information.local_address().expect("it is bound");
    println!("listening at {address} {}", information.local_port());

    io::copy(&mut io::stdin(), &mut io::sink()).expect("standard input can be read");
    listener.close();
    Ok(())
}

/// Prints a datagram and sends it back to its sender.
fn answer(listener: &DatagramSocket, arguments: &MessageReceivedEventArgs) -> Result<()> {
    let reader = arguments.data_reader()?;
    let length = reader.unconsumed_buffer_length()?;
    println!("{length} bytes from {}", end(arguments));

    let remote = arguments.remote_address();
    let output = listener.output_stream_to(&remote, &arguments.remote_port());
    output.get()?.write(&reader.detach_buffer()?).get()?;
    Ok(())
}

fn end(arguments: &MessageReceivedEventArgs) -> String {
    format!("{} {}", arguments.remote_address(), arguments.remote_port())
}

/// Returns the adapter that has this address, or this name.
fn find(text: &str) -> Result<NetworkAdapter> {
    // Host names of this machine know their adapters. They have no loopback addresses.
    for host in network_information::host_names()? {
        if let Some(ip) = host.ip_information()
            && host.canonical_name() == text
        {
            return Ok(ip.network_adapter());
        }
    }
    // The object model has no names of adapters. The library below has them.
    let adapters = udpair::adapters().unwrap_or_default();
    let named = adapters.into_iter().find(|adapter| adapter.name == text);
    let missing = || Error::new(hresult::E_INVALIDARG, format!("there is no adapter {text}"));
    named.map(NetworkAdapter::from).ok_or_else(missing)
}
