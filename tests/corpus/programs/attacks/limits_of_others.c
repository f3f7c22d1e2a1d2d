/* Tries: to change limits, priority and cores of a victim, and its own.
 * Told by: ESCAPED; the victim's are changed. Alone: escapes. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    struct rlimit some = {17, 17};
    cpu_set_t first;
    struct sched_param none = {0};
    read_targets(count, arguments);
    pid_t victim = target_number("victim");
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    if (victim > 1 && prlimit(victim, RLIMIT_NOFILE, &some, NULL) == 0)
        escaped("limits of the victim");
    if (victim > 1 && setpriority(PRIO_PROCESS, victim, 5) == 0)
        escaped("priority of the victim");
    if (victim > 1 && sched_setaffinity(victim, sizeof first, &first) == 0)
        escaped("cores of the victim");
    if (sched_setaffinity(0, sizeof first, &first) == 0)
        escaped("its own cores");
    if (sched_setscheduler(0, SCHED_BATCH, &none) == 0)
        escaped("its own scheduling");
    return play(0, NULL);
}
