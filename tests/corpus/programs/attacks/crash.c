/* Tries: to take its reader with it: a segmentation fault in its second turn.
 * Told by: anything but a fault of its own. */
#include "../corpus.h"
static void attack(const char *line) { static int turn; if (turn++) *(volatile char *)0 = 1; (void)line; }
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
