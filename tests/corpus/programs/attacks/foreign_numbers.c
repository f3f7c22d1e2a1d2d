/* Tries: to slip past a 64-bit filter by 32-bit and x32 numbers: getpid by the number that it has there.
 * Told by: ESCAPED; contained, the process is killed. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    read_targets(count, arguments);
#ifdef __x86_64__
    int told;
    __asm__ volatile("int $0x80" : "=a"(told) : "a"(20) : "memory");
    if (told == getpid())
        escaped("32-bit system calls work");
    if (syscall(0x40000000 | 39) == getpid())
        escaped("x32 system calls work");
#endif
    return play(0, NULL);
}
