/* Tries: to become or start another program, in every way that there is.
 * Told by: ESCAPED, said by the program that was started. Alone: escapes. */
#include "../corpus.h"
#include <spawn.h>
extern char **environ;
static char *words[] = {"/bin/sh", "-c", "echo 'ESCAPED: a shell runs' >&2", 0};
int main(int count, char **arguments)
{
    pid_t pid;
    read_targets(count, arguments);
    int shell = open(words[0], O_RDONLY);
    if (posix_spawn(&pid, words[0], 0, 0, words, environ) == 0)
        waitpid(pid, 0, 0);
    if (system(words[2]) == -1)
        perror("system");
    if ((pid = fork()) == 0) {
        execv(words[0], words);
        fexecve(shell, words, environ);
        _exit(1);
    }
    if (pid > 0)
        waitpid(pid, 0, 0);
    else {
        syscall(SYS_execveat, shell, "", words, environ, AT_EMPTY_PATH);
        execv(words[0], words);
    }
    return play(0, NULL);
}
