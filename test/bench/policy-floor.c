/*
 * policy-floor - the least a policy server can do, for the policy row of the benchmark
 *
 * usage: policy-floor SOCKET
 *
 * One thread, epoll, unix socket. It finds the end of each request (an empty line) and answers "action=DUNNO"; it looks
 * at nothing else, logs nothing and decides nothing, so no server that does the work can be faster. A request larger
 * than the buffer (64 KiB) ends the connection.
 *
 * Source: Postfix SMTPD_POLICY_README, "Protocol description".
 */
#include "bench.h"

enum { ROOM = 65536, EVENTS = 256 };

struct connection {
    int fd;
    size_t used;
    char text[ROOM];
};

static const char ANSWER[] = "action=DUNNO\n\n";

/* Answers every whole request in the buffer, keeps the rest. Returns 0 when the connection is to be closed. */
static int serve(struct connection *c)
{
    ssize_t n = read(c->fd, c->text + c->used, ROOM - c->used);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    /* The empty line may begin with the last byte of the read before. */
    size_t from = c->used ? c->used - 1 : 0;
    c->used += (size_t) n;
    for (;;) {
        char *end = memmem(c->text + from, c->used - from, "\n\n", 2);
        if (end == NULL) break;
        if (write(c->fd, ANSWER, sizeof ANSWER - 1) != (ssize_t) sizeof ANSWER - 1) return 0;
        size_t done = (size_t) (end + 2 - c->text);
        memmove(c->text, c->text + done, c->used - done);
        c->used -= done;
        from = 0;
    }
    return c->used < ROOM;
}

int main(int argc, char **argv)
{
    if (argc != 2) fail("usage: policy-floor SOCKET");
    raiseDescriptorLimit();
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(argv[1]) >= sizeof address.sun_path) fail("socket path too long");
    strcpy(address.sun_path, argv[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *) &address, sizeof address) != 0 || listen(listener, 4096) != 0)
        fail("listen on %s: %s", argv[1], strerror(errno));
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == NULL) {
                int fd;
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    c = grow(NULL, sizeof *c);
                    c->fd = fd;
                    c->used = 0;
                    event.data.ptr = c;
                    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
                }
            } else if (!serve(c)) {
                close(c->fd);
                free(c);
            }
        }
    }
}
