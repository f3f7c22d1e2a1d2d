/*
 * An agent in C: plays any game whose legal actions are integers, by drawing one of them.
 *
 *     cc -O2 -o bot bot.c
 *     evalengine run cmd:./bot --games connect4
 *
 * The engine writes one JSON object a line to our standard input and waits for one line on our standard output. It writes keys in a
 * fixed order and without spaces, so a search for "legal":[ is enough here; a larger agent will want a JSON library.
 */
#define _POSIX_C_SOURCE 200809L /* getline */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t luck; /* seeded by the engine, so that a match can be repeated */

/* Marsaglia (2003), Xorshift RNGs: the shifts 13, 7, 17 */
static uint64_t draw(void)
{
    luck ^= luck << 13;
    luck ^= luck >> 7;
    luck ^= luck << 17;
    return luck;
}

static void start(const char *line)
{
    const char *seed = strstr(line, "\"seed\":");
    luck = seed ? strtoull(seed + strlen("\"seed\":"), NULL, 10) : 0;
    luck |= 1; /* a xorshift generator stays at zero for ever */
}

/* Put the integers of "legal":[...] into `actions`; return how many there are. */
static size_t legal(const char *line, long *actions, size_t room)
{
    const char *next = strstr(line, "\"legal\":[");
    size_t count = 0;

    if (!next)
        return 0;
    next += strlen("\"legal\":[");
    while (count < room && *next != ']') {
        char *end;
        long action = strtol(next, &end, 10);
        if (end == next)
            break; /* not an integer: not a game for this agent */
        actions[count++] = action;
        next = *end == ',' ? end + 1 : end;
    }
    return count;
}

int main(void)
{
    static long actions[4096];
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) { /* ends when the engine closes our input */
        if (strstr(line, "\"type\":\"start\"")) {
            start(line);
        } else if (strstr(line, "\"type\":\"act\"")) {
            size_t count = legal(line, actions, sizeof actions / sizeof *actions);
            if (count == 0) {
                fprintf(stderr, "no integer actions in: %s", line); /* the log of the match */
                return 1;
            }
            printf("%ld\n", actions[draw() % count]);
            fflush(stdout); /* standard output to a pipe is buffered: without this the engine waits in vain */
        }
    }
    free(line);
    return 0;
}
