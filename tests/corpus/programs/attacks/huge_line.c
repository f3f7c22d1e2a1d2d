/* Tries: to fill the memory of the reader: one line of 1 GB.
 * Told by: memory, or the turn takes longer than its limit. */
#include "../corpus.h"
static void attack(const char *line)
{
    static char block[1 << 20];
    memset(block, 57, sizeof block);
    for (int part = 0; part < 1024; part++)
        if (write(1, block, sizeof block) <= 0)
            break;
    write(1, "\n", 1);
    (void)line;
}
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
