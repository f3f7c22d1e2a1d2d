/* Tries: new namespaces, those of others, mounts and a new root.
 * Told by: ESCAPED. */
#include "../corpus.h"
#include <sys/mount.h>
int main(int count, char **arguments)
{
    char path[64];
    read_targets(count, arguments);
    for (int way = 0; way < 2; way++) {
        snprintf(path, sizeof path, "/proc/%ld/ns/net", way ? target_number("victim") : (long)getppid());
        int other = open(path, O_RDONLY);
        if (other >= 0 && setns(other, 0) == 0)
            escaped("joined %s", path);
    }
    if (mount("none", "/tmp", "tmpfs", 0, "size=4k") == 0)
        escaped("mounted");
    if (chroot("/") == 0)
        escaped("changed the root");
    if (syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) == 0)
        _exit(0);
    if (unshare(CLONE_NEWUSER) == 0)
        escaped("made a user namespace");
    if (unshare(CLONE_NEWNET) == 0)
        escaped("made a network namespace");
    return play(0, NULL);
}
