// Lets one system call of a program fail, for the fault campaigns: LD_PRELOAD=inject.so.
//
// INJECT_BELOW=FOLDER   only files below this folder count
// INJECT_CALL=NAME      the call: write, pwrite, fsync, ftruncate, rename, close, mkdir, open, mmap
// INJECT_AT=N           the N-th such call fails (counted from 1); 0 or nothing: none does
// INJECT_ON=1            and all after it
// INJECT_ERRNO=N        with this errno (5 is EIO, 28 is ENOSPC)
// INJECT_COUNT=FILE     how often each call came goes there when the program ends, a line each
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const names[] = {"write", "pwrite", "fsync", "ftruncate", "rename", "close", "mkdir", "open", "mmap"};
enum { kinds = sizeof names / sizeof *names };
static atomic_int calls[kinds];

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

static int is_below(const char *path) {
  const char *folder = setting("INJECT_BELOW");
  size_t length = strlen(folder);
  return length > 0 && strncmp(path, folder, length) == 0;
}

static int descriptor_is_below(int descriptor) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_below(path);
}

/// Whether this call is the one to fail; errno is then set.
static int fails(const char *call, int counts) {
  if (!counts) return 0;
  int kind = 0;
  while (kind + 1 < kinds && strcmp(names[kind], call) != 0) kind++;
  int place = atomic_fetch_add(&calls[kind], 1) + 1;
  int first = atoi(setting("INJECT_AT"));
  if (strcmp(setting("INJECT_CALL"), call) != 0 || first == 0 || place < first) return 0;
  if (place > first && !*setting("INJECT_ON")) return 0;
  errno = atoi(setting("INJECT_ERRNO"));
  return 1;
}

// Opened at the start: a process may deny itself other files later.
static int descriptor = -1;
__attribute__((constructor)) static void at_start(void) {
  const char *file = setting("INJECT_COUNT");
  if (*file) descriptor = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

static void count(void) {
  if (descriptor < 0) return;
  syscall(SYS_lseek, descriptor, 0, SEEK_SET);
  for (int kind = 0; kind < kinds; kind++) {
    char text[64];
    int length = snprintf(text, sizeof text, "%s %d\n", names[kind], atomic_load(&calls[kind]));
    if (syscall(SYS_write, descriptor, text, length) != length) break;
  }
  syscall(SYS_close, descriptor);
}
__attribute__((destructor)) static void at_end(void) { count(); }
void _exit(int code) {
  count();
  syscall(SYS_exit_group, code);
  __builtin_unreachable();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t length) {
  return fails("write", descriptor_is_below(fd)) ? -1 : REAL(write)(fd, bytes, length);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t place) {
  return fails("pwrite", descriptor_is_below(fd)) ? -1 : REAL(pwrite64)(fd, bytes, length, place);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t place) { return pwrite64(fd, bytes, length, place); }
int fsync(int fd) { return fails("fsync", descriptor_is_below(fd)) ? -1 : REAL(fsync)(fd); }
int ftruncate64(int fd, off64_t length) {
  return fails("ftruncate", descriptor_is_below(fd)) ? -1 : REAL(ftruncate64)(fd, length);
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }
int rename(const char *from, const char *to) { return fails("rename", is_below(to)) ? -1 : REAL(rename)(from, to); }
int mkdir(const char *path, mode_t mode) { return fails("mkdir", is_below(path)) ? -1 : REAL(mkdir)(path, mode); }
int close(int fd) {
  // The kernel frees the descriptor whatever it says.
  int failing = fails("close", descriptor_is_below(fd)), number = errno;
  int result = REAL(close)(fd);
  if (!failing) return result;
  errno = number;
  return -1;
}
void *mmap64(void *place, size_t length, int protection, int flags, int fd, off64_t offset) {
  if (fails("mmap", fd >= 0 && descriptor_is_below(fd))) return MAP_FAILED;
  return REAL(mmap64)(place, length, protection, flags, fd, offset);
}
void *mmap(void *place, size_t length, int protection, int flags, int fd, off_t offset) {
  return mmap64(place, length, protection, flags, fd, offset);
}

static int opens(int folder, const char *path, int flags, mode_t mode) {
  if (fails("open", is_below(path))) return -1;
  return syscall(SYS_openat, folder, path, flags, mode);
}
#define MODE(flags)                        \
  mode_t mode = 0;                         \
  if ((flags) & (O_CREAT | __O_TMPFILE)) { \
    va_list rest;                          \
    va_start(rest, flags);                 \
    mode = va_arg(rest, mode_t);           \
    va_end(rest);                          \
  }
int open(const char *path, int flags, ...) { MODE(flags) return opens(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opens(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return opens(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return opens(folder, path, flags, mode); }
// The C library opens these without a call that could be taken the place of.
DIR *opendir(const char *path) { return fails("open", is_below(path)) ? NULL : REAL(opendir)(path); }
FILE *fopen64(const char *path, const char *mode) { return fails("open", is_below(path)) ? NULL : REAL(fopen64)(path, mode); }
FILE *fopen(const char *path, const char *mode) { return fopen64(path, mode); }
