/*
 * load-milter - a strict load generator that speaks milter as Postfix 3.7 does
 *
 * usage: load-milter --socket PATH --domains FILE [options]
 *
 *   --sessions N     sessions at a time (10)            --messages N   messages a session (1)
 *   --rcpts N        recipients a message (1)           --headers N    headers a message (12)
 *   --body BYTES     body size (4096)                   --starttls     STARTTLS order: a second EHLO after ABORT
 *   --seconds S      measured time (2)                  --warmup S     time before it, not counted (0.5)
 *   --warm N         the time before lasts until N messages were answered, 20 s at most (0)
 *   --pid PID        process whose CPU and memory are read
 *   --expect-header  every message must get at least one header
 *   --peer-header    the header must be the one libmilter-peer owes for this very message
 *   --must-refuse    first see that the server decides: a session without TLS must be refused (4xx or 5xx) for the first
 *                    domain of the list, one with TLS must not
 *   --idle N         first open N sessions, negotiated and connected, and hold them until the end
 *
 * What it does as Postfix does (src/milter/milter8.c of 3.7, and traces of it): it offers version 6, actions 0x1FF and
 * protocol 0x1FFFFF; sends the macros of an event in a packet of their own in front of it, also when the filter
 * declined that event (connect, HELO, MAIL, RCPT, DATA) or the list is empty, but header and body macros only with their
 * events; sends only macros that have a value, in the lists asked for, else in those of main.cf's defaults; has no
 * queue id before the first recipient is accepted, and no TLS macros after DATA, since another process speaks then;
 * writes when it awaits a reply, when it hands over to that process, and when it closes; sends ABORT after each message,
 * ABORT and QUIT at the end; one session for each connection, closed without waiting.
 *
 * What it insists on: each reply exact in length and legal at its place, edits only between end of message and verdict
 * and only such as were negotiated, header names and values well formed, one reply for each event that owes one and none
 * for the others, nothing after the reply, the server closes after QUIT and says nothing more (tried on the first
 * sessions). Here every message must be accepted, too, since a verdict that ends a message early spares the server work.
 * The first thing that is wrong is printed, and the exit status is 1.
 *
 * Prints one JSON object. Latency of a message: from MAIL to the verdict; of a session: from connect to the last write,
 * so a slow accept shows there only. Half of the sessions have TLS.
 */
#include "milter-reply.h"
#include <getopt.h>

/* Begins a session in this slot; 0 when the server's queue of connections is full. */
static int begin(struct session *s, enum kind kind, int tls)
{
    uint64_t now = nowNs();
    int fd = connectUnix(socketPath);
    if (fd < 0) {
        connectRetries++;
        if (s->began == 0) s->began = now;
        return 0;
    }
    unsigned char *out = s->out, *in = s->in;
    size_t outRoom = s->outRoom, inRoom = s->inRoom;
    uint64_t began = s->began ? s->began : now; /* the first try counts */
    memset(s, 0, sizeof *s);
    s->out = out, s->outRoom = outRoom, s->in = in, s->inRoom = inRoom;
    s->fd = fd;
    s->kind = kind;
    s->tls = tls;
    s->began = began;
    s->drain = kind != IDLE && started < 200;
    snprintf(s->clientPort, sizeof s->clientPort, "%u", 20000 + randomBelow(40000));
    started++;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e);
    s->step = S_OPTNEG;
    uint32_t offer[3] = {htonl(6), htonl(SMFIF_ALL), htonl(SMFIP_ALL)};
    size_t at = packet(s, 'O');
    put(s, offer, sizeof offer);
    endPacket(s, at);
    s->awaiting = 1;
    flush(s);
    return 1;
}

static void turn(int timeoutMs)
{
    struct epoll_event events[512];
    int n = epoll_wait(poll, events, 512, timeoutMs);
    for (int i = 0; i < n; i++) {
        struct session *s = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) {
            if (s->step == S_CLOSING) {
                closing(s);
                continue;
            }
            if (!flush(s)) continue;
        }
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(s);
    }
}

/* Runs single sessions until they end: without TLS the first row must refuse, with TLS it must not. */
static void probe(void)
{
    struct session s = {.step = S_FREE};
    probeDomain = domains.name[0];
    for (int tls = 0; tls < 2; tls++) {
        uint64_t until = nowNs() + 10000000000u;
        while (!begin(&s, PROBE, tls)) usleep(1000);
        while (s.step != S_FREE) {
            turn(100);
            if (nowNs() > until) fail("no answer within 10 s at %s", STEP_NAME[s.step]);
        }
        if (s.refusals != !tls)
            fail("the verdict is wrong: a recipient at %s over a session %s TLS was %s", probeDomain,
                 tls ? "with" : "without", s.refusals ? "refused" : "accepted");
    }
}

static void settle(double seconds)
{
    uint64_t until = nowNs() + (uint64_t) (seconds * 1e9);
    while (nowNs() < until) turn(10);
}

static struct session *openIdle(double *seconds)
{
    struct session *idle = calloc((size_t) idleSessions, sizeof *idle);
    uint64_t from = nowNs(), until = from + 60000000000u;
    int opened = 0;
    while (connectedCount < (uint64_t) idleSessions) {
        while (opened < idleSessions && (uint64_t) opened < connectedCount + 256) {
            if (!begin(&idle[opened], IDLE, opened & 1)) break;
            opened++;
        }
        turn(1);
        if (nowNs() > until) fail("only %llu of %d idle sessions after 60 s", (unsigned long long) connectedCount, idleSessions);
    }
    *seconds = (double) (nowNs() - from) / 1e9;
    return idle;
}

static void options(int argc, char **argv)
{
    static const struct option LONG[] = {
        {"socket", 1, 0, 's'}, {"domains", 1, 0, 'd'}, {"sessions", 1, 0, 'n'}, {"messages", 1, 0, 'm'},
        {"rcpts", 1, 0, 'r'}, {"headers", 1, 0, 'h'}, {"body", 1, 0, 'b'}, {"starttls", 0, 0, 'T'},
        {"seconds", 1, 0, 'S'}, {"warmup", 1, 0, 'w'}, {"pid", 1, 0, 'p'}, {"expect-header", 0, 0, 'e'},
        {"peer-header", 0, 0, 'P'}, {"must-refuse", 0, 0, 'R'}, {"idle", 1, 0, 'i'}, {"warm", 1, 0, 'W'}, {0, 0, 0, 0}
    };
    for (int c; (c = getopt_long(argc, argv, "", LONG, NULL)) != -1;) switch (c) {
    case 's': socketPath = optarg; break;
    case 'd': domainsPath = optarg; break;
    case 'n': slots = atoi(optarg); break;
    case 'm': perSession = atoi(optarg); break;
    case 'r': rcpts = atoi(optarg); break;
    case 'h': headers = atoi(optarg); break;
    case 'b': bodyBytes = (size_t) atol(optarg); break;
    case 'T': starttls = 1; break;
    case 'S': measuredS = atof(optarg); break;
    case 'w': warmupS = atof(optarg); break;
    case 'p': serverPid = atoi(optarg); break;
    case 'e': expectHeader = 1; break;
    case 'P': peerHeader = expectHeader = 1; break;
    case 'R': mustRefuse = 1; break;
    case 'i': idleSessions = atoi(optarg); break;
    case 'W': warmMessages = strtoull(optarg, NULL, 10); break;
    default: exit(64);
    }
    if (socketPath == NULL || domainsPath == NULL) fail("--socket and --domains are needed");
    if (slots < 0 || perSession < 1 || rcpts < 1 || headers < 0) fail("a count is out of range");
}

/* Headers and a body such as a message has; the content is the same in every message. */
static void makeMessage(void)
{
    static const char *const NAMES[] = {"Date", "From", "To", "Subject", "Message-Id", "MIME-Version", "Content-Type",
                                        "User-Agent", "References", "Reply-To", "List-Id", "X-Mailer"};
    headerText = grow(NULL, sizeof *headerText * (size_t) (headers + 1));
    for (int i = 0; i < headers; i++) {
        if (i < 12) snprintf(headerText[i][0], 80, "%s", NAMES[i]);
        else snprintf(headerText[i][0], 80, "X-Extra-%d", i);
        snprintf(headerText[i][1], 80, "value of header %d, as long as such a line usually is, more or less", i);
    }
    body = grow(NULL, bodyBytes + 80);
    for (size_t at = 0; at < bodyBytes; at += 78)
        memcpy(body + at, "The quick brown fox jumps over the lazy dog and runs away from the hunter.  \r\n", 78);
}

int main(int argc, char **argv)
{
    options(argc, argv);
    domains = readDomains(domainsPath);
    makeMessage();
    raiseDescriptorLimit();
    poll = epoll_create1(0);
    if (mustRefuse) probe();

    long rssBefore = 0, rssHeld = 0;
    double openS = 0;
    struct session *idle = NULL;
    if (idleSessions > 0) {
        settle(0.5);
        rssBefore = rssKib(serverPid);
        idle = openIdle(&openS);
        settle(2);
        rssHeld = rssKib(serverPid);
    }

    struct session *load = calloc((size_t) slots + 1, sizeof *load);
    for (int i = 0; i < slots; i++) load[i].step = S_FREE;
    uint64_t start = nowNs(), from = start + (uint64_t) (warmupS * 1e9), until = from + (uint64_t) (measuredS * 1e9);
    uint64_t measuredFrom = 0, measuredUntil = 0, giveUp = until + (uint64_t) (WARM_LIMIT_S + 10) * 1000000000u;
    struct foreign othersFrom = {0}, othersUntil = {0};
    struct calls callsFrom = {0}, callsUntil = {0};
    long rssBusy = 0;
    int live = 0;
    for (;;) {
        uint64_t now = nowNs();
        if (!measuring && measuredFrom == 0 && now >= from
            && (answered >= warmMessages || now >= start + (uint64_t) WARM_LIMIT_S * 1000000000u)) {
            until = now + (uint64_t) (measuredS * 1e9);
            giveUp = until + 10000000000u;
            callsFrom = callsOf(serverPid);
            messages = sessions = roundTrips = editsSeen = bodySentBytes = packetsOut = connectRetries = 0;
            othersFrom = foreignNow(serverPid);
            measuredFrom = nowNs();
            measuring = 1;
        }
        if (measuring && now >= until) {
            measuring = 0;
            measuredUntil = nowNs();
            othersUntil = foreignNow(serverPid);
            callsUntil = callsOf(serverPid);
            rssBusy = rssKib(serverPid);
            stopping = 1;
        }
        live = 0;
        for (int i = 0; i < slots; i++) {
            if (load[i].step == S_FREE && !stopping) begin(&load[i], LOAD, started & 1);
            live += load[i].step != S_FREE;
        }
        if (stopping && live == 0) break;
        if (now > giveUp) fail("%d sessions did not end within 10 s of the last message", live);
        turn(1);
    }

    for (int i = 0; i < idleSessions; i++) {
        idle[i].outLen = idle[i].outAt = 0;
        bare(&idle[i], 'A');
        bare(&idle[i], 'Q');
        idle[i].drain = 1;
        closing(&idle[i]);
    }
    uint64_t patience = nowNs() + 30000000000u;
    for (int left = idleSessions; left > 0;) {
        turn(5);
        left = 0;
        for (int i = 0; i < idleSessions; i++) left += idle[i].step != S_FREE;
        if (nowNs() > patience) fail("%d idle sessions were not closed after QUIT", left);
    }

    double cpu = othersUntil.server - othersFrom.server;
    double seconds = (double) (measuredUntil - measuredFrom) / 1e9;
    double per = messages ? (double) messages : 1;
    printf("{\"messages\":%llu,\"sessions\":%llu,\"seconds\":%.3f,\"perSecond\":%.1f,\"cpuUs\":%.2f,\"cores\":%.3f,\"foreignCores\":%.3f,"
           "\"roundTrips\":%.2f,\"packets\":%.2f,\"bodyBytes\":%.0f,\"edits\":%.2f,\"connectRetries\":%llu,"
           "\"closedByServer\":%d,",
           (unsigned long long) messages, (unsigned long long) sessions, seconds, (double) messages / seconds,
           cpu / per, cpu / 1e6 / seconds, foreignCores(othersFrom, othersUntil), (double) roundTrips / per,
           (double) packetsOut / per, (double) bodySentBytes / per, (double) editsSeen / per,
           (unsigned long long) connectRetries, drained);
    printCalls(callsFrom, callsUntil, per);
    printf("\"version\":%u,\"actions\":%u,\"protocol\":%u,", agreed.version, agreed.actions, agreed.protocol);
    printSamples("message", &messageTimes);
    printf(",");
    printSamples("session", &sessionTimes);
    printf(",\"rssKib\":%ld", rssBusy);
    if (idleSessions > 0)
        printf(",\"idle\":{\"count\":%d,\"openSeconds\":%.3f,\"rssBeforeKib\":%ld,\"rssHeldKib\":%ld,\"kibEach\":%.3f}",
               idleSessions, openS, rssBefore, rssHeld, (double) (rssHeld - rssBefore) / idleSessions);
    printf("}\n");
    return 0;
}
