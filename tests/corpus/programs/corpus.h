/*
 * What every C program here needs: the targets, the protocol, and the word that tells success.
 *
 * The first argument names a file of targets, one JSON object with flat keys: canary_file, write_dir, meta_file (paths outside), victim (a
 * process), tcp and udp (ports on loopback), unix (a socket's path), abstract (a socket's name), run (a word of this run).
 * Without it all targets are empty, and most attacks then have nothing to reach.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char targets[1 << 16];

static inline void read_targets(int count, char **arguments)
{
    int file = count > 1 ? open(arguments[1], O_RDONLY) : -1;
    if (file >= 0 && read(file, targets, sizeof targets - 1) >= 0)
        close(file);
}

/* Return the text or number of a key as text; "" if there is none. */
static inline const char *target(const char *key)
{
    static char values[16][4096];
    static int next;
    char quoted[64], *value = values[next = (next + 1) % 16], *end = value;
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *found = strstr(targets, quoted);
    if (!found)
        return "";
    found += strlen(quoted);
    found += strspn(found, " \"");
    while (*found && !strchr("\",}\n", *found) && end < value + 4095)
        *end++ = *found++;
    *end = 0;
    return value;
}

static inline long target_number(const char *key) { return atol(target(key)); }

/* Say on standard error that the attack worked. */
static inline void escaped(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("ESCAPED: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    fflush(stderr);
    va_end(values);
}

/* Write the least (hostile) or greatest (honest) of the legal integers to `action`, or whatever stands first. */
static inline void choose(const char *line, int greatest, char *action, size_t size)
{
    const char *next = strstr(line, "\"legal\":[");
    long best = 0;
    int any = 0;
    snprintf(action, size, "null");
    if (!next)
        return;
    for (next += 9; *next && *next != ']';) {
        char *end;
        long value = strtol(next, &end, 10);
        if (end == next || !strchr(",]", *end))
            break;
        if (!any++ || (greatest ? value > best : value < best))
            best = value;
        next = *end == ',' ? end + 1 : end;
    }
    if (any)
        snprintf(action, size, "%ld", best);
    else
        snprintf(action, size, "%.*s", (int)strcspn(next, ",]"), next);
}

/* Answer every question; `each` is called with the line before the answer, if given. */
static inline int play(int greatest, void (*each)(const char *line))
{
    char *line = NULL, action[4096];
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        if (!strstr(line, "\"type\":\"act\""))
            continue;
        if (each)
            each(line);
        choose(line, greatest, action, sizeof action);
        printf("%s\n", action);
        fflush(stdout);
    }
    return 0;
}
