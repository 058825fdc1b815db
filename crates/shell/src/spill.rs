//! The files in which output stands that does not fit into memory.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

/// Where output of one agent's commands may be written, and how much of it.
#[derive(Debug)]
pub(crate) struct SpillSpace {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) file_max: u64,
    pub(crate) left: AtomicU64,
}

/// One stream's file: made when it is first needed. It holds the text from the beginning without a gap.
#[derive(Debug)]
pub(crate) struct Spill {
    space: Arc<SpillSpace>,
    name: String,
    file: Option<File>,
    written: u64,
    is_over: bool,
}

impl Spill {
    pub(crate) fn new(space: Arc<SpillSpace>, name: String) -> Self {
        let is_over = space.directory.is_none();
        Self { space, name, file: None, written: 0, is_over }
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        Some(self.space.directory.as_ref()?.join(&self.name))
    }

    /// Writes what comes next; at first `before`, which is all that came so far. Gives how much is in the file.
    /// What does not fit, or cannot be written, is left out from there on: a full disk must not stop a command.
    pub(crate) async fn write(&mut self, before: &str, text: &str) -> u64 {
        if !self.is_over && self.write_all(before, text).await.is_err() {
            self.is_over = true;
        }
        self.written
    }

    async fn write_all(&mut self, before: &str, text: &str) -> io::Result<()> {
        if self.file.is_none() {
            let Some(path) = self.path() else { return Ok(()) };
            if let Some(directory) = path.parent() {
                tokio::fs::create_dir_all(directory).await?;
            }
            self.file = Some(File::create(path).await?);
            self.append(before).await?;
        }
        self.append(text).await?;
        // Readers open the file by themselves.
        match &mut self.file {
            Some(file) => file.flush().await,
            None => Ok(()),
        }
    }

    async fn append(&mut self, text: &str) -> io::Result<()> {
        let Some(file) = self.file.as_mut().filter(|_| !self.is_over) else { return Ok(()) };
        let room = self.space.file_max.saturating_sub(self.written);
        let wanted = (text.len() as u64).min(room);
        let granted = self.space.take(wanted);
        let fits = text.get(..text.floor_char_boundary(usize::try_from(granted).unwrap_or(usize::MAX)));
        let fits = fits.unwrap_or_default();
        file.write_all(fits.as_bytes()).await?;
        self.written += fits.len() as u64;
        self.is_over = fits.len() < text.len();
        Ok(())
    }
}

impl SpillSpace {
    /// Takes up to `wanted` bytes of what is left for all files.
    fn take(&self, wanted: u64) -> u64 {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left - left.min(wanted)));
        taken.map_or(0, |left| left.min(wanted))
    }
}

/// Reads up to `bytes` from `offset` of a file, of which `written` bytes count. Broken characters at the ends become
/// U+FFFD or are left to the next page.
pub(crate) async fn read_page(path: &Path, offset: u64, bytes: usize, written: u64) -> io::Result<String> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(offset)).await?;
    let bytes = written.saturating_sub(offset).min(bytes as u64);
    let mut page = Vec::new();
    file.take(bytes).read_to_end(&mut page).await?;
    Ok(match std::str::from_utf8(&page) {
        Err(error) if error.error_len().is_none() => {
            page.truncate(error.valid_up_to());
            String::from_utf8_lossy(&page).into_owned()
        }
        _ => String::from_utf8_lossy(&page).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_holds_the_beginning_up_to_its_limits() {
        let directory = tempfile::tempdir().unwrap();
        let space = Arc::new(SpillSpace {
            directory: Some(directory.path().join("deep/logs")),
            file_max: 10,
            left: AtomicU64::new(16),
        });
        let mut first = Spill::new(Arc::clone(&space), "first".to_owned());
        assert_eq!(first.write("head", "er").await, 6);
        assert_eq!(first.write("ignored", "€€").await, 9);
        assert_eq!(first.write("", "more").await, 9);
        let path = first.path().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "header€");
        assert_eq!(read_page(&path, 2, 5, 9).await.unwrap(), "ader");
        assert_eq!(read_page(&path, 6, 50, 9).await.unwrap(), "€");
        assert_eq!(read_page(&path, 60, 50, 9).await.unwrap(), "");
        // The space of all files together is nearly used up.
        let mut second = Spill::new(space, "second".to_owned());
        assert_eq!(second.write("", "0123456789").await, 6);
        let nowhere = Arc::new(SpillSpace { directory: None, file_max: 10, left: AtomicU64::new(10) });
        assert_eq!(Spill::new(nowhere, "x".to_owned()).write("a", "b").await, 0);
    }
}
