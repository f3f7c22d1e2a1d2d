/* Tries: to make, link, move or overwrite files outside, and beside itself.
 * Told by: ESCAPED; the folder outside is not empty, its own has changed. Alone: escapes. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    char path[8192];
    read_targets(count, arguments);
    const char *folder = target("write_dir");
    snprintf(path, sizeof path, "%s/made", folder);
    if (*folder && open(path, O_CREAT | O_WRONLY, 0600) >= 0)
        escaped("made %s", path);
    snprintf(path, sizeof path, "%s/linked", folder);
    if (*folder && link(target("canary_file"), path) == 0)
        escaped("linked %s", path);
    snprintf(path, sizeof path, "%s/pointed", folder);
    if (*folder && symlink("/", path) == 0)
        escaped("pointed %s", path);
    snprintf(path, sizeof path, "%s/folder", folder);
    if (*folder && mkdir(path, 0700) == 0)
        escaped("made folder %s", path);
    snprintf(path, sizeof path, "%s/pipe", folder);
    if (*folder && mkfifo(path, 0600) == 0)
        escaped("made pipe %s", path);
    if (open(arguments[0], O_WRONLY) >= 0)
        escaped("can change itself");
    return play(0, NULL);
}
