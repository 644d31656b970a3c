//! Who writes a run folder, so that no second process does. The system lets go of the lock when its holder ends, however
//! that comes about.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::StoreError;

/// Its name in the journal's folder.
const NAME: &str = "lock";

/// Held as long as a run writes its folder.
#[derive(Debug)]
pub struct RunLock(#[expect(dead_code, reason = "held, and let go of with it")] Option<Flock<File>>);

impl RunLock {
    /// Takes the lock of the run with this journal.
    ///
    /// Errors: another process has it, or its file cannot be written.
    pub fn take(journal: &Path) -> Result<RunLock, StoreError> {
        let path = journal.join(NAME);
        let failed = |source| StoreError::Write { path: path.clone(), source };
        let file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                // For people; a disk that is full is told when it matters.
                let _ = file.set_len(0).and_then(|()| file.rewind());
                let _ = writeln!(file, "{}", std::process::id());
                Ok(RunLock(Some(file)))
            }
            Err((mut file, Errno::EWOULDBLOCK)) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                // One that has the lock since a moment ago has not written its number yet.
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    number => format!("process {number}"),
                };
                Err(StoreError::InUse { path: journal.parent().unwrap_or(journal).to_owned(), holder })
            }
            // A file system without locks: then there is none.
            Err(_) => Ok(RunLock(None)),
        }
    }

    /// Whether a process writes the run with this journal.
    pub fn is_held(journal: &Path) -> bool {
        let Ok(file) = File::open(journal.join(NAME)) else { return false };
        matches!(Flock::lock(file, FlockArg::LockSharedNonblock), Err((_, Errno::EWOULDBLOCK)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_refused_by_name() {
        let place = tempfile::tempdir().expect("temporary folder");
        assert!(!RunLock::is_held(place.path()));
        let first = RunLock::take(place.path()).expect("free");
        assert!(RunLock::is_held(place.path()));
        let error = RunLock::take(place.path()).expect_err("held").to_string();
        assert!(error.contains(&format!("is being written by process {}:", std::process::id())), "{error}");
        std::fs::write(place.path().join(NAME), "").expect("written");
        let error = RunLock::take(place.path()).expect_err("held").to_string();
        assert!(error.contains("is being written by another process:"), "{error}");
        drop(first);
        RunLock::take(place.path()).expect("free again");
    }
}
