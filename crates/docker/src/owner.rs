//! Who a container belongs to, so that what a killed massgen left behind is found and nobody else's is touched.

use std::collections::HashMap;

/// The labels of a container that name the process it belongs to.
const PID: &str = "massgen.owner.pid";
const STARTED: &str = "massgen.owner.started";
const BOOT: &str = "massgen.owner.boot";
const NAMESPACE: &str = "massgen.owner.namespace";
const MACHINE: &str = "massgen.owner.machine";

/// The label that names the driver of an agent.
pub(crate) const DRIVER: &str = "massgen.driver";

/// The label that all containers of massgen have.
pub(crate) const LABEL: &str = PID;

/// A process, told from all others that have or had its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pid: String,
    /// Since the start of the machine, in clock ticks.
    started: String,
    /// Which start of the machine.
    boot: String,
    /// In which namespace the number counts.
    namespace: String,
    machine: String,
}

impl Owner {
    /// This process.
    pub(crate) fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let pid = std::process::id().to_string();
        let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default().to_string_lossy().into_owned();
        Self {
            started: started(&pid).unwrap_or_default(),
            pid,
            boot: read("/proc/sys/kernel/random/boot_id"),
            namespace,
            machine: read("/proc/sys/kernel/hostname"),
        }
    }

    /// The labels of what `driver` makes.
    pub(crate) fn labels(&self, driver: &str) -> HashMap<String, String> {
        let labels = [
            (PID, &self.pid),
            (STARTED, &self.started),
            (BOOT, &self.boot),
            (NAMESPACE, &self.namespace),
            (MACHINE, &self.machine),
        ];
        let own = labels.into_iter().map(|(name, value)| (name, value.as_str()));
        own.chain([(DRIVER, driver)]).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Whether the process that `labels` name is known to be gone. Of one on another machine or in another namespace
    /// nothing is known.
    pub(crate) fn outlives(&self, labels: &HashMap<String, String>) -> bool {
        let label = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
        if label(MACHINE) != self.machine || label(BOOT).is_empty() || self.boot.is_empty() {
            return false;
        }
        if label(BOOT) != self.boot {
            return true;
        }
        let is_number = !label(PID).is_empty() && label(PID).bytes().all(|byte| byte.is_ascii_digit());
        is_number && label(NAMESPACE) == self.namespace && started(label(PID)).as_deref() != Some(label(STARTED))
    }
}

/// When a process started: field 22 of its `stat`, counted from the state, which follows its name in brackets.
fn started(pid: &str) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_gone_is_outlived() {
        let this = Owner::this();
        let with = |name: &str, value: &str| {
            let mut labels = this.labels("x");
            labels.insert(name.to_owned(), value.to_owned());
            labels
        };
        assert!(!this.started.is_empty() && !this.outlives(&this.labels("x")));
        assert!(this.outlives(&with(STARTED, "1")));
        assert!(this.outlives(&with(BOOT, "another")));
        assert!(this.outlives(&with(PID, "4194999")));
        for (name, value) in [(MACHINE, "another"), (PID, "../1"), (PID, ""), (BOOT, "")] {
            assert!(!this.outlives(&with(name, value)), "{name}={value}");
        }
        let mut elsewhere = with(STARTED, "1");
        elsewhere.insert(NAMESPACE.to_owned(), "pid:[1]".to_owned());
        assert!(!this.outlives(&elsewhere));
        assert!(!this.outlives(&HashMap::new()));
    }
}
