//! What a filter did to what was received.

/// What a filter kept in a batch, and what it refused.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct FilterStats {
    /// How many datagrams were refused.
    pub refused: usize,
    /// How many payload bytes the kept datagrams have in total.
    pub bytes: usize,
    /// How many of the kept datagrams are truncated.
    pub truncated: usize,
    /// How many datagrams the kernel dropped before refused datagrams at the end of the batch,
    /// after which no kept datagram follows that could report them.
    pub drops: u32,
}
