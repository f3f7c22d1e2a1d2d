/* Tries: to start up to 500 processes that stay.
 * Told by: ESCAPED above 64. Alone: escapes. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    int started = 0;
    pid_t pids[500];
    read_targets(count, arguments);
    for (; started < 500; started++)
        if ((pids[started] = fork()) < 0)
            break;
        else if (pids[started] == 0)
            _exit(sleep(5));
    if (started > 64)
        escaped("%d processes", started);
    while (started--)
        kill(pids[started], SIGKILL);
    return play(0, NULL);
}
