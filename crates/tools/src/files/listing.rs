//! Listing folders, finding files by name, and telling about one of them.

use jiff::Timestamp;

use super::arguments::{Count, DirectoryTree, ListDirectory, OnePath, SearchFiles, SortBy};
use super::directory::{Facts, Kind};
use super::error::{FileError, size_text};
use super::grants::{Access, PlaceKind};
use super::pages::page;
use super::places::is_kept;
use super::resolve::Spot;
use super::session::{Said, Session};
use super::walk::{Entry, Next, Patterns, WalkRules, name_text};

/// How many entries one result shows unless told otherwise.
const ENTRIES_MAX: usize = 500;

/// How many entries are gathered at all.
const GATHERED_MAX: usize = 50_000;

impl Session {
    pub(super) fn list_directory(&self, arguments: &ListDirectory) -> Said {
        let lines: Vec<_> = self
            .entries(&self.to_read(&arguments.path)?)?
            .into_iter()
            .map(|(name, facts)| format!("{} {name}", label(facts.kind)))
            .collect();
        Ok(self.listed(&lines, arguments.offset, arguments.limit, "entries"))
    }

    pub(super) fn list_directory_with_sizes(&self, arguments: &ListDirectory) -> Said {
        let mut entries = self.entries(&self.to_read(&arguments.path)?)?;
        if arguments.sort_by == SortBy::Size {
            entries.sort_by_key(|(_, facts)| std::cmp::Reverse(facts.bytes));
        }
        let lines: Vec<_> = entries
            .iter()
            .map(|(name, facts)| match facts.kind {
                Kind::File => format!("{} {name} {}", label(facts.kind), size_text(facts.bytes)),
                _ => format!("{} {name}", label(facts.kind)),
            })
            .collect();
        let files = entries.iter().filter(|(_, facts)| facts.kind == Kind::File);
        let bytes = files.clone().map(|(_, facts)| facts.bytes).sum();
        let folders = entries.iter().filter(|(_, facts)| facts.kind == Kind::Folder).count();
        let listed = self.listed(&lines, arguments.offset, arguments.limit, "entries");
        Ok(format!("{listed}\n{} files, {folders} folders, {}", files.count(), size_text(bytes)))
    }

    pub(super) fn directory_tree(&self, arguments: &DirectoryTree) -> Said {
        let excluded = Patterns::new(&arguments.exclude_patterns)?;
        let start = self.to_read(&arguments.path)?;
        let depth_max = Count::or(arguments.depth, usize::MAX).max(1);
        let rules = WalkRules {
            secrets: true,
            depth_max: depth_max.min(WalkRules::default().depth_max),
            ..WalkRules::default()
        };
        let mut lines = Vec::new();
        self.walk(&start, rules, &mut |entry: &Entry<'_>| {
            if excluded.matches(entry.below) {
                return Ok(Next::Past);
            }
            let is_folder = entry.facts.kind == Kind::Folder;
            let end = match entry.facts.kind {
                Kind::Folder if is_kept(entry.name) || entry.depth >= rules.depth_max => "/ ...",
                Kind::Folder => "/",
                Kind::Link => " (link)",
                Kind::File | Kind::Special => "",
            };
            lines.push(format!("{}{}{end}", "  ".repeat(entry.depth - 1), name_text(entry.name)));
            Ok(match (lines.len() >= GATHERED_MAX, is_folder) {
                (true, _) => Next::Stop,
                (false, _) => Next::Into,
            })
        })?;
        Ok(self.listed(&lines, arguments.offset, arguments.limit, "entries"))
    }

    pub(super) fn search_files(&self, arguments: &SearchFiles) -> Said {
        let wanted = Patterns::new([&arguments.pattern])?;
        let excluded = Patterns::new(&arguments.exclude_patterns)?;
        let start = self.to_read(&arguments.path)?;
        let mut lines = Vec::new();
        self.walk(&start, WalkRules::default(), &mut |entry: &Entry<'_>| {
            if excluded.matches(entry.below) {
                return Ok(Next::Past);
            }
            if wanted.matches(entry.below) {
                let end = if entry.facts.kind == Kind::Folder { "/" } else { "" };
                lines.push(format!("{}{end}", self.grants.shown(entry.path)));
            }
            Ok(if lines.len() >= GATHERED_MAX { Next::Stop } else { Next::Into })
        })?;
        Ok(self.listed(&lines, arguments.offset, arguments.limit, "matches"))
    }

    pub(super) fn get_file_info(&self, arguments: &OnePath) -> Said {
        let spot = self.to_read(&arguments.path)?;
        let Some(facts) = spot.facts()? else {
            return Err(FileError::Missing { path: spot.shown, nearest: Vec::new() });
        };
        if facts.kind == Kind::File {
            self.ledger.note(&spot.path);
        }
        let kind = match facts.kind {
            Kind::File => "file",
            Kind::Folder => "folder",
            Kind::Link => "link",
            Kind::Special => "special",
        };
        let modified = Timestamp::from_second(facts.modified_s).map(|time| time.to_string()).unwrap_or_default();
        let access = if self.grants.access(&spot.path) == Access::Write { "read, write" } else { "read" };
        let Facts { bytes, mode, .. } = facts;
        Ok(format!(
            "path: {}\ntype: {kind}\nsize: {bytes} bytes\nmodified: {modified}\npermissions: {:o}\naccess: {access}",
            spot.shown,
            mode & 0o777
        ))
    }

    pub(super) fn list_allowed_directories(&self) -> String {
        let mut text = String::new();
        for grant in self.grants.iter() {
            let path = grant.given.display();
            let what = match (grant.kind, grant.is_file) {
                (PlaceKind::Workspace, _) => "read, write (your workspace; relative paths start here)",
                (PlaceKind::Views, _) => "read, write (your own copies of the answers' files, as agent1/, agent2/)",
                (PlaceKind::Readable, false) => "read",
                (PlaceKind::Readable, true) => "read (this file alone)",
                (PlaceKind::Writable, false) => "read, write",
                (PlaceKind::Writable, true) => "read, write (this file alone)",
            };
            text.push_str(&format!("{path}: {what}\n"));
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// The text of one page.
    pub(super) fn listed(&self, lines: &[String], offset: Option<Count>, limit: Option<Count>, noun: &str) -> String {
        let limit = Count::or(limit, ENTRIES_MAX).max(1);
        page(lines, Count::or(offset, 0), limit, self.settings.result_bytes_max, noun)
    }

    fn entries(&self, spot: &Spot) -> Result<Vec<(String, Facts)>, FileError> {
        let folder = spot.open_folder()?;
        let names = folder.names().map_err(|source| spot.io("list", source))?;
        let facts = names.into_iter().filter_map(|name| Some((name_text(&name), folder.facts(&name).ok()?)));
        Ok(facts.collect())
    }
}

fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "[FILE]",
        Kind::Folder => "[DIR]",
        Kind::Link => "[LINK]",
        Kind::Special => "[SPECIAL]",
    }
}
