/* What no match runner that keeps its engines can be faster than: two engines, two pipes each, and no rules.

   uci_ceiling ENGINE HASH_MIB NODES RUNNERS CHECKS < games

   A line of the games is `PLIES OPENING_MOVE ...`: how long the match is to be, opening included, and how it begins. RUNNERS
   processes, each on a core of its own with its engines, share out the games. CHECKS: how often an engine is asked
   `isready` at each ply; fastchess does so before `position`, before `go` and after `bestmove`.
   Prints the seconds from the first game to the last, the engines having started before, the plies that engines were asked for,
   the seconds of CPU of all, and then each game's moves in the order of the input. */

#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_GAMES = 10000, LINE = 1 << 16, MOVE = 8 };

struct engine { int to, from; pid_t pid; size_t used; char read[LINE]; };

/* Between the runners. */
struct shared { int ready, next; long plies, cpu_ns; };

static char *games[MOST_GAMES];  /* their moves: of the opening first; each in memory that all runners share */
static int lengths[MOST_GAMES];
static volatile struct shared *shared;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *common(size_t size)
{
    void *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED)
        fail("mmap");
    return made;
}

static void start(struct engine *engine, const char *path)
{
    int in[2], out[2];
    if (pipe2(in, 0) || pipe2(out, 0) || (engine->pid = fork()) < 0)
        fail("start");
    if (!engine->pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], 0);
        dup2(out[1], 1);
        for (int descriptor = 3; descriptor < 64; descriptor++)
            close(descriptor);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    engine->to = in[1];
    engine->from = out[0];
    engine->used = 0;
}

/* Write a text, and wait for a line that begins with `first`; the line stays in `found`, of MOVE * 4 bytes. */
static void ask(struct engine *engine, const char *text, size_t size, const char *first, char *found)
{
    if (write(engine->to, text, size) != (ssize_t)size)
        fail("write");
    for (;;) {
        char *end, *line = engine->read;
        while ((end = memchr(line, '\n', engine->used - (line - engine->read)))) {
            if (!strncmp(line, first, strlen(first))) {
                if (found)
                    snprintf(found, MOVE * 4, "%.*s", (int)(end - line), line);
                engine->used -= end + 1 - engine->read;
                memmove(engine->read, end + 1, engine->used);
                return;
            }
            line = end + 1;
        }
        engine->used -= line - engine->read;
        memmove(engine->read, line, engine->used);
        ssize_t size_read = read(engine->from, engine->read + engine->used, LINE - engine->used);
        if (size_read <= 0)
            fail("an engine ended");
        engine->used += size_read;
    }
}

static void say(struct engine *engine, const char *text, const char *first)
{
    ask(engine, text, strlen(text), first, NULL);
}

static long play(struct engine *engines, int game, const char *go, int checks)
{
    char text[LINE] = "position startpos moves", found[MOVE * 4], *end = text + strlen(text);
    int ply = 0;
    long asked = 0;
    for (char *c = games[game]; *c; c++)
        ply += *c == ' ';
    end = stpcpy(end, games[game]);
    for (int number = 0; number < 2; number++)
        say(&engines[number], "ucinewgame\nisready\n", "readyok");
    for (; ply < lengths[game]; ply++, asked++) {
        struct engine *engine = &engines[ply % 2];
        for (int check = 0; check < checks; check++)
            say(engine, "isready\n", "readyok");
        char *stop = stpcpy(end, go);
        ask(engine, text, stop - text, "bestmove", found);
        char *move = strtok(found + strlen("bestmove"), " \r\n");
        if (!move || !strcmp(move, "(none)"))
            break;
        end += sprintf(end, " %s", move);
    }
    strcpy(games[game], text + strlen("position startpos moves"));
    games[game][end - text - strlen("position startpos moves")] = 0;
    return asked;
}

static long cpu_ns(struct engine *engines)
{
    long sum = 0;
    for (int number = 0; number < 3; number++) {
        clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
        struct timespec time;
        if ((number && clock_getcpuclockid(engines[number - 1].pid, &clock)) || clock_gettime(clock, &time))
            fail("clock");
        sum += time.tv_sec * 1000000000L + time.tv_nsec;
    }
    return sum;
}

static void run(int number, int runners, char **argv)
{
    static struct engine engines[2];
    char text[256], go[64];
    cpu_set_t all, one;
    int core = -1;
    sched_getaffinity(0, sizeof all, &all);
    for (int seen = number % CPU_COUNT(&all); seen >= 0; seen -= CPU_ISSET(core, &all) ? 1 : 0)
        core++;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);
    snprintf(text, sizeof text, "setoption name Hash value %s\nisready\n", argv[2]);
    snprintf(go, sizeof go, "\ngo nodes %s\n", argv[3]);
    for (int one_of = 0; one_of < 2; one_of++) {
        start(&engines[one_of], argv[1]);
        say(&engines[one_of], "uci\n", "uciok");
        say(&engines[one_of], text, "readyok");
    }
    __atomic_add_fetch(&shared->ready, 1, __ATOMIC_SEQ_CST);
    while (shared->ready <= runners)
        usleep(100);
    long used_ns = cpu_ns(engines);
    for (int game; (game = __atomic_fetch_add(&shared->next, 1, __ATOMIC_SEQ_CST)) < MOST_GAMES && games[game];)
        __atomic_add_fetch(&shared->plies, play(engines, game, go, atoi(argv[5])), __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&shared->cpu_ns, cpu_ns(engines) - used_ns, __ATOMIC_SEQ_CST);
    for (int one_of = 0; one_of < 2; one_of++)
        kill(engines[one_of].pid, SIGKILL);
    _exit(0);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    char line[LINE];
    int count = 0, failed = 0;
    if (argc != 6)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    for (; count < MOST_GAMES && fgets(line, sizeof line, stdin); count++) {
        char *moves;
        line[strcspn(line, "\n")] = 0;
        lengths[count] = strtol(line, &moves, 10);
        games[count] = common(LINE);
        strcpy(games[count], moves);
    }
    shared = common(sizeof *shared);
    int runners = atoi(argv[4]);
    for (int number = 0; number < runners; number++)
        if (!fork())
            run(number, runners, argv);
    while (shared->ready < runners)
        usleep(100);
    double began = now();
    __atomic_add_fetch(&shared->ready, 1, __ATOMIC_SEQ_CST);
    for (int status, left = runners; left > 0 && wait(&status) > 0; left--)
        failed |= status;
    double took_s = now() - began;
    printf("%.6f %ld %.6f\n", took_s, shared->plies, shared->cpu_ns / 1e9);
    for (int game = 0; game < count; game++)
        printf("%s\n", games[game]);
    return failed != 0;
}
