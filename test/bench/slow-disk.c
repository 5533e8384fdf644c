/* A disk whose calls wait: preloaded, it sleeps SLOW_US before each open and stat of a path below SLOW_BELOW
 * (relative paths and /proc/self/fd/N/... count, system paths do not). The same for every tool.
 * cc -shared -fPIC -O2 -o slow-disk.so slow-disk.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static long us = -1;
static int slow(const char *p) {
  if (us < 0) { const char *e = getenv("SLOW_US"); us = e ? atol(e) : 0; }
  if (!us || !p || !*p) return 0;
  if (!strncmp(p, "/proc/self/fd/", 14)) return strchr(p + 14, '/') != 0;
  return p[0] != '/' || (getenv("SLOW_BELOW") && !strncmp(p, getenv("SLOW_BELOW"), strlen(getenv("SLOW_BELOW"))));
}
static void wait_for(const char *p) {
  if (!slow(p)) return;
  struct timespec t = { us / 1000000, (us % 1000000) * 1000 };
  nanosleep(&t, 0);
}
#define NEXT(name) static __typeof__(name) *next; if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define OPEN(name) int name(const char *p, int f, ...) { mode_t m = 0; va_list a; va_start(a, f); if (f & (O_CREAT | O_TMPFILE)) m = va_arg(a, mode_t); va_end(a); NEXT(name); wait_for(p); return next(p, f, m); }
#define OPENAT(name) int name(int d, const char *p, int f, ...) { mode_t m = 0; va_list a; va_start(a, f); if (f & (O_CREAT | O_TMPFILE)) m = va_arg(a, mode_t); va_end(a); NEXT(name); wait_for(p); return next(d, p, f, m); }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)
#define STAT(name, S) int name(const char *p, struct S *s) { NEXT(name); wait_for(p); return next(p, s); }
STAT(stat, stat) STAT(lstat, stat) STAT(stat64, stat64) STAT(lstat64, stat64)
int fstatat(int d, const char *p, struct stat *s, int f) { NEXT(fstatat); wait_for(p); return next(d, p, s, f); }
int fstatat64(int d, const char *p, struct stat64 *s, int f) { NEXT(fstatat64); wait_for(p); return next(d, p, s, f); }
int statx(int d, const char *p, int f, unsigned m, struct statx *s) { NEXT(statx); wait_for(p); return next(d, p, f, m, s); }
long syscall(long n, ...) {
  va_list a; va_start(a, n); long b[6]; for (int i = 0; i < 6; i++) b[i] = va_arg(a, long); va_end(a);
  NEXT(syscall);
  if (n == SYS_statx) wait_for((const char *)b[1]);
  return next(n, b[0], b[1], b[2], b[3], b[4], b[5]);
}
