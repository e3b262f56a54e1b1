/*
 * load-socketmap - a strict load generator that asks socketmap servers as Postfix 3.7 does
 *
 * usage: load-socketmap --socket PATH --domains FILE [options]
 *
 *   --connections N   connections, each with one request outstanding (10)
 *   --seconds S       measured time (2)             --warmup S   time before it, not counted (0.5)
 *   --warm N          the time before lasts until N requests were answered, 20 s at most (0)
 *   --pid PID         process whose CPU, memory and calls are read
 *   --map NAME        name of the map (deliver)
 *   --answers WHAT    `any`: an answer need only be well formed. `rows`: for a domain of the list OK and what its row
 *                     requires when that is TLS (even lines), NOTFOUND for any other key. `found`: only domains of the list are asked for, and
 *                     each must be found (any)
 *
 * Half of the keys are domains of the list. As Postfix does, it sends one request, reads one answer, and takes OK, NOTFOUND,
 * TEMP, TIMEOUT and PERM only, each with a blank behind it; here TEMP, TIMEOUT and PERM are faults, since they spare the
 * server work. What it insists on besides: the length in front is exact and without a leading zero, the payload is printable
 * and ends in a comma, nothing comes behind it, the server never closes first.
 *
 * Closed loop: each connection asks again at once. Prints one JSON object; what is wrong is printed, and the exit status
 * is then 1. Source: Postfix socketmap_table(5), src/util/dict_sockmap.c and netstring.c.
 */
#include "bench.h"
#include <ctype.h>
#include <getopt.h>

static const char *socketPath, *domainsPath, *map = "deliver", *expected = "any";
static int connections = 10, serverPid;
static double measuredS = 2, warmupS = 0.5;
static uint64_t warmRequests;

struct connection {
    int fd, busy, row; /* of the list, -1 for none */
    uint64_t asked;
    char in[1024], key[256];
    size_t inLen;
};

static struct domains domains;
static struct samples times;

static void ask(struct connection *c)
{
    char text[512], request[600];
    c->row = strcmp(expected, "found") == 0 || randomBelow(2) ? (int) randomBelow((uint32_t) domains.count) : -1;
    if (c->row >= 0) snprintf(c->key, sizeof c->key, "%s", domains.name[c->row]);
    else snprintf(c->key, sizeof c->key, "o%u.other.test", randomBelow(100000));
    int n = snprintf(text, sizeof text, "%s %s", map, c->key);
    n = snprintf(request, sizeof request, "%d:%s,", n, text);
    c->busy = 1;
    c->asked = nowNs();
    if (send(c->fd, request, (size_t) n, MSG_NOSIGNAL) != n) fail("write of a request: %s", strerror(errno));
}

static void check(const struct connection *c, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 || text[i] > 0x7e) fail("byte 0x%02x in the answer", (unsigned char) text[i]);
    int ok = n > 3 && memcmp(text, "OK ", 3) == 0, none = n >= 9 && memcmp(text, "NOTFOUND ", 9) == 0;
    if (!ok && !none) fail("neither OK nor NOTFOUND for %s: \"%.*s\"", c->key, (int) n, text);
    if (strcmp(expected, "found") == 0 && !ok) fail("%s was not found", c->key);
    if (strcmp(expected, "rows") != 0) return;
    const char *want = c->row >= 0 && c->row % 2 == 0 ? "OK encrypt protocols=>=TLSv1.2 ciphers=high" : "NOTFOUND ";
    if (n != strlen(want) || memcmp(text, want, n) != 0)
        fail("the answer is wrong: \"%.*s\" for %s, not \"%s\"", (int) n, text, c->key, want);
}

/* Reads; returns 1 when the answer that was due is complete. */
static int readable(struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->inLen, sizeof c->in - c->inLen, 0);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n < 0) fail("read of an answer: %s", strerror(errno));
    if (n == 0) fail("the server closed the connection %s", c->busy ? "without an answer" : "first");
    if (!c->busy) fail("%zd bytes that nobody asked for", n);
    c->inLen += (size_t) n;
    size_t at = 0, length = 0;
    while (at < c->inLen && isdigit((unsigned char) c->in[at]) && at < 5) length = length * 10 + (size_t) (c->in[at++] - '0');
    if (at == c->inLen && at < 5) return 0;
    if (at == 0 || c->in[at] != ':' || (c->in[0] == '0' && at > 1)) fail("no length in front: \"%.*s\"", (int) c->inLen, c->in);
    if (at + length + 2 > sizeof c->in) fail("answer of %zu bytes", length);
    if (c->inLen < at + length + 2) return 0;
    if (c->in[at + 1 + length] != ',') fail("no comma behind %zu bytes", length);
    if (c->inLen > at + length + 2) fail("%zu bytes after the answer", c->inLen - (at + length + 2));
    check(c, c->in + at + 1, length);
    c->inLen = 0;
    c->busy = 0;
    return 1;
}

static void options(int argc, char **argv)
{
    static const struct option LONG[] = {
        {"socket", 1, 0, 's'}, {"domains", 1, 0, 'd'}, {"connections", 1, 0, 'n'}, {"seconds", 1, 0, 'S'},
        {"warmup", 1, 0, 'w'}, {"warm", 1, 0, 'W'}, {"pid", 1, 0, 'p'}, {"map", 1, 0, 'm'}, {"answers", 1, 0, 'a'}, {0, 0, 0, 0}
    };
    for (int c; (c = getopt_long(argc, argv, "", LONG, NULL)) != -1;) switch (c) {
    case 's': socketPath = optarg; break;
    case 'd': domainsPath = optarg; break;
    case 'n': connections = atoi(optarg); break;
    case 'S': measuredS = atof(optarg); break;
    case 'w': warmupS = atof(optarg); break;
    case 'W': warmRequests = strtoull(optarg, NULL, 10); break;
    case 'p': serverPid = atoi(optarg); break;
    case 'm': map = optarg; break;
    case 'a': expected = optarg; break;
    default: exit(64);
    }
    if (socketPath == NULL || domainsPath == NULL || connections < 1) fail("--socket and --domains are needed");
}

int main(int argc, char **argv)
{
    options(argc, argv);
    domains = readDomains(domainsPath);
    raiseDescriptorLimit();
    int poll = epoll_create1(0);
    uint64_t start = nowNs(), from = start + (uint64_t) (warmupS * 1e9), until = 0;
    uint64_t measuredFrom = 0, measuredUntil = 0, answers = 0, answered = 0;
    struct foreign othersFrom = {0}, othersUntil = {0};
    struct calls callsFrom = {0}, callsUntil = {0};
    struct connection *all = calloc((size_t) connections, sizeof *all);
    for (int i = 0; i < connections; i++) {
        uint64_t patience = nowNs() + 10000000000u;
        while ((all[i].fd = connectUnix(socketPath)) < 0) {
            if (nowNs() > patience) fail("no connection within 10 s");
            usleep(1000);
        }
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &e);
        ask(&all[i]);
    }
    uint64_t last = nowNs();
    for (int waiting = connections; waiting > 0;) {
        struct epoll_event events[256];
        int n = epoll_wait(poll, events, 256, 100);
        uint64_t now = nowNs();
        if (measuredFrom == 0 && now >= from && (answered >= warmRequests || now >= start + (uint64_t) WARM_LIMIT_S * 1000000000u)) {
            callsFrom = callsOf(serverPid);
            othersFrom = foreignNow(serverPid);
            measuredFrom = nowNs();
            until = measuredFrom + (uint64_t) (measuredS * 1e9);
        }
        if (measuredFrom != 0 && measuredUntil == 0 && now >= until) {
            measuredUntil = nowNs();
            othersUntil = foreignNow(serverPid);
            callsUntil = callsOf(serverPid);
        }
        if (n > 0) last = now;
        if (now - last > 30000000000u) fail("%d answers still missing after 30 s", waiting);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!readable(c)) continue;
            answered++;
            if (measuredFrom != 0 && measuredUntil == 0 && c->asked >= measuredFrom) {
                answers++;
                sample(&times, nowNs() - c->asked);
            }
            if (measuredUntil == 0) ask(c);
            else waiting--;
        }
    }
    double cpu = othersUntil.server - othersFrom.server, seconds = (double) (measuredUntil - measuredFrom) / 1e9;
    double per = answers ? (double) answers : 1;
    printf("{\"requests\":%llu,\"seconds\":%.3f,\"perSecond\":%.1f,\"cpuUs\":%.3f,\"cores\":%.3f,\"foreignCores\":%.3f,",
           (unsigned long long) answers, seconds, (double) answers / seconds, cpu / per, cpu / 1e6 / seconds,
           foreignCores(othersFrom, othersUntil));
    printCalls(callsFrom, callsUntil, per);
    printSamples("latency", &times);
    printf(",\"rssKib\":%ld}\n", rssKib(serverPid));
    for (int i = 0; i < connections; i++) close(all[i].fd);
    return 0;
}
