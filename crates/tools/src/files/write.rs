//! Writing whole files, and making folders.

use super::arguments::{OnePath, WriteFile};
use super::directory::{Kind, Replace};
use super::error::{FileError, size_text};
use super::resolve::Want;
use super::session::{Said, Session};

impl Session {
    pub(super) fn write_file(&self, arguments: &WriteFile) -> Said {
        let spot = self.to_write(&arguments.path)?;
        let there = spot.facts()?;
        if let Some(facts) = there.filter(|facts| facts.kind != Kind::File) {
            return Err(spot.not_a_file(facts.kind));
        }
        let content = arguments.content.as_bytes();
        let (folder, name) = spot.make_parent()?;
        folder.write(name, content, Replace::Always).map_err(|source| spot.io("write", source))?;
        self.ledger.note(&spot.path);
        let done = if there.is_some() { "overwrote" } else { "created" };
        let lines = arguments.content.lines().count();
        Ok(format!("{done} {} ({lines} lines, {})", spot.shown, size_text(content.len() as u64)))
    }

    pub(super) fn create_directory(&self, arguments: &OnePath) -> Said {
        let spot = self.to_read(&arguments.path)?;
        match spot.facts()? {
            // Nothing is to be done, so nothing needs to be allowed.
            Some(facts) if facts.kind == Kind::Folder => return Ok(format!("{} is there already", spot.shown)),
            Some(_) => return Err(FileError::Exists { path: spot.shown, hint: ", and is not a folder" }),
            None => {}
        }
        let spot = self.to_write(&arguments.path)?;
        self.grants.check(&spot.path, &arguments.path, Want::Write)?;
        let (folder, name) = spot.make_parent()?;
        folder.make_folder(name).map_err(|source| spot.io("create", source))?;
        Ok(format!("created {}", spot.shown))
    }
}
