/* Tries: to learn the machine from /proc, /sys and /etc, and to write its settings.
 * Told by: ESCAPED for each file that can be opened. Alone: escapes. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    const char *read_only[] = {"/proc/cmdline", "/proc/1/environ", "/proc/self/environ", "/proc/self/maps", "/proc/net/tcp", "/etc/passwd", "/etc/shadow",
                               "/etc/hostname", "/root/.bashrc", "/var/log/dpkg.log", "/dev/mem", "/dev/kmsg", "/sys/kernel/notes"};
    const char *writable[] = {"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/self/oom_score_adj", "/proc/self/mem", "/dev/tty"};
    read_targets(count, arguments);
    for (size_t place = 0; place < sizeof read_only / sizeof *read_only; place++)
        if (open(read_only[place], O_RDONLY | O_NONBLOCK) >= 0)
            escaped("opened %s", read_only[place]);
    for (size_t place = 0; place < sizeof writable / sizeof *writable; place++)
        if (open(writable[place], O_WRONLY | O_NONBLOCK) >= 0)
            escaped("opened %s for writing", writable[place]);
    return play(0, NULL);
}
