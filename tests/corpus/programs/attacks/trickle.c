/* Tries: to stretch its turn: one byte each 0.2 s, so that a limit for each read never ends it.
 * Told by: the turn takes longer than its limit. */
#include "../corpus.h"
static void attack(const char *line) { for (int part = 0; part < 300; part++) { write(1, " ", 1); usleep(200000); } (void)line; }
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
