//! `SendQueueCounts`: how much of what users wrote was still on this machine when somebody looked.

/// A look at the send queues of a sample of the connections, in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendQueueCounts {
    /// Connections looked at.
    pub sampled: u64,
    /// Those of them whose queue was so full that the kernel took no more.
    pub blocked: u64,
    /// Bytes in their queues: given to the kernel, and not acknowledged by the other side.
    pub bytes: u64,
    /// Bytes in the longest queue.
    pub bytes_max: u64,
}

impl SendQueueCounts {
    /// Counts one connection.
    pub fn saw(&mut self, bytes: u64, is_blocked: bool) {
        self.sampled += 1;
        self.blocked += u64::from(is_blocked);
        self.bytes += bytes;
        self.bytes_max = self.bytes_max.max(bytes);
    }

    /// Adds another worker's look, or a later one.
    pub fn merge(&mut self, other: &SendQueueCounts) {
        self.sampled += other.sampled;
        self.blocked += other.blocked;
        self.bytes += other.bytes;
        self.bytes_max = self.bytes_max.max(other.bytes_max);
    }
}
