/* Thinks in four threads with 100 MiB, a timer, a file in TMPDIR and its own clock; plays the greatest legal integer. */
#include "../corpus.h"
static void *think(void *block)
{
    memset(block, 1, 25 << 20);
    return block;
}
static void each(const char *line)
{
    pthread_t threads[4];
    static char *block;
    char path[4096];
    struct timespec now, shortly = {0, 1000000};
    if (!block && !(block = malloc(100 << 20)))
        abort();
    for (int place = 0; place < 4; place++)
        if (pthread_create(&threads[place], NULL, think, block + (25l << 20) * place))
            abort();
    for (int place = 0; place < 4; place++)
        pthread_join(threads[place], NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    nanosleep(&shortly, NULL);
    if (getenv("TMPDIR")) {
        snprintf(path, sizeof path, "%s/notes", getenv("TMPDIR"));
        FILE *notes = fopen(path, "w+");
        if (!notes || fprintf(notes, "%s", line) < 0 || fclose(notes) || unlink(path))
            abort();
    }
}
int main(int count, char **arguments)
{
    read_targets(count, arguments);
    return play(1, each);
}
