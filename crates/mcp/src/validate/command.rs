//! Programs, and what is set in their environment.

use std::path::Path;

use crate::validate::Problem;
use crate::{Security, SecurityLevel, StdioSettings};

/// What may run at every level.
const STRICT: &[&str] = &[
    "bun",
    "bunx",
    "cargo",
    "deno",
    "fastmcp",
    "go",
    "java",
    "mcp-server-filesystem",
    "node",
    "npm",
    "npx",
    "pip",
    "pip3",
    "pipx",
    "pnpm",
    "pnpx",
    "py",
    "ruby",
    "rust",
    "sh",
    "bash",
    "zsh",
    "fish",
    "dash",
    "uv",
    "uvx",
    "yarn",
];
/// What else may run from `moderate` on.
const MODERATE: &[&str] = &["git", "nodejs"];
/// What else may run when `permissive`.
const PERMISSIVE: &[&str] = &["curl", "wget"];
/// What a program's name may not hold. Nothing here is given to a shell, but what looks like it is not meant well.
const METACHARACTERS: &[char] =
    &['&', '|', ';', '`', '$', '(', ')', '{', '}', '[', ']', '<', '>', '*', '?', '\n', '\r'];
/// Variables that change what a program loads or where it runs.
const NEVER_SET: &[&str] = &["DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "OLDPWD", "PWD", "PYTHONPATH"];
/// Variables that may not be set when `strict`.
const NEVER_SET_STRICT: &[&str] = &["HOME", "PATH", "SHELL", "USER", "USERNAME"];
/// What a variable's value may not hold.
const SUSPICIOUS: &[&str] = &["$(", "`", "&", ";", "|"];
/// The longest program name, argument or value.
const CHARS_MAX: usize = 4096;

pub(super) fn check(stdio: &StdioSettings, security: &Security, problems: &mut Vec<Problem>) {
    match stdio.command.first() {
        None => problems.push(Problem::new("command", "is missing; name the program that is the server")),
        Some(program) if program.is_substituted() => {}
        Some(program) => problems.extend(program_problem(program.as_str(), security)),
    }
    let words = stdio.command.iter().skip(1).map(|word| ("command", word));
    for (key, word) in words.chain(stdio.args.iter().map(|word| ("args", word))) {
        if word.as_str().contains('\0') || word.as_str().len() > CHARS_MAX {
            problems
                .push(Problem::new(key, format!("has an argument with more than {CHARS_MAX} bytes or a zero byte")));
        }
    }
    for (name, value) in &stdio.environment {
        let key = format!("env.{name}");
        if let Some(message) = variable_problem(name, security.level) {
            problems.push(Problem::new(key, message));
        } else if !value.is_substituted() {
            problems.extend(value_problem(value.as_str()).map(|message| Problem::new(key, message)));
        }
    }
}

fn program_problem(program: &str, security: &Security) -> Option<Problem> {
    let problem = |message: String| Some(Problem::new("command", message));
    if program.trim().is_empty() {
        return problem("is empty; name the program that is the server".to_owned());
    }
    if program.contains(METACHARACTERS) || program.contains('\0') {
        return problem(format!(
            "`{program}` has characters of a shell; give the program, and its arguments in `args`"
        ));
    }
    if Path::new(program).components().any(|part| part == std::path::Component::ParentDir) {
        return problem(format!("`{program}` goes up with `..`; give a whole path"));
    }
    // The reference takes a command with arguments in one text apart; so does the config's reader here.
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or(program);
    let name = name.strip_suffix(".exe").or_else(|| name.strip_suffix(".cmd")).unwrap_or(name);
    if may_run(name, security) {
        return None;
    }
    problem(format!(
        "`{name}` is not among the programs that may run at this security level; use one of them, or list it in \
         `security.allowed_executables`"
    ))
}

fn may_run(name: &str, security: &Security) -> bool {
    if let Some(allowed) = &security.allowed_executables {
        return allowed.contains(name);
    }
    STRICT.contains(&name)
        || is_python(name)
        || (security.level >= SecurityLevel::Moderate && MODERATE.contains(&name))
        || (security.level >= SecurityLevel::Permissive && PERMISSIVE.contains(&name))
}

/// `python`, `python3`, `python3.12`.
fn is_python(name: &str) -> bool {
    name.strip_prefix("python").is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

fn variable_problem(name: &str, level: SecurityLevel) -> Option<String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Some("is not the name of a variable".to_owned());
    }
    let upper = name.to_ascii_uppercase();
    let is_strict = level == SecurityLevel::Strict && NEVER_SET_STRICT.contains(&upper.as_str());
    let is_denied = NEVER_SET.contains(&upper.as_str()) || is_strict;
    is_denied.then(|| "changes what the program loads or where it runs, and may not be set".to_owned())
}

fn value_problem(value: &str) -> Option<String> {
    if value.len() > CHARS_MAX || value.contains('\0') {
        return Some(format!("is longer than {CHARS_MAX} bytes or has a zero byte"));
    }
    let found = SUSPICIOUS.iter().find(|part| value.contains(**part))?;
    Some(format!("has `{found}` in it; put the value into a variable of the environment and write `${{NAME}}`"))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::Text;

    fn keys(program: &str, environment: &[(&str, Text)], security: &Security) -> Vec<String> {
        let stdio = StdioSettings {
            command: vec![program.into()],
            environment: environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            ..StdioSettings::default()
        };
        let mut problems = Vec::new();
        check(&stdio, security, &mut problems);
        problems.into_iter().map(|problem| problem.key).collect()
    }

    fn level(level: SecurityLevel) -> Security {
        Security { level, ..Security::default() }
    }

    #[test]
    fn programs_are_judged_by_level() {
        let runs = |program: &str, at: SecurityLevel| keys(program, &[], &level(at)).is_empty();
        use SecurityLevel::{Moderate, Permissive, Strict};
        for program in ["npx", "uvx", "python", "python3.12", "/usr/bin/node", "fastmcp"] {
            assert!(runs(program, Strict), "{program}");
        }
        assert!(!runs("git", Strict) && runs("git", Moderate) && !runs("curl", Moderate) && runs("curl", Permissive));
        for program in ["rm", "pythonic", "npx; rm", "$(x)", "../node", "/opt/../bin/node", "", "node\0"] {
            assert!(!runs(program, Permissive), "{program}");
        }
    }

    #[test]
    fn a_list_of_programs_replaces_the_levels() {
        let allowed = BTreeSet::from(["my-server".to_owned()]);
        let security = Security { allowed_executables: Some(allowed), ..Security::default() };
        assert!(keys("/opt/my-server", &[], &security).is_empty());
        assert_eq!(keys("npx", &[], &security), ["command"]);
    }

    #[test]
    fn variables_are_judged_by_level_and_their_values_only_as_written() {
        let given = [
            ("A", Text::from("a&b")),
            ("B", Text::substituted("a&b;`x`")),
            ("HOME", "/tmp".into()),
            ("PYTHONPATH", ".".into()),
        ];
        assert_eq!(keys("npx", &given, &level(SecurityLevel::Strict)), ["env.A", "env.HOME", "env.PYTHONPATH"]);
        assert_eq!(keys("npx", &given, &level(SecurityLevel::Moderate)), ["env.A", "env.PYTHONPATH"]);
    }

    #[test]
    fn a_program_is_needed() {
        let mut problems = Vec::new();
        check(
            &StdioSettings { environment: BTreeMap::new(), ..StdioSettings::default() },
            &Security::default(),
            &mut problems,
        );
        assert_eq!(problems.len(), 1);
    }
}
