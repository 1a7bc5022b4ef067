/* Every clock of the C library an hour ahead, once the file that EVERGRANT_TESTS_SHIFT names exists; with
   EVERGRANT_TESTS_SHIFT_WALL the wall clock alone. What libfaketime does, as far as a test needs it. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    long failed = syscall(SYS_clock_gettime, clock, time);
    const char *file = getenv("EVERGRANT_TESTS_SHIFT");
    int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (failed == 0 && (is_wall || !getenv("EVERGRANT_TESTS_SHIFT_WALL")) && file && access(file, F_OK) == 0)
        time->tv_sec += 3600;
    return (int)failed;
}
