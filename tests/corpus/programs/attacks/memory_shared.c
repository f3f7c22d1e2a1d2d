/* Tries: memory outside of its own limits: shared mappings, System V and POSIX shared memory, memory files, queues.
 * Told by: ESCAPED for each that it gets. Alone: escapes. */
#include "../corpus.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
int main(int count, char **arguments)
{
    read_targets(count, arguments);
    if (mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        escaped("shared mapping");
    int zero = open("/dev/zero", O_RDWR);
    if (zero >= 0 && mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0) != MAP_FAILED)
        escaped("shared mapping of /dev/zero");
    int number = shmget(IPC_PRIVATE, 4096, 0600);
    if (number >= 0)
        escaped("System V memory"), shmctl(number, IPC_RMID, 0);
    if ((number = msgget(IPC_PRIVATE, 0600)) >= 0)
        escaped("System V queue"), msgctl(number, IPC_RMID, 0);
    if ((number = semget(IPC_PRIVATE, 1, 0600)) >= 0)
        escaped("System V semaphores"), semctl(number, 0, IPC_RMID);
    if (syscall(SYS_memfd_create, "x", 0) >= 0)
        escaped("memory file");
    if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0 && mmap(0, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        escaped("locked memory");
    return play(0, NULL);
}
