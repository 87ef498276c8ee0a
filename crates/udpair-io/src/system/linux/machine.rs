//! This machine's name (gethostname(2)), and the network namespace of a thread (namespaces(7)).

use std::io;
use std::os::unix::fs::MetadataExt;

use crate::tools::Tools;

/// Returns the machine's name; see [`machine_name`](crate::machine_name).
pub(crate) fn machine_name() -> io::Result<String> {
    let mut name = [0_u8; NAME_BYTES];
    // SAFETY: `name` is writable for its length.
    let result = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// Returns the number of the calling thread's network namespace; see
/// [`network_namespace`](crate::network_namespace).
pub(crate) fn network_namespace() -> Option<u64> {
    let namespace = std::fs::metadata("/proc/thread-self/ns/net").ok()?;
    Some(namespace.ino())
}

/// The commands that hints name (ip-link(8), ip-address(8), ip-route(8), ss(8), bash(1)).
pub(crate) const TOOLS: Tools = Tools {
    adapters: "ip link",
    addresses: "ip address",
    route: "ip route get",
    udp_ports: "ss -ulpn",
    descriptors: "ulimit -n",
};

/// `HOST_NAME_MAX` is 64 on Linux (gethostname(2)), and a NUL follows.
const NAME_BYTES: usize = 65;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_a_process_are_in_its_network_namespace() {
        let here = network_namespace();
        assert!(here.is_some());
        let there = std::thread::spawn(network_namespace).join().unwrap();
        assert_eq!(here, there);
    }

    #[test]
    fn the_machine_name_is_that_of_the_kernel() {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(machine_name().unwrap(), name.trim_end());
    }
}
