/* Tries: to start up to 3000 threads that stay.
 * Told by: ESCAPED above 300. Alone: escapes. */
#include "../corpus.h"
static void *rest(void *unused) { sleep(3); return unused; }
int main(int count, char **arguments)
{
    int started = 0;
    pthread_t thread;
    pthread_attr_t small;
    read_targets(count, arguments);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    while (started < 3000 && pthread_create(&thread, &small, rest, NULL) == 0)
        started++;
    if (started > 300)
        escaped("%d threads", started);
    return play(0, NULL);
}
