//! What users fetch from the history by themselves after a lost connection.

/// What became of it in one interval. `topics = whole + cut_short + refused + unanswered`, and those under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CatchUps {
    /// Topics whose history was asked for.
    pub topics: u64,
    /// Pages asked for.
    pub pages: u64,
    /// Topics of which everything that was missed was fetched.
    pub whole: u64,
    /// Topics of which more was missed than is fetched at most.
    pub cut_short: u64,
    /// Topics whose history was refused.
    pub refused: u64,
    /// Topics whose history did not come in time, or whose connection ended before.
    pub unanswered: u64,
    /// Publishes of unknown outcome that were found, or found missing.
    pub settled: u64,
}

impl CatchUps {
    /// Adds another interval's.
    pub fn merge(&mut self, other: &CatchUps) {
        self.topics += other.topics;
        self.pages += other.pages;
        self.whole += other.whole;
        self.cut_short += other.cut_short;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.settled += other.settled;
    }
}
