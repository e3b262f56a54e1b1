/*
 * responder.h - the loop of the C responders: one thread, epoll, unix socket
 *
 * Each program defines respond(): it looks at the bytes that a connection has sent, writes one answer for each whole
 * request, and returns how many bytes it has dealt with, or -1 when the connection is to be closed. A request larger
 * than the buffer (64 KiB) ends the connection.
 */
#ifndef RESPONDER_H
#define RESPONDER_H

#include "bench.h"

enum { ROOM = 65536, EVENTS = 256 };

struct connection {
    int fd;
    unsigned number;
    size_t used;
    char text[ROOM + 1]; /* respond() may put a NUL behind what was read */
};

static ssize_t respond(struct connection *c);

/* Writes one answer; 0 when the socket does not take it whole, which ends the connection. */
static int answer(struct connection *c, const char *text, size_t n) { return write(c->fd, text, n) == (ssize_t) n; }

static int serve(struct connection *c)
{
    ssize_t n = read(c->fd, c->text + c->used, ROOM - c->used);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    c->used += (size_t) n;
    ssize_t done = respond(c);
    if (done < 0) return 0;
    c->used -= (size_t) done;
    if (c->used > 0 && done > 0) memmove(c->text, c->text + done, c->used);
    return c->used < ROOM;
}

/* Listens on the unix socket at `path` and serves; never returns. */
__attribute__((noreturn)) static void serveAll(const char *path)
{
    raiseDescriptorLimit();
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) fail("socket path too long");
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *) &address, sizeof address) != 0 || listen(listener, 4096) != 0)
        fail("listen on %s: %s", path, strerror(errno));
    int poll = epoll_create1(0);
    unsigned accepted = 0;
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
                    c->number = ++accepted;
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

#endif
