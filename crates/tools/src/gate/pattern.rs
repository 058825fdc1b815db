//! One rule: `action(pattern)`, such as `command(git push --force*)` or `write_file(./**)`.

use std::fmt;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use serde::Serialize;
use url::Url;

use super::glob::Glob;

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Anything. As what a call does: a tool that is none of the others.
    #[serde(rename = "*")]
    Any,
    /// Runs a command line. A rule's pattern is matched with each simple command in it.
    Command,
    /// Reads a file or folder.
    ReadFile,
    /// Writes, moves or deletes a file or folder.
    WriteFile,
    /// Reads from an address. A pattern without `/` is matched with its host.
    ReadUrl,
    /// Calls a tool of an MCP server. Patterns are matched with `server__tool`.
    Mcp,
}

impl Action {
    const NAMES: [(&'static str, Self); 6] = [
        ("*", Self::Any),
        ("command", Self::Command),
        ("read_file", Self::ReadFile),
        ("write_file", Self::WriteFile),
        ("read_url", Self::ReadUrl),
        ("mcp", Self::Mcp),
    ];
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, action)| action == self).map_or("*", |(name, _)| name);
        f.write_str(name)
    }
}

/// What a rule says of which calls.
#[derive(Debug, Clone)]
pub struct Pattern {
    action: Action,
    text: String,
    glob: Glob,
    glob_text: String,
}

/// Why a text is not a rule's pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct PatternError {
    /// Where, in characters from 0.
    pub position: usize,
    /// What is wrong, and what is right.
    pub why: String,
}

impl Pattern {
    /// Reads `action(pattern)`.
    ///
    /// # Errors
    /// When it has another form, names no known action, or holds a glob that is none.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let fail = |position: usize, why: String| Err(PatternError { position, why });
        let Some((name, rest)) = text.split_once('(') else {
            let why = "expected `action(pattern)`, such as `command(git status*)`".to_owned();
            return fail(text.chars().count(), why);
        };
        let start = name.chars().count() + 1;
        let Some((_, action)) = Action::NAMES.iter().find(|(known, _)| *known == name.trim()) else {
            let names: Vec<_> = Action::NAMES.iter().map(|(name, _)| *name).collect();
            return fail(0, format!("unknown action `{}`; it is one of {}", name.trim(), names.join(", ")));
        };
        let Some(inner) = rest.trim_end().strip_suffix(')') else {
            return fail(text.trim_end().chars().count(), "expected `)` at the end".to_owned());
        };
        let glob_text = inner.trim();
        if glob_text.is_empty() {
            return fail(start, format!("the pattern is empty; for everything write `{action}(*)`"));
        }
        let is_path = matches!(action, Action::ReadFile | Action::WriteFile);
        if let (true, Err(error)) = (is_path, path_glob(glob_text)) {
            return fail(start, format!("`{glob_text}` is not a glob: {}", error.kind()));
        }
        let glob = Glob::new(glob_text);
        Ok(Self { action: *action, text: text.trim().to_owned(), glob, glob_text: glob_text.to_owned() })
    }

    /// What it is about.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// Whether it is about calls that do `action`.
    pub(super) fn is_about(&self, action: Action) -> bool {
        self.action == Action::Any || self.action == action
    }

    /// Whether it stands for everything.
    pub(super) fn is_everything(&self) -> bool {
        self.glob.is_everything()
    }

    /// Whether it matches this text and no other.
    pub(super) fn is_exactly(&self, text: &str) -> bool {
        self.glob.is_literal() && self.glob.matches(text)
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.glob.matches(text)
    }

    pub(super) fn may_match(&self, text: &str) -> bool {
        self.glob.may_match(text)
    }

    /// It as a matcher for absolute paths; relative ones start in `workspace`.
    pub(super) fn for_paths(&self, workspace: &Path) -> Option<PathMatcher> {
        let text = self.glob_text.as_str();
        let is_anywhere = self.glob.is_everything() || text.starts_with("**/") || !text.contains('/');
        let absolute = if is_anywhere && !text.starts_with("./") {
            format!("/**/{}", text.trim_start_matches("**/"))
        } else if let Some(below_home) = text.strip_prefix("~/") {
            format!("{}/{below_home}", escaped(&std::env::home_dir()?))
        } else if text.starts_with('/') {
            text.to_owned()
        } else {
            format!("{}/{}", escaped(workspace), text.trim_start_matches("./"))
        };
        // `dir/**` is about the folder itself, too: who deletes it deletes what is in it.
        let folder = absolute.strip_suffix("/**").and_then(|folder| path_glob(folder).ok());
        // And `dir` about what is in it.
        let inner = path_glob(&format!("{}/**", absolute.trim_end_matches("/**").trim_end_matches('/'))).ok();
        Some(PathMatcher { exact: path_glob(&absolute).ok()?, folder, inner })
    }

    /// Whether it matches an address: by its host if the pattern has no `/`.
    pub(super) fn matches_url(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        if self.glob.is_everything() {
            return true;
        }
        let text = self.glob_text.as_str();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        let (host_glob, path_glob) = match rest.split_once('/') {
            Some((host, path)) => (host, Some(format!("/{path}"))),
            None => (rest, None),
        };
        let (host_glob, port_glob) = match host_glob.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (host_glob, None),
        };
        let port = url.port_or_known_default().map(|port| port.to_string()).unwrap_or_default();
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        scheme.is_none_or(|scheme| Glob::new(&scheme.to_lowercase()).matches(url.scheme()))
            && Glob::new(&host_glob.to_lowercase()).matches(host)
            && port_glob.is_none_or(|glob| Glob::new(glob).matches(&port))
            && path_glob.is_none_or(|glob| Glob::new(&glob).matches(&path))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (self.action, &self.glob) == (other.action, &other.glob)
    }
}

/// A rule's pattern for paths.
#[derive(Debug)]
pub(super) struct PathMatcher {
    exact: GlobMatcher,
    folder: Option<GlobMatcher>,
    inner: Option<GlobMatcher>,
}

impl PathMatcher {
    /// Whether it allows `path`.
    pub(super) fn allows(&self, path: &Path) -> bool {
        self.exact.is_match(path)
    }

    /// Whether it denies `path`, as itself or as part of a folder.
    pub(super) fn denies(&self, path: &Path) -> bool {
        let globs = [Some(&self.exact), self.folder.as_ref(), self.inner.as_ref()];
        globs.into_iter().flatten().any(|glob| glob.is_match(path))
    }
}

fn path_glob(text: &str) -> Result<GlobMatcher, globset::Error> {
    let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build()?;
    Ok(glob.compile_matcher())
}

/// A path in which nothing means more than itself.
fn escaped(path: &Path) -> String {
    globset::escape(&PathBuf::from(path).to_string_lossy()).trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_where() {
        for (text, position, part) in [
            ("git status", 10, "expected `action(pattern)`"),
            ("comand(x)", 0, "unknown action `comand`"),
            ("command(x", 9, "expected `)`"),
            ("command( )", 8, "is empty"),
            ("write_file(a[)", 11, "not a glob"),
        ] {
            let error = Pattern::parse(text).unwrap_err();
            assert_eq!(error.position, position, "{text}");
            assert!(error.why.contains(part), "{text}: {error}");
        }
        assert_eq!(Pattern::parse("*(x)").unwrap().action(), Action::Any);
        assert_eq!(Pattern::parse(" command(echo (a)) ").unwrap().to_string(), "command(echo (a))");
    }

    #[test]
    fn hosts_cannot_be_feigned() {
        let matches = |pattern: &str, url: &str| {
            Pattern::parse(&format!("read_url({pattern})")).unwrap().matches_url(&Url::parse(url).unwrap())
        };
        assert!(matches("docs.rs", "https://docs.rs/x") && matches("DOCS.rs", "http://docs.RS./"));
        assert!(matches("https://docs.rs/serde/*", "https://docs.rs/serde/latest?x=1"));
        assert!(matches("*.rs/a*", "https://docs.rs/abc") && matches("*", "ftp://x/"));
        assert!(matches("localhost:8080", "http://localhost:8080/x"));
        assert!(!matches("localhost:8080", "http://localhost:80/x"));
        for url in [
            "https://docs.rs.evil.com/",
            "https://docs.rs@evil.com/",
            "https://evil.com/docs.rs",
            "https://evil.com/#docs.rs",
            "https://evil.com\\@docs.rs/",
        ] {
            assert!(!matches("docs.rs", url) && !matches("https://docs.rs/*", url), "{url}");
        }
        assert!(!matches("https://docs.rs/a", "http://docs.rs/a"));
    }

    #[test]
    fn paths_start_in_the_workspace() {
        let matcher = |pattern: &str| {
            Pattern::parse(&format!("write_file({pattern})")).unwrap().for_paths(Path::new("/ws[1]")).unwrap()
        };
        assert!(matcher("./**").allows(Path::new("/ws[1]/a/b")) && !matcher("./**").allows(Path::new("/ws1/a")));
        assert!(!matcher("src/*").allows(Path::new("/ws[1]/src/a/b")));
        assert!(matcher("*.py").allows(Path::new("/any/where/a.py")) && matcher("*").allows(Path::new("/a/b")));
        assert!(matcher("/etc/**").allows(Path::new("/etc/a/b")) && !matcher("/etc/**").allows(Path::new("/etc2/a")));
        assert!(matcher("/etc/**").denies(Path::new("/etc")) && matcher("/etc").denies(Path::new("/etc/passwd")));
        assert!(!matcher("/etc").allows(Path::new("/etc/passwd")));
    }
}
