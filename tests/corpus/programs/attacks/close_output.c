/* Tries: to hang the engine: closes its output and lives on.
 * Told by: the match does not end at once. */
#include "../corpus.h"
static void attack(const char *line) { close(1); close(2); sleep(60); (void)line; }
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
