//! What must hold for all bytes that the kernel could write, for the fuzz targets.

use crate::system;

/// Checks how control messages are read.
pub fn control_messages(bytes: &[u8]) {
    system::control_messages(bytes);
}

/// Checks how netlink messages are read.
pub fn netlink_messages(bytes: &[u8]) {
    system::netlink_messages(bytes);
}

/// Checks how coalesced datagrams are divided.
pub fn gro_splitting(bytes: &[u8]) {
    system::gro_splitting(bytes);
}
