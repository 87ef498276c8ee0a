//! `DatagramSocketControl`: the options of a socket.

use std::sync::Arc;

use udpair::{OptionValue, QualityOfService, SocketOperation, SocketOption};

use super::core::{Core, WeakCore};
use crate::error::{Error, Result};
use crate::numbered::numbered;

/// How the system treats a socket's datagrams (CTL-11).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(i32)]
pub enum SocketQualityOfService {
    /// As the system does by itself.
    #[default]
    Normal = 0,
    /// With priority, for less delay.
    LowLatency = 1,
}

impl TryFrom<i32> for SocketQualityOfService {
    type Error = Error;

    /// Returns the quality with this numeric value.
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: there is none.
    fn try_from(value: i32) -> Result<Self> {
        numbered(
            &[Self::Normal, Self::LowLatency],
            value,
            "quality of service",
        )
    }
}

/// The options of a socket, `Windows.Networking.Sockets.DatagramSocketControl`.
///
/// All but the hop limit can be set until the socket is bound or connected, or until the first write
/// (CTL-13, CTL-14).
///
/// # Errors
///
/// Every member of a closed socket's control fails with `RO_E_CLOSED`.
#[derive(Clone, Debug)]
pub struct DatagramSocketControl(pub(super) WeakCore);

impl DatagramSocketControl {
    /// Returns whether fragmentation is off. Default: `false` (CTL-01).
    pub fn dont_fragment(&self) -> Result<bool> {
        self.switch(SocketOption::DontFragment)
    }

    /// Sets whether fragmentation is off. Datagrams that are too long for the path then fail with
    /// `WSAEMSGSIZE` (CTL-03).
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`: the socket is open or being opened (CTL-13).
    pub fn set_dont_fragment(&self, value: bool) -> Result<()> {
        Ok(self.core()?.socket.set_dont_fragment(value)?)
    }

    /// Returns the size of the receive buffer in bytes: what was set, what the system has granted
    /// once the socket is open, or the system's default (CTL-07).
    pub fn inbound_buffer_size_in_bytes(&self) -> Result<u32> {
        let report = self.core()?.socket.options();
        let report = report.get(SocketOption::InboundBuffer);
        match (report.granted, report.requested) {
            (Some(OptionValue::Bytes(bytes)), _) | (None, Some(OptionValue::Bytes(bytes))) => {
                Ok(bytes)
            }
            _ => Ok(0),
        }
    }

    /// Sets the size of the receive buffer in bytes.
    ///
    /// # Errors
    ///
    /// - `E_INVALIDARG`: 0, or more than 2,147,483,647 (CTL-06). A size that the system does
    ///   not grant is accepted; once the socket is open, the value is what it has granted.
    /// - `E_ILLEGAL_METHOD_CALL`: the socket is open or being opened (CTL-13).
    pub fn set_inbound_buffer_size_in_bytes(&self, value: u32) -> Result<()> {
        let core = self.core()?;
        core.socket.check(SocketOperation::SetFrozenOption)?;
        if value == 0 || i32::try_from(value).is_err() {
            return Err(Error::invalid_argument(format!(
                "a receive buffer cannot have {value} bytes"
            )));
        }
        Ok(core.socket.set_inbound_buffer_bytes(value)?)
    }

    /// Returns whether the socket receives only multicasts and broadcasts, and shares its port.
    /// Default: `false` (CTL-12).
    pub fn multicast_only(&self) -> Result<bool> {
        Ok(self.core()?.socket.is_multicast_only())
    }

    /// Sets whether the socket receives only multicasts and broadcasts, and shares its port.
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`: the socket is open or being opened (CTL-13).
    pub fn set_multicast_only(&self, value: bool) -> Result<()> {
        Ok(self.core()?.socket.set_multicast_only(value)?)
    }

    /// Returns the hop limit of datagrams to one host. Default: 128 (CTL-08).
    pub fn outbound_unicast_hop_limit(&self) -> Result<u8> {
        let report = self.core()?.socket.options();
        match report.get(SocketOption::HopLimit).requested {
            Some(OptionValue::Hops(hops)) => Ok(hops),
            _ => Ok(HOP_LIMIT),
        }
    }

    /// Sets the hop limit of datagrams that are sent to one host from now on (CTL-09).
    ///
    /// # Errors
    ///
    /// `E_INVALIDARG`: 0 (CTL-10).
    pub fn set_outbound_unicast_hop_limit(&self, value: u8) -> Result<()> {
        Ok(self.core()?.socket.set_hop_limit(value)?)
    }

    /// Returns how the system treats the socket's datagrams. Default: normally (CTL-11).
    pub fn quality_of_service(&self) -> Result<SocketQualityOfService> {
        let report = self.core()?.socket.options();
        Ok(match report.get(SocketOption::QualityOfService).requested {
            Some(OptionValue::Quality(QualityOfService::LowLatency)) => {
                SocketQualityOfService::LowLatency
            }
            _ => SocketQualityOfService::Normal,
        })
    }

    /// Sets how the system treats the socket's datagrams.
    ///
    /// # Errors
    ///
    /// `E_ILLEGAL_METHOD_CALL`: the socket is open or being opened (CTL-13).
    pub fn set_quality_of_service(&self, value: SocketQualityOfService) -> Result<()> {
        let quality = match value {
            SocketQualityOfService::Normal => QualityOfService::Normal,
            SocketQualityOfService::LowLatency => QualityOfService::LowLatency,
        };
        Ok(self.core()?.socket.set_quality_of_service(quality)?)
    }

    fn switch(&self, option: SocketOption) -> Result<bool> {
        let report = self.core()?.socket.options();
        Ok(report.get(option).requested == Some(OptionValue::Switch(true)))
    }

    /// Returns the socket, unless it is closed.
    fn core(&self) -> Result<Arc<Core>> {
        let core = self.0.get()?;
        // Everything that is readable is settable at some time; this is so at any time.
        core.socket.check(SocketOperation::SetHopLimit)?;
        Ok(core)
    }
}

/// The hop limit of a socket by default (CTL-08).
const HOP_LIMIT: u8 = 128;
