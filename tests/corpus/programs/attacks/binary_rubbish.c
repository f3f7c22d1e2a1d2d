/* Tries: to confuse the reader: zero bytes, broken UTF-8, control characters, with line ends between.
 * Told by: anything but a fault of its own. */
#include "../corpus.h"
static void attack(const char *line)
{
    for (int value = 0; value < 256; value++)
        putchar(value);
    fputs("\n\xc0\x80\xff\xfe\xed\xa0\x80\n\0\0\n", stdout);
    fflush(stdout);
    (void)line;
}
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
