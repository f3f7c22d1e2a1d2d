/* Tries: to take over the terminal that shows the log: escapes, a title, a false line of the engine.
 * Told by: control characters reach the terminal. */
#include "../corpus.h"
#include <sys/ioctl.h>
int main(int count, char **arguments)
{
    read_targets(count, arguments);
    fputs("\033]0;taken\007\033[2J\033[31m\rStandings: hostile 100%\n", stderr);
    ioctl(0, 0x5412, "x");
    return play(0, NULL);
}
