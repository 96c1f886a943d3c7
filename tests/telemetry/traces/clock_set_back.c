// Preloaded: the system clock is behind by as many seconds as the file CLOCK_BEHIND has bytes.
// For a test without the right to set the clock of the machine.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = syscall(SYS_clock_gettime, clock, now);
  struct stat file;
  if (clock == CLOCK_REALTIME && stat(getenv("CLOCK_BEHIND"), &file) == 0)
    now->tv_sec -= file.st_size;
  return failed;
}
