//! Scenario 3 of the DatagramSocket sample: sends text to a listener, and prints the reply. It awaits
//! its operations; any executor would do in place of tokio.
//!
//! ```text
//! send localhost 22112 Hello
//! ```

use std::env;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time;
use udpair_winrt::{DataWriter, DatagramSocket, HostName, Result};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [host, service, text] = &arguments[..] else {
        panic!("usage: send HOST SERVICE TEXT");
    };

    let socket = DatagramSocket::new();
    let (sender, mut replies) = mpsc::unbounded_channel();
    // Handlers run on threads of the library, and hand over what they get.
    socket.on_message_received(move |_, arguments| {
        let _ = sender.send(arguments);
    })?;
    socket.connect(&HostName::new(host)?, service).await?;

    // Everything that is written before a store makes one datagram.
    let writer = DataWriter::with_stream(socket.output_stream()?);
    writer.write_string(text)?;
    println!("sent {} bytes", writer.store().await?);

    let Ok(reply) = time::timeout(Duration::from_secs(5), replies.recv()).await else {
        println!("no reply in 5 s");
        return Ok(());
    };
    let reply = reply.expect("the socket is open");
    match reply.data_reader() {
        Ok(reader) => {
            let length = reader.unconsumed_buffer_length()?;
            println!("reply: {}", reader.read_string(length)?);
        }
        // No socket listens there, for example.
        Err(error) => println!("{:?}", error.status()),
    }
    Ok(())
}
