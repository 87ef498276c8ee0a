//! Scenario 4 of the DatagramSocket sample: closes a client, its stream and a listener, and shows what
//! that means.
//!
//! ```text
//! close
//! ```

use udpair_winrt::{Buffer, DataWriter, DatagramSocket, HostName, Result};

fn main() -> Result<()> {
    let loopback = HostName::new("127.0.0.1")?;
    let listener = DatagramSocket::new();
    listener.on_message_received(|_, _| ())?;
    listener.bind_endpoint(Some(&loopback), "").get()?;
    let port = listener.information().local_port();

    let client = DatagramSocket::new();
    client.connect(&loopback, &port).get()?;
    let writer = DataWriter::with_stream(client.output_stream()?);
    writer.write_string("Hello")?;
    writer.store().get()?;

    // A writer closes the stream that it owns, unless the stream is detached before. Closing the
    // stream leaves the socket open.
    let stream = writer.detach_stream()?;
    writer.close();
    let length = stream.write(&Buffer::copy_from(b"still open")).get()?;
    println!("the stream without its writer: {length} bytes");

    client.close();
    let write = stream.write(&Buffer::copy_from(b"too late"));
    let error = write.get().expect_err("the socket is closed");
    println!("a write after the close: {:#010x}", error.code());

    // The handlers are removed, and the port is free when the call returns. Dropping the last handle
    // does the same.
    listener.close();
    println!(
        "the port of the listener: {:?}",
        listener.information().local_port()
    );
    let next = DatagramSocket::new();
    next.bind_endpoint(Some(&loopback), &port).get()?;
    println!(
        "the port is free: {}",
        next.information().local_port() == port
    );

    // Closing it again does nothing.
    listener.close();
    Ok(())
}
