//! The choice between fragments and a path whose packets are found out.

/// What becomes of a datagram that is longer than the packets of its path.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Fragmentation {
    /// It may be sent in fragments.
    #[default]
    Allow,
    /// It is not sent, or it is dropped on the path and reported. The system remembers the MTU of
    /// the path, and refuses what exceeds it (`IP_PMTUDISC_DO`, ip(7)).
    Forbid,
    /// It is dropped on the path. The system does not use what it knows about the MTU of the path
    /// beyond the adapter, so that a protocol can find it out by itself with probes of different
    /// lengths (RFC 8899; `IP_PMTUDISC_PROBE`, ip(7)).
    Probe,
}

impl Fragmentation {
    /// Returns what the two states of a switch that turns fragmentation off mean.
    pub fn of_switch(dont_fragment: bool) -> Self {
        match dont_fragment {
            true => Self::Forbid,
            false => Self::Allow,
        }
    }

    /// Returns whether datagrams are never sent in fragments.
    pub fn is_off(self) -> bool {
        self != Self::Allow
    }
}
