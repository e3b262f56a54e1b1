/*
 * load-policy - a strict load generator that asks policy servers as Postfix 3.7 does
 *
 * usage: load-policy --socket PATH --domains FILE [options]
 *
 *   --connections N   connections, each with one request outstanding (10)
 *   --seconds S       measured time (2)             --warmup S   time before it, not counted (0.5)
 *   --warm N          the time before lasts until N requests were answered, 20 s at most (0)
 *   --requests N      end after N counted requests (0: time alone decides)
 *   --rate R          open loop: R requests a second, each due at its own time, sent on whichever connection is free; the
 *                     latency counts from the due time, so a stall is charged to every request that it kept waiting.
 *                     0 (default) is the closed loop: each connection asks again at once
 *   --late MS         an answer is late after so many milliseconds (10)
 *   --pid PID         process whose CPU and memory are read
 *   --must-refuse     first see that the server decides: a request without TLS for the first domain of the list must be
 *                     refused (4xx or 5xx), one with TLS must not
 *   --flip DOMAIN     beside the load, ask every 5 ms for DOMAIN without TLS and report when the verdict changed, in
 *                     milliseconds since the epoch: that is when a reload took force
 *
 * Each request has the full attribute set of Postfix 3.7 (SMTPD_POLICY_README; those without a value are sent empty), at
 * RCPT, and is a message of its own (`instance` never repeats); half of the requests have TLS. The connections stay open, as smtpd(8) keeps them.
 *
 * What it insists on: each answer is exactly "action=VERB[ text]" and an empty line, printable ASCII of at most 510
 * bytes, the verb one that Postfix knows and that cannot fail open; one answer a request, nothing after it, and the
 * server never closes first. Every request of the load must be let through (DUNNO, or PREPEND). The first thing that is
 * wrong is printed and the exit status is 1. Prints one JSON object.
 */
#include "bench.h"
#include <ctype.h>
#include <getopt.h>
#include <sys/timerfd.h>

static const char *socketPath, *domainsPath, *flipDomain;
static int connections = 10, serverPid, mustRefuse;
static double measuredS = 2, warmupS = 0.5, rate, lateMs = 10;
static uint64_t requestLimit, warmRequests;

struct connection {
    int fd, busy, flip, refused, answered;
    uint64_t due;
    char out[2048], in[1024], action[520];
    size_t outLen, outAt, inLen;
};

static struct domains domains;
static struct samples times;
static uint64_t answers, late, sent, answered;
static int poll, measuring;
static time_t startSecond;

/* Writes the next request of this connection; `domain` NULL picks one. */
static void compose(struct connection *c, const char *domain, int tls)
{
    char picked[256];
    int known;
    if (domain == NULL) {
        pickDomain(&domains, tls, picked, sizeof picked, &known);
        domain = picked;
    }
    uint32_t n = randomBelow(100000);
    int length = snprintf(c->out, sizeof c->out,
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.10\n"
        "client_name=client.example.net\nclient_port=%u\nreverse_client_name=client.example.net\n"
        "server_address=192.0.2.1\nserver_port=25\nhelo_name=client.example.net\nsender=s%u@c%u.sender.test\n"
        "recipient=user%u@%s\nrecipient_count=0\nqueue_id=\ninstance=%x.%llx.%llx.0\nsize=%u\netrn_domain=\n"
        "stress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
        "ccert_pubkey_fingerprint=\nencryption_protocol=%s\nencryption_cipher=%s\nencryption_keysize=%s\n"
        "policy_context=\n\n",
        20000 + n % 40000, n, n % 1000, n % 7, domain, (unsigned) getpid(), (unsigned long long) startSecond,
        (unsigned long long) sent, 1000 + n, tls ? "TLSv1.3" : "",
        tls ? "TLS_AES_256_GCM_SHA384" : "", tls ? "256" : "0");
    if (length >= (int) sizeof c->out) fail("bug: request of %d bytes", length);
    c->outLen = (size_t) length;
    c->outAt = 0;
}

static void flush(struct connection *c)
{
    while (c->outAt < c->outLen) {
        ssize_t n = send(c->fd, c->out + c->outAt, c->outLen - c->outAt, MSG_NOSIGNAL);
        /* One request always fits an empty socket buffer. */
        if (n < 0) fail("write of a request: %s", strerror(errno));
        c->outAt += (size_t) n;
    }
}

static void ask(struct connection *c, const char *domain, int tls, uint64_t due)
{
    compose(c, domain, tls);
    c->busy = 1;
    c->due = due;
    flush(c);
    sent++;
}

/* Checks one answer, without its empty line; sets `c->refused`. */
static void check(struct connection *c, const char *text, size_t n)
{
    static const char *const PASS[] = {"DUNNO", "PREPEND"};
    static const char *const HOLD_BACK[] = {"REJECT", "DEFER", "DEFER_IF_PERMIT", "HOLD"};
    if (n < 7 || memcmp(text, "action=", 7) != 0) fail("answer does not begin with action=: \"%.*s\"", (int) n, text);
    text += 7;
    n -= 7;
    if (n == 0) fail("empty action, which Postfix takes as OK");
    if (n > 510) fail("action of %zu bytes", n);
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 || text[i] > 0x7e) fail("byte 0x%02x in the action", (unsigned char) text[i]);
    memcpy(c->action, text, n);
    c->action[n] = 0;
    char verb[32];
    size_t v = strcspn(c->action, " ");
    if (v >= sizeof verb) fail("no verb that Postfix knows: \"%s\"", c->action);
    memcpy(verb, c->action, v);
    verb[v] = 0;
    c->refused = 0;
    for (size_t i = 0; i < sizeof PASS / sizeof *PASS; i++)
        if (strcasecmp(verb, PASS[i]) == 0) {
            if (i == 1 && strchr(c->action + v, ':') == NULL) fail("PREPEND without a header: \"%s\"", c->action);
            return;
        }
    c->refused = 1;
    for (size_t i = 0; i < sizeof HOLD_BACK / sizeof *HOLD_BACK; i++)
        if (strcasecmp(verb, HOLD_BACK[i]) == 0) return;
    if (v == 3 && (verb[0] == '4' || verb[0] == '5') && isdigit((unsigned char) verb[1]) && isdigit((unsigned char) verb[2])) {
        if (c->action[v] != ' ' || c->action[v + 1] == 0) fail("code without text, which Postfix takes as OK: \"%s\"", c->action);
        return;
    }
    fail("no verb that belongs here: \"%s\"", c->action);
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
    char *end = memmem(c->in, c->inLen, "\n\n", 2);
    if (end == NULL) {
        if (c->inLen == sizeof c->in) fail("answer without an end after %zu bytes", c->inLen);
        return 0;
    }
    if (end + 2 != c->in + c->inLen) fail("%zd bytes after the answer", c->in + c->inLen - (end + 2));
    check(c, c->in, (size_t) (end - c->in));
    c->inLen = 0;
    c->busy = 0;
    return 1;
}

static struct connection *openConnection(void)
{
    struct connection *c = calloc(1, sizeof *c);
    uint64_t until = nowNs() + 10000000000u;
    while ((c->fd = connectUnix(socketPath)) < 0) {
        if (nowNs() > until) fail("no connection within 10 s");
        usleep(1000);
    }
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &e);
    return c;
}

/* One request on a connection of its own, answered before anything else happens. */
static void askOnce(struct connection *c, const char *domain, int tls)
{
    struct epoll_event e;
    uint64_t until = nowNs() + 10000000000u;
    ask(c, domain, tls, nowNs());
    for (;;) {
        if (epoll_wait(poll, &e, 1, 100) == 1 && e.data.ptr == c && readable(c)) return;
        if (nowNs() > until) fail("no answer within 10 s");
    }
}

static void probe(void)
{
    struct connection *c = openConnection();
    for (int tls = 0; tls < 2; tls++) {
        askOnce(c, domains.name[0], tls);
        if (c->refused != !tls)
            fail("the verdict is wrong: a recipient at %s over a session %s TLS got \"%s\"", domains.name[0],
                 tls ? "with" : "without", c->action);
    }
    close(c->fd);
    free(c);
}

static void options(int argc, char **argv)
{
    static const struct option LONG[] = {
        {"socket", 1, 0, 's'}, {"domains", 1, 0, 'd'}, {"connections", 1, 0, 'n'}, {"seconds", 1, 0, 'S'},
        {"warmup", 1, 0, 'w'}, {"requests", 1, 0, 'N'}, {"rate", 1, 0, 'r'}, {"late", 1, 0, 'l'}, {"pid", 1, 0, 'p'},
        {"must-refuse", 0, 0, 'R'}, {"flip", 1, 0, 'f'}, {"warm", 1, 0, 'W'}, {0, 0, 0, 0}
    };
    for (int c; (c = getopt_long(argc, argv, "", LONG, NULL)) != -1;) switch (c) {
    case 's': socketPath = optarg; break;
    case 'd': domainsPath = optarg; break;
    case 'n': connections = atoi(optarg); break;
    case 'S': measuredS = atof(optarg); break;
    case 'w': warmupS = atof(optarg); break;
    case 'N': requestLimit = strtoull(optarg, NULL, 10); break;
    case 'r': rate = atof(optarg); break;
    case 'l': lateMs = atof(optarg); break;
    case 'p': serverPid = atoi(optarg); break;
    case 'R': mustRefuse = 1; break;
    case 'f': flipDomain = optarg; break;
    case 'W': warmRequests = strtoull(optarg, NULL, 10); break;
    default: exit(64);
    }
    if (socketPath == NULL || domainsPath == NULL || connections < 1) fail("--socket and --domains are needed");
}

/* The clock of the open loop: a timer that fires when the next request is due. */
static void setTimer(int timer, uint64_t at)
{
    struct itimerspec t = {.it_value = {.tv_sec = (time_t) (at / 1000000000u), .tv_nsec = (long) (at % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &t, NULL);
}

int main(int argc, char **argv)
{
    options(argc, argv);
    domains = readDomains(domainsPath);
    startSecond = time(NULL);
    raiseDescriptorLimit();
    poll = epoll_create1(0);
    if (mustRefuse) probe();

    struct connection **all = calloc((size_t) connections, sizeof *all), **idle = calloc((size_t) connections, sizeof *idle);
    int idles = 0;
    for (int i = 0; i < connections; i++) all[i] = idle[idles++] = openConnection();
    struct connection *flip = NULL;
    uint64_t flipDue = 0;
    if (flipDomain != NULL) (flip = openConnection())->flip = 1;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event timerEvent = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &timerEvent);

    uint64_t start = nowNs(), from = start + (uint64_t) (warmupS * 1e9), until = from + (uint64_t) (measuredS * 1e9);
    uint64_t measuredFrom = 0, measuredUntil = 0, giveUp = until + (uint64_t) (WARM_LIMIT_S + 30) * 1000000000u, due = start, tick = 0;
    uint64_t step = rate > 0 ? (uint64_t) (1e9 / rate) : 0, dueCount = 0, unanswered = 0;
    struct foreign othersFrom = {0}, othersUntil = {0};
    struct calls callsFrom = {0}, callsUntil = {0};
    double flips[64];
    int flipCount = 0, stopping = 0;
    long rssPeak = 0;
    for (;;) {
        uint64_t now = nowNs();
        if (measuredFrom == 0 && now >= from
            && (answered >= warmRequests || now >= start + (uint64_t) WARM_LIMIT_S * 1000000000u)) {
            until = now + (uint64_t) (measuredS * 1e9);
            giveUp = until + 30000000000u;
            callsFrom = callsOf(serverPid);
            times.count = 0;
            answers = late = 0;
            othersFrom = foreignNow(serverPid);
            measuredFrom = nowNs();
            measuring = 1;
        }
        if (!stopping && measuring && (now >= until || (requestLimit && measuring && answers >= requestLimit))) {
            measuredUntil = nowNs();
            othersUntil = foreignNow(serverPid);
            callsUntil = callsOf(serverPid);
            stopping = 1;
            if (rate == 0) measuring = 0; /* in the open loop, what is still waiting counts: it may be what is late */
        }
        if (stopping && idles == connections && (flip == NULL || !flip->busy)) break;
        if (now > giveUp) fail("%d answers still missing 30 s after the end", connections - idles);
        if (rate == 0) {
            while (!stopping && idles > 0) {
                struct connection *c = idle[--idles];
                ask(c, NULL, (int) (sent & 1), nowNs());
            }
        } else {
            while (idles > 0 && due <= now && due < until) {
                struct connection *c = idle[--idles];
                ask(c, NULL, (int) (sent & 1), due);
                dueCount++;
                due += step;
            }
        }
        if (flip != NULL && !flip->busy && !stopping && now >= flipDue) {
            ask(flip, flipDomain, 0, now);
            flipDue = now + 5000000;
        }
        if (serverPid && rate > 0 && now - tick > 50000000u) { /* the peak during a reload matters */
            long kib = rssKib(serverPid);
            if (kib > rssPeak) rssPeak = kib;
            tick = now;
        }
        if (rate > 0 && idles > 0 && due < until) setTimer(timer, due);
        struct epoll_event events[256];
        int n = epoll_wait(poll, events, 256, 5);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == NULL) {
                uint64_t expired;
                if (read(timer, &expired, sizeof expired) < 0 && errno != EAGAIN) fail("timer: %s", strerror(errno));
                continue;
            }
            if (!readable(c)) continue;
            if (c->flip) {
                if (c->answered > 0 && c->refused != c->answered - 1 && flipCount < 64) flips[flipCount++] = wallMs();
                c->answered = c->refused + 1;
                continue;
            }
            if (c->refused) fail("refused, although the table lets it through: \"%s\" for the request\n%s", c->action, c->out);
            idle[idles++] = c;
            answered++;
            if (!measuring || c->due < measuredFrom) continue;
            uint64_t took = nowNs() - c->due;
            answers++;
            sample(&times, took);
            if ((double) took > lateMs * 1e6) late++;
        }
    }
    if (rate > 0 && due < until) unanswered = (until - due) / step; /* due, and never sent for want of a free connection */

    double cpu = othersUntil.server - othersFrom.server;
    double seconds = (double) (measuredUntil - measuredFrom) / 1e9, per = answers ? (double) answers : 1;
    printf("{\"requests\":%llu,\"seconds\":%.3f,\"perSecond\":%.1f,\"cpuUs\":%.3f,\"cores\":%.3f,\"foreignCores\":%.3f,\"late\":%llu,"
           "\"unsent\":%llu,\"lateMs\":%.1f,",
           (unsigned long long) answers, seconds, (double) answers / seconds, cpu / per,
           cpu / 1e6 / seconds, foreignCores(othersFrom, othersUntil), (unsigned long long) (late + unanswered), (unsigned long long) unanswered,
           lateMs);
    printCalls(callsFrom, callsUntil, per);
    printSamples("latency", &times);
    printf(",\"rssKib\":%ld,\"rssPeakKib\":%ld,\"flips\":[", rssKib(serverPid), rssPeak);
    for (int i = 0; i < flipCount; i++) printf("%s%.1f", i ? "," : "", flips[i]);
    printf("]}\n");
    for (int i = 0; i < connections; i++) close(all[i]->fd);
    return 0;
}
