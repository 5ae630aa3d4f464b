#define _GNU_SOURCE
#include "Confinement.h"

#ifdef __linux__
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Landlock's calls and rights, by number: older headers lack them.
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446, VERSION_FLAG = 1, PATH_BENEATH = 1 };
enum {
  WRITE_FILE = 1 << 1, READ_FILE = 1 << 2, READ_DIR = 1 << 3, REMOVE_DIR = 1 << 4, REMOVE_FILE = 1 << 5,
  MAKE_DIR = 1 << 7, MAKE_REG = 1 << 8, REFER = 1 << 13, TRUNCATE = 1 << 14
};

struct path_rule {
  uint64_t allowed;
  int32_t folder;
} __attribute__((packed));

static int allow(int rules, const char *path, uint64_t rights) {
  struct path_rule rule = {rights, open(path, O_PATH | O_CLOEXEC)};
  if (rule.folder < 0) return 0;
  long result = syscall(ADD_RULE, rules, PATH_BENEATH, &rule, 0);
  close(rule.folder);
  return result == 0;
}

static int confine_files(const char *readable, const char *writable) {
  long version = syscall(CREATE_RULESET, NULL, 0, VERSION_FLAG);
  if (version < 1) return 0;
  // Every right that this version of the kernel knows, so that what is not allowed is refused.
  uint64_t known = version == 1 ? (1 << 13) - 1 : version == 2 ? (1 << 14) - 1 : version < 5 ? (1 << 15) - 1 : (1 << 16) - 1;
  int rules = (int)syscall(CREATE_RULESET, &known, sizeof known, 0);
  if (rules < 0) return 0;
  uint64_t work = WRITE_FILE | READ_FILE | READ_DIR | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE;
  int done = allow(rules, readable, READ_FILE) && allow(rules, writable, work & known)
    && syscall(RESTRICT_SELF, rules, 0) == 0;
  close(rules);
  return done;
}

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define REFUSE(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define REFUSED(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), REFUSE(EPERM)

static int confine_calls(void) {
  struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
#ifdef __x86_64__
    // The x32 calls have numbers of their own.
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), REFUSE(EPERM),
    REFUSED(fork), REFUSED(vfork),
#endif
    REFUSED(execve), REFUSED(execveat), REFUSED(socket), REFUSED(socketpair), REFUSED(connect), REFUSED(bind),
    REFUSED(sendto), REFUSED(sendmsg), REFUSED(ptrace), REFUSED(process_vm_readv), REFUSED(process_vm_writev),
    REFUSED(bpf), REFUSED(mount), REFUSED(unshare), REFUSED(setns), REFUSED(open_by_handle_at),
    REFUSED(kill), REFUSED(tkill), REFUSED(keyctl), REFUSED(add_key), REFUSED(perf_event_open), REFUSED(userfaultfd),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 425, 0, 1), REFUSE(EPERM),  // io_uring_setup
    // The C library makes a thread by clone3 or, without it, by clone, whose flags can be looked at.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 435, 0, 1), REFUSE(ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0), REFUSE(EPERM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}
#else
static int confine_calls(void) { return 0; }
#endif

int confinement_enter(const char *readable, const char *writable) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 0;
  int files = confine_files(readable, writable);
  return files + 2 * confine_calls();
}

#else
int confinement_enter(const char *readable, const char *writable) {
  (void)readable;
  (void)writable;
  return 0;
}
#endif
