/* Tries: to learn that a file outside exists and how large it is, without opening it.
 * Told by: ESCAPED. Not stopped by Landlock: at the level `landlock` this is not promised. Alone: escapes. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    struct stat found;
    read_targets(count, arguments);
    if (stat(target("canary_file"), &found) == 0)
        escaped("there are %ld bytes", (long)found.st_size);
    return play(0, NULL);
}
