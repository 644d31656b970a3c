//! Files that are replaced as a whole: temporary file, then rename.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::StoreError;

/// Writes a file so that a reader finds the old content or the new content, never a part.
///
/// The content is on the disk before the name points to it. Errors: the place cannot be written; nothing is changed then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // The error that matters is the first one; a left-over temporary file does no harm.
        let _ = fs::remove_file(&temporary);
        StoreError::Write { path: path.to_owned(), source }
    })?;
    sync_folder_of(path);
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a new name in a folder durable. Some file systems refuse to sync folders: the content is safe even then.
pub(super) fn sync_folder_of(path: &Path) {
    if let Some(folder) = path.parent()
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_replaced_and_no_temporary_file_stays() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("results.json");
        write_whole(&path, b"old").expect("written");
        write_whole(&path, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("readable"), b"new");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_failed_write_names_the_file() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let error = write_whole(&folder.path().join("none/results.json"), b"x").expect_err("no such folder");
        assert!(error.to_string().contains("none/results.json"), "{error}");
    }
}
