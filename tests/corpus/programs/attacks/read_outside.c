/* Tries: to read a file outside by its path, by climbing, by descriptors, by /proc and by the root of others.
 * Told by: ESCAPED with what it read. Alone: escapes. */
#include "../corpus.h"
static void look(const char *way, int file)
{
    char text[200];
    ssize_t size = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (size > 0) {
        text[size] = 0;
        escaped("read by %s: %s", way, text);
    }
}
int main(int count, char **arguments)
{
    char path[8192] = "";
    read_targets(count, arguments);
    const char *canary = target("canary_file");
    look("path", open(canary, O_RDONLY));
    for (int step = 0; step < 40; step++)
        strcat(path, "../");
    look("climbing", open(strcat(path, canary), O_RDONLY));
    int folder = open(".", O_PATH);
    for (int step = 0; step < 40; step++)
        folder = openat(folder, "..", O_PATH);
    look("descriptors", openat(folder, canary + 1, O_RDONLY));
    for (int who = 0; who < 4; who++) {
        const char *names[] = {"self", "1", "thread-self"};
        char victim[32];
        snprintf(victim, sizeof victim, "%ld", target_number("victim"));
        snprintf(path, sizeof path, "/proc/%s/root%s", who < 3 ? names[who] : victim, canary);
        look(path, open(path, O_RDONLY));
    }
    int held = open(canary, O_PATH);
    snprintf(path, sizeof path, "/proc/self/fd/%d", held);
    look("a handle opened again", open(path, O_RDONLY));
    if (symlink(canary, "link") == 0)
        look("symbolic link", open("link", O_RDONLY));
    return play(0, NULL);
}
