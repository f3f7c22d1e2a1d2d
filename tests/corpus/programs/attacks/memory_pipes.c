/* Tries: to fill the kernel's memory with pipes and socket pairs.
 * Told by: ESCAPED above 128 MiB. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    static char block[65536];
    long held = 0;
    int ends[2];
    read_targets(count, arguments);
    for (int made = 0; made < 2000; made++) {
        if (made % 2 ? pipe2(ends, O_NONBLOCK) : socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends))
            break;
        fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        for (ssize_t written; (written = write(ends[1], block, sizeof block)) > 0;)
            held += written;
    }
    if (held > 128 << 20)
        escaped("%ld MiB in pipes", held >> 20);
    return play(0, NULL);
}
