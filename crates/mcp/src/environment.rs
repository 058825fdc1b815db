//! What a server's process finds in its environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// The variables that every server gets: those of the official SDKs, the language and the folder for temporary
/// files. Nothing else of massgen's environment reaches a server, keys of providers least of all.
const PASSED_ON: [&str; 13] = [
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "PATH",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_RUNTIME_DIR",
];

/// The minimal environment of a server, taken from massgen's.
#[must_use]
pub fn base_environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> BTreeMap<OsString, OsString> {
    variables.into_iter().filter(|(name, value)| is_passed_on(name) && !is_function(value)).collect()
}

fn is_passed_on(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| PASSED_ON.contains(&name) || name.starts_with("LC_"))
}

/// Exported shell functions begin like this and could replace a program.
fn is_function(value: &OsStr) -> bool {
    value.to_str().is_some_and(|value| value.starts_with("()"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_behind() {
        let all = [("PATH", "/bin"), ("OPENAI_API_KEY", "sk"), ("LC_ALL", "C"), ("HOME", "() { :; }")];
        let kept = base_environment(all.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["LC_ALL", "PATH"]);
    }
}
