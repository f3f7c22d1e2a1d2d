/* Tries: to outlive the match: two forks, a session of its own, all signals ignored, descriptors closed; makes a file 3 s later.
 * Told by: a process is left, or the file appears in the folder outside. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    char path[8192];
    read_targets(count, arguments);
    snprintf(path, sizeof path, "%s/late", target("write_dir"));
    if (fork() == 0) {
        setsid();
        prctl(PR_SET_PDEATHSIG, 0);
        if (fork() == 0) {
            for (int number = 1; number < 65; number++)
                signal(number, SIG_IGN);
            for (int file = 0; file < 256; file++)
                close(file);
            sleep(3);
            open(path, O_CREAT | O_WRONLY, 0600);
        }
        _exit(0);
    }
    return play(0, NULL);
}
