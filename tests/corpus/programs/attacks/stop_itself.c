/* Tries: to hang: stops itself.
 * Told by: the turn takes longer than its limit, or a process is left. */
#include "../corpus.h"
static void attack(const char *line) { kill(getpid(), SIGSTOP); (void)line; }
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
