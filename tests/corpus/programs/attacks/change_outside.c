/* Tries: to change mode, time, size, owner or attributes of a file outside that it may write.
 * Told by: ESCAPED; the file has changed. Alone: escapes. */
#include "../corpus.h"
#include <sys/time.h>
#include <sys/xattr.h>
int main(int count, char **arguments)
{
    struct timespec times[2] = {{1, 0}, {1, 0}};
    read_targets(count, arguments);
    const char *file = target("meta_file");
    if (chmod(file, 0777) == 0)
        escaped("mode");
    if (syscall(452, AT_FDCWD, file, 0777, 0) == 0)
        escaped("mode by the newest call");
    if (utimensat(AT_FDCWD, file, times, 0) == 0)
        escaped("time");
    if (setxattr(file, "user.escaped", "1", 1, 0) == 0)
        escaped("attribute");
    if (lchown(file, getuid(), getgid()) == 0)
        escaped("owner");
    if (truncate(file, 1) == 0)
        escaped("size");
    if (open(file, O_RDONLY | O_TRUNC) >= 0 || open(file, O_ACCMODE | O_TRUNC) >= 0)
        escaped("size on opening");
    int held = open(file, O_RDONLY);
    if (held >= 0 && (fchmod(held, 0777) == 0 || futimens(held, times) == 0))
        escaped("by descriptor");
    return play(0, NULL);
}
