/* Tries: to trace a victim and its parent, to read and write their memory, and to take their descriptors.
 * Told by: ESCAPED. */
#include "../corpus.h"
#include <sys/ptrace.h>
#include <sys/uio.h>
int main(int count, char **arguments)
{
    char path[64], room[8];
    read_targets(count, arguments);
    pid_t who[2] = {target_number("victim"), getppid()};
    for (int place = 0; place < 2; place++) {
        if (who[place] <= 1)
            continue;
        if (ptrace(PTRACE_ATTACH, who[place], 0, 0) == 0) {
            escaped("traces %d", who[place]);
            waitpid(who[place], 0, __WALL);
            ptrace(PTRACE_DETACH, who[place], 0, 0);
        }
        struct iovec here = {room, 8}, there = {(void *)strtoul(target("victim_addr"), 0, 10), 8};
        if (process_vm_readv(who[place], &here, 1, &there, 1, 0) > 0)
            escaped("read memory of %d", who[place]);
        const char *names[] = {"mem", "environ", "maps", "fd/0", "cmdline", "syscall"};
        for (int name = 0; name < 6; name++) {
            snprintf(path, sizeof path, "/proc/%d/%s", who[place], names[name]);
            int file = open(path, O_RDONLY | O_NONBLOCK);
            if (file >= 0)
                escaped("opened %s", path);
        }
        int handle = syscall(SYS_pidfd_open, who[place], 0);
        if (handle >= 0 && syscall(SYS_pidfd_getfd, handle, 0, 0) >= 0)
            escaped("took a descriptor of %d", who[place]);
    }
    return play(0, NULL);
}
