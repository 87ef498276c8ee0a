//! Finds an adapter by its name.

use udpair_io::Adapter;

use crate::error::{Error, ErrorKind};

/// Returns the adapter with this name, as `ip link` shows it.
///
/// # Errors
///
/// - [`AddressNotAvailable`](ErrorKind::AddressNotAvailable): there is no such adapter. The advice
///   names those that exist.
/// - The system's error: the adapters cannot be listed.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), udpair::Error> {
/// use udpair::DatagramSocket;
///
/// let adapter = udpair::adapter("eth0")?;
/// let socket = DatagramSocket::builder().bind_on(&adapter, &5353.into()).await?;
/// # Ok(())
/// # }
/// ```
pub fn adapter(name: &str) -> Result<Adapter, Error> {
    let message = || format!("cannot use adapter {name:?}");
    let adapters = udpair_io::adapters().map_err(|error| Error::system(message(), error))?;
    let names: Vec<_> = adapters
        .iter()
        .map(|adapter| adapter.name.clone())
        .collect();
    let found = adapters.into_iter().find(|adapter| adapter.name == name);
    found.ok_or_else(|| {
        let message = format!("{}: there is no such adapter", message());
        Error::new(ErrorKind::AddressNotAvailable, message)
            .with_advice(format!("this machine has {}", names.join(", ")))
    })
}
