"""The system calls that agents may make whatever the arguments, and those that they are refused.

What is in none of these lists, and not checked by seccomp.py, is unknown to an agent: ENOSYS, so that a library takes
its older way.
"""

# Memory; files; waiting; time; signals; threads; about itself.
ALLOWED = """
brk get_mempolicy madvise mincore mprotect mremap msync munmap pkey_alloc pkey_free pkey_mprotect

access chdir close copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fallocate fchdir fdatasync fstat
fstatfs fsync ftruncate getcwd getdents getdents64 lseek lstat mkdir mkdirat newfstatat pread64 preadv preadv2 pwrite64
pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir sendfile stat statfs statx
umask unlink unlinkat write writev

epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 getpeername getsockname pipe
poll ppoll pselect6 select shutdown signalfd signalfd4 timerfd_create timerfd_gettime timerfd_settime

clock_getres clock_gettime clock_nanosleep gettimeofday nanosleep time times

alarm getitimer pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend
rt_sigtimedwait setitimer sigaltstack timer_create timer_delete timer_getoverrun timer_gettime timer_settime

exit exit_group futex futex_waitv getcpu gettid rseq sched_get_priority_max sched_get_priority_min sched_getaffinity
sched_getparam sched_getscheduler sched_rr_get_interval sched_yield set_robust_list set_tid_address wait4 waitid

capget getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid
getrlimit getrusage getsid getuid sysinfo uname
"""

# What Landlock does not cover: allowed where an agent has file systems of its own.
OWN_FILES = """
chmod fchmod fchmodat fchmodat2 futimesat link linkat symlink symlinkat truncate utime utimensat utimes
"""

# EPERM. Processes; sockets; ways round a filter; memory outside of the limits; the kernel itself; mounts and watching
# files; identity and priority; the machine.
REFUSED = """
execve execveat fork vfork tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_getfd pidfd_open pidfd_send_signal ptrace
process_vm_readv process_vm_writev process_madvise process_mrelease kcmp get_robust_list

socket connect bind listen accept accept4 sendmsg sendmmsg recvmsg recvmmsg setsockopt

io_uring_setup io_uring_enter io_uring_register io_setup io_submit io_cancel io_destroy io_getevents io_pgetevents

memfd_create memfd_secret userfaultfd remap_file_pages mlock mlock2 mlockall munlock munlockall mbind set_mempolicy
migrate_pages move_pages shmget shmat shmctl shmdt semget semop semtimedop semctl msgget msgsnd msgrcv msgctl
mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr splice tee vmsplice

keyctl add_key request_key bpf perf_event_open seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
modify_ldt iopl ioperm

mount umount2 pivot_root chroot setns unshare open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
open_by_handle_at name_to_handle_at fanotify_init fanotify_mark inotify_init inotify_init1 inotify_add_watch
inotify_rm_watch mknod mknodat chown fchown lchown fchownat flock quotactl quotactl_fd sync syncfs

setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset setrlimit
setsid setpgid setpriority ioprio_set sched_setaffinity sched_setattr sched_setparam sched_setscheduler

clock_settime settimeofday adjtimex clock_adjtime sethostname setdomainname syslog acct swapon swapoff reboot vhangup
init_module finit_module delete_module kexec_load kexec_file_load
"""

# Programs copy these along with a file and take EOPNOTSUPP as leave not to.
UNSUPPORTED = """
setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr
fremovexattr
"""
