/* Tries: interfaces that go round a filter of system calls: io_uring, kernel aio, userfaultfd, bpf, keys, counters, foreign numbers in its own child.
 * Told by: ESCAPED for each that can be set up. Alone: escapes. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    char room[256] = {0};
    unsigned long context = 0;
    read_targets(count, arguments);
    if (syscall(SYS_io_uring_setup, 4, room) >= 0)
        escaped("io_uring");
    if (syscall(SYS_io_setup, 1, &context) >= 0)
        escaped("kernel aio");
    if (syscall(SYS_userfaultfd, 1) >= 0)
        escaped("userfaultfd");
    memset(room, 0, sizeof room);
    room[0] = 1, room[4] = 4, room[8] = 4, room[12] = 1;
    if (syscall(SYS_bpf, 0, room, 72) >= 0)
        escaped("bpf");
    if (syscall(SYS_keyctl, 0, -3, 1, 0, 0) >= 0)
        escaped("key ring");
    memset(room, 0, sizeof room);
    room[0] = 1, room[4] = 112, room[40] = 0x60;
    if (syscall(SYS_perf_event_open, room, 0, -1, -1, 0) >= 0)
        escaped("performance counters");
    if (syscall(SYS_memfd_create, "x", 0) >= 0)
        escaped("memory without a file");
    return play(0, NULL);
}
