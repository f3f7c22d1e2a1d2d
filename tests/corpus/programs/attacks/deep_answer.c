/* Tries: to exhaust the reader: an answer nested 30000 deep.
 * Told by: anything but a fault of its own. */
#include "../corpus.h"
static void attack(const char *line)
{
    for (int depth = 0; depth < 30000; depth++)
        putchar(91);
    for (int depth = 0; depth < 30000; depth++)
        putchar(93);
    putchar(10);
    (void)line;
}
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
