//! System calls that no job needs, and that widen what a job can do to the system or to its neighbours.
//!
//! The filter refuses rather than allows: programs of all kinds run here, and what they may reach is the matter of
//! namespaces and Landlock. It takes away the calls that such boxes were left by before.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use crate::plan::Filter;

/// Set in the numbers of calls of the x32 interface, which a filter sees as those of the 64-bit one.
/// Source: arch/x86/include/uapi/asm/unistd.h
const X32: i64 = 0x4000_0000;

/// Calls that have a number of their own in the x32 interface: ptrace, kexec_load, process_vm_readv,
/// process_vm_writev. Source: arch/x86/entry/syscalls/syscall_64.tbl
const X32_OWN: [i64; 4] = [521, 528, 539, 540];

/// `TIOCSTI` and `TIOCLINUX`: put characters into a terminal's input. Source: ioctl_tty(2)
const TERMINAL_INPUT: [u64; 2] = [0x5412, 0x541C];

/// The flags of `clone` that make namespaces. Source: clone(2)
const NAMESPACES: [i32; 8] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    0x80, // CLONE_NEWTIME
];

/// `fchmodat2`, the same number on all machines. Source: include/uapi/asm-generic/unistd.h
const FCHMODAT2: libc::c_long = 452;

/// Refused with "operation not permitted".
const REFUSED: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    // Files without their paths.
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    // The kernel's machinery.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_memfd_secret,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Shared memory, semaphores and queues that have no path.
const SHARED_MEMORY: &[libc::c_long] = &[
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refuses the calls for this process and what it starts, for good.
pub(super) fn apply(filter: Filter) -> io::Result<()> {
    // These take their flags by reference, where no filter sees them. Programs fall back to `clone` and `openat`.
    let mut unknown = Rules::new();
    refuse(&mut unknown, libc::SYS_clone3, Vec::new());
    refuse(&mut unknown, libc::SYS_openat2, Vec::new());
    install(unknown, libc::ENOSYS)?;
    install(refused(filter).map_err(io::Error::other)?, libc::EPERM)
}

fn install(rules: Rules, errno: i32) -> io::Result<()> {
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let answer = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, arch).map_err(io::Error::other)?;
    let program = BpfProgram::try_from(filter).map_err(io::Error::other)?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}

/// No conditions: always.
fn refuse(rules: &mut Rules, call: libc::c_long, conditions: Vec<SeccompRule>) {
    if cfg!(target_arch = "x86_64") {
        rules.insert(call | X32, conditions.clone());
    }
    rules.insert(call, conditions);
}

fn refused(filter: Filter) -> Result<Rules, seccompiler::BackendError> {
    let mut rules = Rules::new();
    for call in REFUSED {
        refuse(&mut rules, *call, Vec::new());
    }
    if cfg!(target_arch = "x86_64") {
        rules.extend(X32_OWN.map(|call| (call | X32, Vec::new())));
    }
    if !filter.shared_memory {
        for call in SHARED_MEMORY {
            refuse(&mut rules, *call, Vec::new());
        }
    }
    let ioctls = TERMINAL_INPUT.into_iter().map(|request| when(&[(1, SeccompCmpOp::Eq, request)]));
    refuse(&mut rules, libc::SYS_ioctl, ioctls.collect::<Result<_, _>>()?);
    if cfg!(target_arch = "x86_64") {
        // The x32 interface has its own number for it.
        rules.insert(514 | X32, Vec::new());
    }
    let namespaces = NAMESPACES.into_iter().map(|flag| {
        let flag = u64::from(flag.unsigned_abs());
        when(&[(0, SeccompCmpOp::MaskedEq(flag), flag)])
    });
    for (call, conditions) in others_rights()? {
        refuse(&mut rules, call, conditions);
    }
    refuse(&mut rules, libc::SYS_clone, namespaces.collect::<Result<_, _>>()?);
    refuse(&mut rules, libc::SYS_socket, sockets(filter)?);
    Ok(rules)
}

/// Making programs that run with the rights of their owner or group. What a job makes stays, and others may run it: when
/// root's job makes one, they become root.
fn others_rights() -> Result<Vec<(libc::c_long, Vec<SeccompRule>)>, seccompiler::BackendError> {
    let changes = [(libc::SYS_fchmod, 1), (libc::SYS_fchmodat, 2), (FCHMODAT2, 2), (libc::SYS_mknodat, 2)];
    let mut opens = vec![(libc::SYS_openat, 2)];
    let mut changes = changes.to_vec();
    #[cfg(target_arch = "x86_64")]
    {
        changes.extend([(libc::SYS_chmod, 1), (libc::SYS_mknod, 1), (libc::SYS_creat, 1)]);
        opens.push((libc::SYS_open, 1));
    }
    let bits = [libc::S_ISUID, libc::S_ISGID].map(u64::from);
    let mut rules = Vec::new();
    for (call, mode) in changes {
        let conditions = bits.map(|bit| when(&[(mode, SeccompCmpOp::MaskedEq(bit), bit)]));
        rules.push((call, conditions.into_iter().collect::<Result<_, _>>()?));
    }
    for (call, flags) in opens {
        let mut conditions = Vec::new();
        // Without these the mode is whatever there happens to be.
        for makes in [libc::O_CREAT, libc::O_TMPFILE & !libc::O_DIRECTORY] {
            let makes = u64::from(makes.unsigned_abs());
            for bit in bits {
                let made = (flags, SeccompCmpOp::MaskedEq(makes), makes);
                conditions.push(when(&[made, (flags + 1, SeccompCmpOp::MaskedEq(bit), bit)])?);
            }
        }
        rules.push((call, conditions));
    }
    Ok(rules)
}

/// Which sockets cannot be made. Families other than those of the internet and of Unix are never needed, and some of
/// them, such as those of virtual machines, know no namespaces.
fn sockets(filter: Filter) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let mut families = Vec::new();
    if filter.unix {
        families.push(libc::AF_UNIX);
    }
    if filter.internet {
        families.extend([libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]);
    }
    if families.is_empty() {
        return Ok(Vec::new());
    }
    let number = |family: &i32| u64::from(family.unsigned_abs());
    let others: Vec<_> = families.iter().map(|family| (0, SeccompCmpOp::Ne, number(family))).collect();
    let mut rules = vec![when(&others)?];
    if filter.internet {
        // Only the protocol that tells of addresses and routes, which is 0.
        let netlink = number(&libc::AF_NETLINK);
        rules.push(when(&[(0, SeccompCmpOp::Eq, netlink), (2, SeccompCmpOp::Ne, 0)])?);
        // Raw packets need a privilege besides, which no job has.
        let raw = u64::from(libc::SOCK_RAW.unsigned_abs());
        for family in [libc::AF_INET, libc::AF_INET6] {
            rules.push(when(&[(0, SeccompCmpOp::Eq, number(&family)), (1, SeccompCmpOp::MaskedEq(0xf), raw)])?);
        }
    }
    Ok(rules)
}

/// When all of these arguments, by their place, are so. They are 32 bits wide in all calls that are looked at.
fn when(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = conditions
        .iter()
        .map(|(place, operator, value)| {
            SeccompCondition::new(*place, SeccompCmpArgLen::Dword, operator.clone(), *value)
        })
        .collect::<Result<Vec<_>, _>>()?;
    SeccompRule::new(conditions)
}
