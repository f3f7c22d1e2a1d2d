/*
 * An agent in C that reads words instead of JSON: plays any game by drawing one of the legal actions.
 *
 *     cc -O2 -o words words.c
 *     evalengine run plain:./words --games "connect4 or hex"
 *
 * The engine writes lines of words to our standard input. "legal" is followed by the possible actions; at "go" we answer with one of
 * them, as it stands there. All other lines may be skipped; the page "Programs in any language" lists them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char line[1 << 20];
static char *actions[1 << 16];

/* Put the words of `text` into `actions`; return how many there are. */
static int split(char *text)
{
    int count = 0;
    for (char *word = strtok(text, " \n"); word && count < 1 << 16; word = strtok(NULL, " \n"))
        actions[count++] = word;
    return count;
}

int main(void)
{
    static char legal[1 << 20];
    while (fgets(line, sizeof line, stdin)) { /* ends when the engine closes our input */
        if (strncmp(line, "seed ", 5) == 0) {
            srand((unsigned)strtoull(line + 5, NULL, 10)); /* so that a match can be repeated */
        } else if (strncmp(line, "legal ", 6) == 0) {
            strcpy(legal, line + 6);
        } else if (strcmp(line, "go\n") == 0) {
            int count = split(legal);
            printf("%s\n", actions[rand() % count]);
            fflush(stdout); /* standard output to a pipe is buffered: without this the engine waits in vain */
        }
    }
    return 0;
}
