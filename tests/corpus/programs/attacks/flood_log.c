/* Tries: to fill the log: 300 MB on standard error.
 * Told by: more than the cap is kept or shown. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    static char block[1 << 20];
    read_targets(count, arguments);
    memset(block, 65, sizeof block);
    for (int part = 0; part < 300; part++)
        if (write(2, block, sizeof block) <= 0)
            break;
    return play(0, NULL);
}
