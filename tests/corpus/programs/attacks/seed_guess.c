/* Tries: to find the run's seed, and with it all luck to come, from its own: hashes of small seeds along the engine's paths until its own comes out.
 * It is told its version and the game as the plan names it (version, game_ref), which an author can work out.
 * Told by: ESCAPED with the seed. Alone, it finds seeds of up to five digits. */
#include "../corpus.h"
static const uint64_t BEGIN[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                                  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
static const uint8_t ORDER[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};
static uint64_t turned(uint64_t value, int by) { return value >> by | value << (64 - by); }
/* BLAKE2b (RFC 7693) of up to 128 bytes, 8 bytes of digest, as the engine's 63-bit number. */
static uint64_t derived(const char *text)
{
    uint64_t message[16] = {0}, state[8], work[16];
    size_t size = strlen(text);
    memcpy(message, text, size > 128 ? 128 : size);
    memcpy(state, BEGIN, sizeof state);
    state[0] ^= 0x01010000 ^ 8;
    memcpy(work, state, sizeof state);
    memcpy(work + 8, BEGIN, sizeof BEGIN);
    work[12] ^= size;
    work[14] = ~work[14];
    for (int round = 0; round < 12; round++) {
        const uint8_t *order = ORDER[round % 10];
        for (int step = 0; step < 8; step++) {
            int a = step % 4, b = 4 + (step < 4 ? a : (a + 1) % 4), c = 8 + (step < 4 ? a : (a + 2) % 4), d = 12 + (step < 4 ? a : (a + 3) % 4);
            work[a] += work[b] + message[order[2 * step]], work[d] = turned(work[d] ^ work[a], 32);
            work[c] += work[d], work[b] = turned(work[b] ^ work[c], 24);
            work[a] += work[b] + message[order[2 * step + 1]], work[d] = turned(work[d] ^ work[a], 16);
            work[c] += work[d], work[b] = turned(work[b] ^ work[c], 63);
        }
    }
    return __builtin_bswap64(state[0] ^ work[0] ^ work[8]) >> 1;
}
static void guess(const char *line)
{
    static int done;
    char text[128];
    (void)line;
    for (unsigned long seed = 0; !done && seed < 100000; seed++)
        for (int rotation = 0; rotation < 2; rotation++) {
            snprintf(text, sizeof text, "%lu('%s', %d)", seed, target("game_ref"), rotation);
            uint64_t of_match = derived(text);
            snprintf(text, sizeof text, "%lu('agent', %ld, '%s')", of_match, target_number("seat"), target("version"));
            if (derived(text) == strtoul(target("own_seed"), NULL, 10))
                escaped("the run's seed is %lu", seed), done = 1;
        }
    done = 1;
}
int main(int count, char **arguments)
{
    char *line = NULL;
    size_t size = 0;
    read_targets(count, arguments);
    if (getline(&line, &size, stdin) > 0 && strstr(line, "\"seed\":")) { /* the start message becomes two more targets */
        size_t end = strlen(targets);
        snprintf(targets + end, sizeof targets - end, ", \"own_seed\":%s", strstr(line, "\"seed\":") + 7);
        end += strcspn(targets + end + 2, ",") + 2;
        snprintf(targets + end, sizeof targets - end, ", \"seat\":%s", strstr(line, "\"seat\":") + 7);
    }
    return play(0, guess);
}
