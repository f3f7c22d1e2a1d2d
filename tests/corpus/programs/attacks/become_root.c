/* Tries: to become root and to gain capabilities.
 * Told by: ESCAPED. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    unsigned header[2] = {0x20080522, 0}, sets[6] = {~0u, ~0u, 0, ~0u, ~0u, 0};
    read_targets(count, arguments);
    if (setuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgid(0) == 0 || geteuid() == 0)
        escaped("is root");
    if (syscall(SYS_capset, header, sets) == 0)
        escaped("has capabilities");
    return play(0, NULL);
}
