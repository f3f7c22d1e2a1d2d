/* Plays the greatest legal integer; the plainest program there is. */
#include "../corpus.h"
int main(int count, char **arguments)
{
    read_targets(count, arguments);
    return play(1, NULL);
}
