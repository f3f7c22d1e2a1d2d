/* Tries: to hang the engine: answers half a line, then sleeps.
 * Told by: the turn takes longer than its limit. */
#include "../corpus.h"
static void attack(const char *line) { write(1, "{\"action\":", 10); sleep(60); (void)line; }
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
