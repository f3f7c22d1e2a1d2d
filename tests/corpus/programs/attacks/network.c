/* Tries: to reach TCP, UDP, UNIX and abstract sockets, also by a datagram sent from a socket pair, and odd families.
 * Told by: ESCAPED; something arrives. Alone: escapes. */
#include "../corpus.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
static void reach(const char *name, int family, int kind, const void *address, socklen_t size)
{
    int one = socket(family, kind, 0);
    if (one >= 0 && (connect(one, address, size) == 0) && send(one, "x", 1, MSG_NOSIGNAL) == 1)
        escaped("reached %s", name);
}
int main(int count, char **arguments)
{
    int families[][3] = {{AF_NETLINK, SOCK_RAW, 0}, {AF_PACKET, SOCK_RAW, 0x300}, {AF_VSOCK, SOCK_STREAM, 0}, {38, SOCK_SEQPACKET, 0}};
    int pair[2];
    read_targets(count, arguments);
    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    inet.sin_port = htons(target_number("tcp"));
    reach("tcp", AF_INET, SOCK_STREAM, &inet, sizeof inet);
    inet.sin_port = htons(target_number("udp"));
    reach("udp", AF_INET, SOCK_DGRAM, &inet, sizeof inet);
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    strncpy(local.sun_path, target("unix"), sizeof local.sun_path - 1);
    reach("a UNIX socket", AF_UNIX, SOCK_STREAM, &local, sizeof local);
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 && sendto(pair[0], "x", 1, 0, (void *)&local, sizeof local) == 1)
        escaped("sent to a UNIX socket from a pair");
    memset(local.sun_path, 0, sizeof local.sun_path);
    strncpy(local.sun_path + 1, target("abstract"), sizeof local.sun_path - 2);
    reach("an abstract socket", AF_UNIX, SOCK_STREAM, &local, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(target("abstract")));
    for (int place = 0; place < 4; place++)
        if (socket(families[place][0], families[place][1], families[place][2]) >= 0)
            escaped("made a socket of family %d", families[place][0]);
    return play(0, NULL);
}
