/* Tries: to take processor time from its opponent: four threads that spin from the first turn on, whoever is to move.
 * Told by: its opponent times out or is slower than alone; its own time is not charged. */
#include "../corpus.h"
static void *spin(void *unused) { for (volatile long turns = 0;; turns++) ; return unused; }
static void begin(const char *line)
{
    static int begun;
    pthread_t thread;
    for (; begun < 4; begun++)
        pthread_create(&thread, NULL, spin, NULL);
    (void)line;
}
int main(int count, char **arguments)
{
    read_targets(count, arguments);
    return play(0, begin);
}
