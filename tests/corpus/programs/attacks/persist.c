/* Tries: to leave something for its next match: files in the usual places, shared memory, a queue, a key, a record lock's file.
 * Told by: ESCAPED in the second of two matches. */
#include "../corpus.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/shm.h>
int main(int count, char **arguments)
{
    const char *folders[] = {"/tmp", "/var/tmp", "/dev/shm", "/run/lock", ".", getenv("HOME"), getenv("TMPDIR")};
    char path[8192];
    read_targets(count, arguments);
    const char *run = target("run");
    for (int place = 0; place < 7; place++) {
        if (!folders[place])
            continue;
        snprintf(path, sizeof path, "%s/ee-persist-%s", folders[place], run);
        if (access(path, F_OK) == 0)
            escaped("found %s", path);
    }
    for (int place = 0; place < 7; place++) { /* only now: two of them may be the same */
        snprintf(path, sizeof path, "%s/ee-persist-%s", folders[place] ? folders[place] : ".", run);
        open(path, O_CREAT | O_WRONLY, 0600);
    }
    key_t key = (key_t)(strtoul(run, NULL, 16) & 0x7fffffff);
    if (key && shmget(key, 0, 0) >= 0)
        escaped("found System V memory");
    if (key)
        shmget(key, 4096, IPC_CREAT | 0600);
    snprintf(path, sizeof path, "/ee-%s", run);
    if (mq_open(path, O_RDWR) != (mqd_t)-1)
        escaped("found a queue");
    mq_open(path, O_RDWR | O_CREAT, 0600, NULL);
    return play(0, NULL);
}
