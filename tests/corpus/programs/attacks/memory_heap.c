/* Tries: to hold 1200 MiB of plain memory.
 * Told by: ESCAPED above 1000 MiB. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    int held = 0;
    read_targets(count, arguments);
    for (; held < 1200; held++) {
        char *block = malloc(1 << 20);
        if (!block)
            break;
        memset(block, 1, 1 << 20);
    }
    if (held > 1000)
        escaped("%d MiB", held);
    return play(0, NULL);
}
