/* Tries: to hold 1200 MiB in mappings that RLIMIT_DATA does not count: written, then made read-only; growing downwards; a moved stack.
 * Told by: ESCAPED above 1000 MiB; contained, a limit of address space, a control group or a watcher ends it. */
#include "../corpus.h"
static int hold(int way)
{
    int held = 0;
    for (; held < 1200; held++) {
        char *block = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (way ? MAP_GROWSDOWN : 0), -1, 0);
        if (block == MAP_FAILED)
            break;
        memset(block, 1, 1 << 20);
        if (!way)
            mprotect(block, 1 << 20, PROT_READ);
    }
    return held;
}
static int moved_stack(void)
{
    volatile char room[1 << 18];
    for (size_t place = 0; place < sizeof room; place += 4096)
        room[place] = 1;
    char *page = (char *)(((uintptr_t)room + 4095) & ~4095ul);
    char *block = mremap(page, 4096, 1200l << 20, MREMAP_MAYMOVE);
    if (block == MAP_FAILED)
        return 0;
    memset(block, 1, 1200l << 20);
    return 1200;
}
int main(int count, char **arguments)
{
    read_targets(count, arguments);
    for (int way = 1; way >= 0; way--) {
        int held = hold(way);
        if (held > 1000)
            escaped("%d MiB, %s", held, way ? "growing down" : "made read-only");
    }
    if (moved_stack() > 1000)
        escaped("a stack of 1200 MiB");
    return play(0, NULL);
}
