/* Tries: to hang: sleeps in its first turn with all signals ignored.
 * Told by: the turn takes longer than its limit, or a process is left. */
#include "../corpus.h"
static void attack(const char *line)
{
    for (int number = 1; number < 65; number++)
        signal(number, SIG_IGN);
    for (;;)
        sleep(60);
    (void)line;
}
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
