/* Tries: to answer before it is asked, and twice.
 * Told by: recorded as anything but a fault. */
#include "../corpus.h"
static void attack(const char *line) { puts("0"); (void)line; }
int main(int count, char **arguments) { read_targets(count, arguments); puts("0"); fflush(stdout); return play(0, attack); }
