/* Callgrind's client requests, which are macros, as functions for ctypes. */
#include <valgrind/callgrind.h>

/* Without instrumentation, a server starts ten times as fast. It applies to all threads,
   while collecting can be toggled for the calling thread only. */
void start(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }
void stop(void) { CALLGRIND_STOP_INSTRUMENTATION; }

/* Writes the counts since the last dump to a file, and resets them. */
void dump(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }

unsigned running_on_valgrind(void) { return RUNNING_ON_VALGRIND; }
