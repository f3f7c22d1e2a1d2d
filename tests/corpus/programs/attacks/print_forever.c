/* Tries: to print for ever without a line's end, instead of an answer.
 * Told by: the engine's memory or time; the match must end. */
#include "../corpus.h"
static void attack(const char *line) { static char block[65536]; memset(block, 65, sizeof block); while (write(1, block, sizeof block) > 0) ; (void)line; }
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
