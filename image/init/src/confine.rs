//! What the service may ask of the kernel: nothing that the path of a request does not need.
//!
//! First the limits are set and every capability goes but two; then Landlock rules say what can be opened (see `paths`), and a seccomp
//! filter is laid over this thread and all that it will start. A call that is not listed gets `EPERM`. There is no `connect`, no `execve`, no `ptrace`, no `mount` and no process, only threads; a socket is TCP
//! over IPv4, and nothing can be sent in a way that opens a connection.

use crate::paths;
use crate::refusal::Refusal;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;

/// Kept: the port below 1024, and powering off at the end.
const KEPT: CapabilitySet = CapabilitySet::NET_BIND_SERVICE.union(CapabilitySet::SYS_BOOT);
/// Open files: connections have their own, much lower limit.
const FILES: u64 = 4096;

/// Calls that are allowed whatever their arguments are.
const CALLS: &[i64] = &[
    // Threads, time, waiting. `clone3` is answered by the first filter.
    libc::SYS_clone3,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_membarrier,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    // Signals to ourselves: an abort, and the runtime's handlers.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_tkill,
    // Memory, locked and not.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_mlock,
    libc::SYS_mlock2,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munlock,
    libc::SYS_munmap,
    // Files: every mount but the evidence interface is read-only. `mkdir` and `rmdir` make and remove a report there.
    libc::SYS_access,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_readlink,
    libc::SYS_readv,
    libc::SYS_rmdir,
    libc::SYS_stat,
    libc::SYS_statx,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
    // Readiness.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd2,
    libc::SYS_poll,
    libc::SYS_ppoll,
    // Answering connections.
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_listen,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_socketpair,
    // Limits of ourselves, randomness, and the end.
    libc::SYS_getrandom,
    libc::SYS_getrlimit,
    libc::SYS_prlimit64,
    libc::SYS_reboot,
    libc::SYS_setrlimit,
    libc::SYS_sync,
    libc::SYS_sysinfo,
    libc::SYS_uname,
];

/// Sets a socket to not block (Linux `asm-generic/ioctls.h`; the two C libraries disagree on the type of these numbers).
const FIONBIO: u64 = 0x5421;
/// Waits until a terminal is drained (as above).
const TCSBRK: u64 = 0x5409;

/// `SNP_GET_REPORT`, `SNP_GET_DERIVED_KEY` (not used, not allowed), `SNP_GET_EXT_REPORT` (Linux `include/uapi/linux/sev-guest.h`).
const SNP_GET_REPORT: u64 = 0xc020_5300;
const SNP_GET_EXT_REPORT: u64 = 0xc020_5302;

/// Drops the capabilities, sets the rules and lays the filter. The last step before the service, which listens on `port`, when nothing is
/// left to mount or configure. User 0 stays: the kernel's report interface belongs to it, and nothing else is left of its rights.
pub(crate) fn confine(port: u16) -> Result<(), Refusal> {
    let failed = Refusal::failed::<rustix::io::Errno>;
    // Requests live in locked memory only, as much of it as the service's own limits allow; nothing is ever dumped.
    for (resource, limit) in [
        (Resource::Memlock, None),
        (Resource::Core, Some(0)),
        (Resource::Nofile, Some(FILES)),
    ] {
        setrlimit(
            resource,
            Rlimit {
                current: limit,
                maximum: limit,
            },
        )
        .map_err(failed("confinement", "resource limits"))?;
    }
    for capability in CapabilitySet::all().difference(KEPT).iter() {
        // A capability that this kernel does not know cannot be held either.
        match remove_capability_from_bounding_set(capability) {
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(failed("confinement", "fewer capabilities")(error)),
        }
    }
    set_capabilities(
        None,
        CapabilitySets {
            effective: KEPT,
            permitted: KEPT,
            inheritable: CapabilitySet::empty(),
        },
    )
    .map_err(failed("confinement", "two capabilities"))?;
    set_no_new_privs(true).map_err(failed("confinement", "no new privileges"))?;
    paths::confine(port)?;
    for program in [absent(), filter()] {
        let program = program.map_err(Refusal::failed("confinement", "a filter program"))?;
        apply_filter(&program).map_err(Refusal::failed("confinement", "a system call filter"))?;
    }
    Ok(())
}

/// A first filter, for the one call that must look as if the kernel did not have it: `clone3` has its flags in memory, where no filter
/// sees them, and a C library falls back to `clone` on `ENOSYS` alone.
fn absent() -> Result<BpfProgram, BackendError> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        errno(libc::ENOSYS),
        TargetArch::x86_64,
    )?
    .try_into()
}

fn errno(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

/// The filter as a BPF program.
fn filter() -> Result<BpfProgram, BackendError> {
    let is = |index: u8, value: u64| {
        SeccompCondition::new(index, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let bits = |index: u8, mask: u64, value: u64| {
        SeccompCondition::new(
            index,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(mask),
            value,
        )
    };
    let any = |conditions: Vec<SeccompCondition>| -> Result<Vec<SeccompRule>, BackendError> {
        conditions
            .into_iter()
            .map(|condition| SeccompRule::new(vec![condition]))
            .collect()
    };
    let number = |value: i32| u64::from(value.unsigned_abs());
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        CALLS.iter().map(|call| (*call, Vec::new())).collect();
    // Threads only: memory shared, and part of this process.
    let thread = number(libc::CLONE_VM | libc::CLONE_THREAD);
    rules.insert(libc::SYS_clone, any(vec![bits(0, thread, thread)?])?);
    // TCP over IPv4 only; 0xf masks the type from the flags (`SOCK_TYPE_MASK`).
    rules.insert(
        libc::SYS_socket,
        vec![SeccompRule::new(vec![
            is(0, number(libc::AF_INET))?,
            bits(1, 0xf, number(libc::SOCK_STREAM))?,
        ])?],
    );
    // Sending must not connect: no TCP Fast Open.
    let open = number(libc::MSG_FASTOPEN);
    rules.insert(libc::SYS_sendto, any(vec![bits(3, open, 0)?])?);
    rules.insert(libc::SYS_sendmsg, any(vec![bits(2, open, 0)?])?);
    // Sockets that do not block, a console that is drained, reports of the SNP driver.
    rules.insert(
        libc::SYS_ioctl,
        any(vec![
            is(1, FIONBIO)?,
            is(1, TCSBRK)?,
            is(1, SNP_GET_REPORT)?,
            is(1, SNP_GET_EXT_REPORT)?,
        ])?,
    );
    // A thread's name, and whether this process may be looked into.
    rules.insert(
        libc::SYS_prctl,
        any(vec![
            is(0, number(libc::PR_SET_NAME))?,
            is(0, number(libc::PR_SET_DUMPABLE))?,
            is(0, number(libc::PR_GET_DUMPABLE))?,
        ])?,
    );
    SeccompFilter::new(
        rules,
        errno(libc::EPERM),
        SeccompAction::Allow,
        TargetArch::x86_64,
    )?
    .try_into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};

    /// Runs in a thread of its own, because a filter cannot be taken off again.
    #[test]
    fn the_filter_refuses_what_the_service_never_does() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            set_no_new_privs(true).unwrap();
            apply_filter(&absent().unwrap()).unwrap();
            apply_filter(&filter().unwrap()).unwrap();
            let refused = |result: std::io::Result<()>, what: &str| {
                assert_eq!(
                    result.unwrap_err().kind(),
                    std::io::ErrorKind::PermissionDenied,
                    "{what}"
                );
            };
            refused(TcpStream::connect(address).map(drop), "connect");
            refused(
                UdpSocket::bind("127.0.0.1:0").map(drop),
                "a datagram socket",
            );
            refused(TcpListener::bind("[::1]:0").map(drop), "IPv6");
            refused(
                std::os::unix::net::UnixListener::bind("/tmp/never").map(drop),
                "a named Unix socket",
            );
            refused(
                std::process::Command::new("/bin/true").spawn().map(drop),
                "a process",
            );
            refused(
                rustix::mount::mount(
                    "tmpfs",
                    "/proc",
                    "tmpfs",
                    rustix::mount::MountFlags::empty(),
                    None,
                )
                .map_err(Into::into),
                "mount",
            );
            // What it does do still works.
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            assert_eq!(
                listener.accept().unwrap_err().kind(),
                std::io::ErrorKind::WouldBlock
            );
            std::os::unix::net::UnixStream::pair().unwrap();
            assert_eq!(std::thread::spawn(|| 7).join().unwrap(), 7);
            assert!(std::fs::read("/proc/cpuinfo").is_ok());
        })
        .join()
        .unwrap();
    }
}
