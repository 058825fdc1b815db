//! What no rule can allow.

use std::path::Path;

use super::command_line::{CommandLine, Simple};
use super::risk::is_recursive;

/// Folders of the system that are nobody's to write.
const SYSTEM_PLACES: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Devices that take what is written to them and harm nothing.
const HARMLESS_DEVICES: [&str; 5] = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/zero"];

/// Why a command line is never run; `None` if nothing of the kind is in it.
pub(super) fn of_command_line(text: &str, line: &CommandLine) -> Option<&'static str> {
    let dense: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    if dense.contains("(){") && dense.contains("|") && is_fork_bomb(&dense) {
        return Some("it starts copies of itself without end");
    }
    line.parts.iter().find_map(of_command)
}

/// Why a path is never written.
pub(super) fn of_path(path: &Path) -> Option<&'static str> {
    let is_system = SYSTEM_PLACES.iter().any(|place| path.starts_with(place));
    let is_harmless = HARMLESS_DEVICES.iter().any(|device| path == Path::new(device)) || path.starts_with("/dev/fd");
    (path == Path::new("/") || is_system && !is_harmless).then_some("it writes to a device or to the system itself")
}

/// Whether writing to `target` by a redirection harms nothing.
pub(super) fn is_harmless_device(target: &str) -> bool {
    HARMLESS_DEVICES.contains(&target) || target.starts_with("/dev/fd/")
}

fn of_command(part: &Simple) -> Option<&'static str> {
    if part.writes.iter().any(|target| of_path(Path::new(target)).is_some()) {
        return Some("it writes to a device");
    }
    part.variants().iter().find_map(|text| {
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let name = words.next()?;
        let rest: Vec<&str> = words.collect();
        let everything = rest.iter().any(|word| is_everything(word));
        match name {
            "rm" if rest.contains(&"--no-preserve-root")
                || everything && rest.iter().any(|word| is_recursive(word)) =>
            {
                Some("it deletes everything in a home or system folder")
            }
            "chmod" | "chown" | "chgrp" if everything && rest.iter().any(|word| is_recursive(word)) => {
                Some("it changes the owners or permissions of the whole system")
            }
            "dd" if rest
                .iter()
                .any(|word| word.strip_prefix("of=").is_some_and(|to| of_path(Path::new(to)).is_some())) =>
            {
                Some("it writes to a device")
            }
            "mv" if rest.last() == Some(&"/dev/null") => Some("it moves files to where they are lost"),
            "cp" | "tee" | "shred" | "install"
                if rest.iter().any(|word| of_path(Path::new(word)).is_some_and(|_| *word != "/")) && name != "cp" =>
            {
                Some("it writes to a device")
            }
            "mkfs" | "wipefs" | "mkswap" | "fdisk" | "parted" => Some("it rewrites disks"),
            name if name.starts_with("mkfs.") => Some("it rewrites disks"),
            "shutdown" | "reboot" | "halt" | "poweroff" => Some("it turns the machine off"),
            _ => None,
        }
    })
}

/// Whether a word of `rm` stands for a whole system or home.
fn is_everything(word: &str) -> bool {
    let plain = word.trim_end_matches('*').trim_end_matches('.');
    let plain = match plain.trim_end_matches('/') {
        "" if plain.starts_with('/') => "/",
        shorter => shorter,
    };
    let mut parts = plain.split('/').filter(|part| !part.is_empty() && *part != ".");
    let is_home = matches!(plain, "~" | "~root" | "$HOME" | "/root" | "/home");
    let is_top = plain.starts_with('/') && parts.next().is_none_or(|top| TOP.contains(&top)) && parts.next().is_none();
    is_home || is_top
}

/// Folders of `/` that hold the system.
const TOP: [&str; 16] = [
    "bin", "boot", "dev", "etc", "home", "lib", "lib64", "opt", "proc", "root", "run", "sbin", "srv", "sys", "usr",
    "var",
];

/// `f(){f|f&};f`, whatever `f` is called.
fn is_fork_bomb(dense: &str) -> bool {
    dense.match_indices("(){").any(|(at, _)| {
        let before = dense.get(..at).unwrap_or_default();
        let name = before.rsplit([';', '&', '|', '{', '}', '(', ')']).next().unwrap_or_default();
        let name = name.strip_prefix("function").unwrap_or(name);
        let body = dense.get(at..).unwrap_or_default();
        !name.is_empty() && body.contains(&format!("{name}|{name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> bool {
        of_command_line(line, &CommandLine::parse(line)).is_some()
    }

    #[test]
    fn what_ruins_a_machine_is_refused() {
        for line in [
            "rm -rf /",
            "rm -fr /*",
            "rm --recursive --force ~",
            "sudo rm -r -f /usr",
            "cd / && rm -rf /etc/",
            "/bin/rm -rf //",
            "rm -rf /./",
            "rm -rf ~/*",
            "rm x --no-preserve-root",
            "bash -c 'rm -rf /'",
            "echo $(rm -rf /)",
            "find / -exec rm -rf / ;",
            "dd if=x of=/dev/sda",
            "echo x > /dev/sda",
            "cat x | tee /dev/sda",
            "mkfs.ext4 /dev/sda1",
            "mv a /dev/null",
            ":(){ :|:& };:",
            "b() { b | b & }; b",
            "chmod -R 777 /",
            "shutdown now",
        ] {
            assert!(refused(line), "{line}");
        }
    }

    #[test]
    fn ordinary_work_is_not() {
        for line in [
            "rm -rf build",
            "rm -rf /tmp/x ./y",
            "rm -rf /home/me/project/build",
            "rm /tmp",
            "dd if=/dev/zero of=x count=1",
            "make > /dev/null 2>&1",
            "echo 'rm -rf /'",
            "f() { g | h; }; f",
            "chmod -R 755 dist",
            "cat x | tee /dev/stderr",
            "git mv a b",
        ] {
            assert!(!refused(line), "{line}");
        }
    }
}
