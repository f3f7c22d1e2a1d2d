/* Tries: to signal others (number 0 only, nothing is hurt): everybody, its group, parent, init, a victim, by pidfd, by a descriptor's owner.
 * Told by: ESCAPED. Alone: escapes. */
#include "../corpus.h"
static void tell(const char *who, long result) { if (result >= 0) escaped("could signal %s", who); }
int main(int count, char **arguments)
{
    read_targets(count, arguments);
    pid_t victim = target_number("victim"), parent = getppid();
    siginfo_t value = {.si_signo = 0, .si_code = SI_QUEUE};
    if (victim > 1) {
        tell("the victim", kill(victim, 0));
        tell("the victim's thread", syscall(SYS_tgkill, victim, victim, 0));
        tell("the victim's task", syscall(SYS_tkill, victim, 0));
        tell("the victim with a value", syscall(SYS_rt_sigqueueinfo, victim, 0, &value));
        tell("the victim by pidfd", syscall(SYS_pidfd_open, victim, 0));
        tell("the owner of a descriptor", fcntl(0, F_SETOWN, victim));
    }
    if (parent > 1)
        tell("its parent", kill(parent, 0));
    if (getpid() != 1)
        tell("everybody", kill(-1, 0));
    return play(0, NULL);
}
