/* Tries: numbers that compare oddly: NaN, 1e999, true, -0, 10^400, a key twice.
 * Told by: recorded as winner, or no result. */
#include "../corpus.h"
static void attack(const char *line)
{
    const char *answers[] = {"NaN", "1e999", "true", "-0", "{\"action\":1,\"action\":2}", "{\"__proto__\":{\"action\":1}}", "\"\\ud800\""};
    static int next;
    puts(answers[next++ % 7]);
    (void)line;
}
int main(int count, char **arguments) { read_targets(count, arguments); return play(0, attack); }
