/*
 * load-milter - a strict load generator that speaks milter as Postfix 3.7 does
 *
 * usage: load-milter --socket PATH --domains FILE [options]
 *
 *   --sessions N     sessions at a time (10)            --messages N   messages a session (1)
 *   --rcpts N        recipients a message (1)           --headers N    headers a message (12)
 *   --body BYTES     body size (4096)                   --starttls     STARTTLS order: a second EHLO after ABORT
 *   --seconds S      measured time (2)                  --warmup S     time before it, not counted (0.5)
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
#include "bench.h"
#include <arpa/inet.h>
#include <getopt.h>

/* ---- options ---- */

static const char *socketPath, *domainsPath;
static int slots = 10, perSession = 1, rcpts = 1, headers = 12, starttls, serverPid, expectHeader, peerHeader;
static int mustRefuse, idleSessions;
static size_t bodyBytes = 4096;
static double measuredS = 2, warmupS = 0.5;

/* ---- protocol words, named as in libmilter/mfdef.h ---- */

enum {
    SMFIF_ADDHDRS = 0x001, SMFIF_CHGHDRS = 0x010, SMFIF_ALL = 0x1ff,
    SMFIP_NOCONNECT = 0x000001, SMFIP_NOHELO = 0x000002, SMFIP_NOMAIL = 0x000004, SMFIP_NORCPT = 0x000008,
    SMFIP_NOBODY = 0x000010, SMFIP_NOHDRS = 0x000020, SMFIP_NOEOH = 0x000040, SMFIP_NR_HDR = 0x000080,
    SMFIP_NODATA = 0x000200, SMFIP_SKIP = 0x000400, SMFIP_NR_CONN = 0x001000, SMFIP_NR_HELO = 0x002000,
    SMFIP_NR_MAIL = 0x004000, SMFIP_NR_RCPT = 0x008000, SMFIP_NR_DATA = 0x010000, SMFIP_NR_EOH = 0x040000,
    SMFIP_NR_BODY = 0x080000, SMFIP_ALL = 0x1fffff,
    BODY_CHUNK = 65535, REPLY_LIMIT = 65536
};

/* Macro stages as numbered in SETSYMLIST. */
enum { CONNECT, HELO, ENVFROM, ENVRCPT, DATA, EOM, EOH, STAGES };

static const char *const DEFAULT_MACROS[STAGES] = {
    "j {daemon_name} {daemon_addr} v _",
    "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
    "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}",
    "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
    "i", "i", "i",
};

enum {
    M_NONE, M_j, M_tcpinfo, M_v, M_daemon_name, M_daemon_addr, M_daemon_port, M_client_addr, M_client_name,
    M_client_ptr, M_client_port, M_client_resolve, M_client_connections, M_tls_version, M_cipher, M_cipher_bits, M_i,
    M_mail_addr, M_mail_host, M_mail_mailer, M_rcpt_addr, M_rcpt_host, M_rcpt_mailer
};

static const struct { const char *name; int id; } KNOWN[] = {
    {"j", M_j}, {"_", M_tcpinfo}, {"v", M_v}, {"daemon_name", M_daemon_name}, {"daemon_addr", M_daemon_addr},
    {"daemon_port", M_daemon_port}, {"client_addr", M_client_addr}, {"client_name", M_client_name},
    {"client_ptr", M_client_ptr}, {"client_port", M_client_port}, {"client_resolve", M_client_resolve},
    {"client_connections", M_client_connections}, {"tls_version", M_tls_version}, {"cipher", M_cipher},
    {"cipher_bits", M_cipher_bits}, {"i", M_i}, {"mail_addr", M_mail_addr}, {"mail_host", M_mail_host},
    {"mail_mailer", M_mail_mailer}, {"rcpt_addr", M_rcpt_addr}, {"rcpt_host", M_rcpt_host},
    {"rcpt_mailer", M_rcpt_mailer},
};

/* ---- what was negotiated; the same for every session of a server, so the last reply is kept parsed ---- */

struct agreed {
    unsigned char reply[4096];
    size_t replyLen;
    uint32_t version, actions, protocol;
    struct { char name[40]; int id; } macro[STAGES][64];
    int macros[STAGES];
};
static struct agreed agreed;

static void addMacroNames(int stage, const char *text, size_t length)
{
    for (const char *p = text, *end = text + length; p < end;) {
        const char *from = p;
        while (p < end && *p != ' ' && *p != ',' && *p != '\t') p++;
        size_t n = (size_t) (p - from);
        p++;
        if (n == 0) continue;
        if (n >= sizeof agreed.macro[0][0].name || agreed.macros[stage] == 64) fail("macro list out of hand: %.*s", (int) length, text);
        int at = agreed.macros[stage]++;
        memcpy(agreed.macro[stage][at].name, from, n);
        agreed.macro[stage][at].name[n] = 0;
        const char *bare = from[0] == '{' ? from + 1 : from;
        size_t bareLen = n - (from[0] == '{' ? 2 : 0);
        agreed.macro[stage][at].id = M_NONE;
        for (size_t k = 0; k < sizeof KNOWN / sizeof *KNOWN; k++)
            if (strlen(KNOWN[k].name) == bareLen && memcmp(KNOWN[k].name, bare, bareLen) == 0)
                agreed.macro[stage][at].id = KNOWN[k].id;
    }
}

static uint32_t get32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return ntohl(v);
}

static void negotiated(const unsigned char *p, size_t length)
{
    if (length == agreed.replyLen && memcmp(p, agreed.reply, length) == 0) return;
    if (length < 12 || length > sizeof agreed.reply) fail("negotiation reply of %zu bytes", length);
    if (agreed.replyLen != 0) fail("the server negotiates differently from one session to the next");
    memcpy(agreed.reply, p, length);
    agreed.replyLen = length;
    agreed.version = get32(p);
    agreed.actions = get32(p + 4);
    agreed.protocol = get32(p + 8);
    if (agreed.version < 2 || agreed.version > 6) fail("negotiation: version %u", agreed.version);
    if (agreed.actions & ~(uint32_t) SMFIF_ALL) fail("negotiation: actions 0x%x not offered", agreed.actions);
    if (agreed.protocol & ~(uint32_t) SMFIP_ALL) fail("negotiation: protocol 0x%x not offered", agreed.protocol);
    if (agreed.version < 4) agreed.protocol |= SMFIP_NODATA;
    for (const unsigned char *at = p + 12, *end = p + length; at < end;) {
        if (end - at < 5) fail("negotiation: %zd stray bytes after the macro lists", end - at);
        uint32_t stage = get32(at);
        const unsigned char *nul = memchr(at + 4, 0, (size_t) (end - at) - 4);
        if (stage >= STAGES) fail("negotiation: macro list for stage %u", stage);
        if (nul == NULL) fail("negotiation: macro list without its NUL");
        if (agreed.macros[stage] != 0) fail("negotiation: two macro lists for stage %u", stage);
        addMacroNames((int) stage, (const char *) at + 4, (size_t) (nul - at) - 4);
        at = nul + 1;
    }
    for (int stage = 0; stage < STAGES; stage++)
        if (agreed.macros[stage] == 0) addMacroNames(stage, DEFAULT_MACROS[stage], strlen(DEFAULT_MACROS[stage]));
}

/* ---- sessions ---- */

/* The event whose reply is awaited, or the next step to take. */
enum step {
    S_OPTNEG, S_CONNECT, S_HELO, S_ABORT_TLS, S_HELO_TLS, S_MAIL, S_RCPT, S_DATA, S_HEADER, S_EOH, S_BODY, S_EOM,
    S_CLOSING, S_FREE
};
static const char *const STEP_NAME[] = {
    "OPTNEG", "CONNECT", "HELO", "ABORT", "HELO after STARTTLS", "MAIL", "RCPT", "DATA", "HEADER", "EOH", "BODY",
    "end of message", "QUIT", "nothing"
};

enum kind { LOAD, IDLE, PROBE };

struct session {
    int fd, tls, nth, writing, awaiting, drain, message, rcpt, header, skipBody, edits, rows, refusals;
    enum kind kind;
    enum step step;
    int tlsSeen;
    size_t bodySent;
    uint64_t began, messageBegan;
    char sender[64], rcptDomain[256], queueId[16], clientPort[8];
    unsigned char *out;
    size_t outLen, outAt, outRoom;
    unsigned char *in;
    size_t inLen, inRoom;
};

static struct domains domains;
static char *body, (*headerText)[2][80];
static int poll, started, drained, stopping, measuring;
static uint64_t messages, sessions, roundTrips, bodySentBytes, editsSeen, packetsOut, connectRetries, connectedCount;
static struct samples messageTimes, sessionTimes;
static const char *probeDomain;

/* ---- writing ---- */

static unsigned char *room(struct session *s, size_t more)
{
    if (s->outLen + more > s->outRoom) {
        s->outRoom = (s->outLen + more) * 2;
        s->out = grow(s->out, s->outRoom);
    }
    return s->out + s->outLen;
}

static void put(struct session *s, const void *bytes, size_t n)
{
    memcpy(room(s, n), bytes, n);
    s->outLen += n;
}

static void putString(struct session *s, const char *text) { put(s, text, strlen(text) + 1); }

/* Begins a packet; endPacket() writes its length. */
static size_t packet(struct session *s, char command)
{
    size_t at = s->outLen;
    put(s, "\0\0\0\0", 4);
    put(s, &command, 1);
    packetsOut++;
    return at;
}

static void endPacket(struct session *s, size_t at)
{
    uint32_t n = htonl((uint32_t) (s->outLen - at - 4));
    memcpy(s->out + at, &n, 4);
}

static void bare(struct session *s, char command) { endPacket(s, packet(s, command)); }

/* The value of a macro in this session now, or NULL. `cleanup`: the process after DATA, which knows less. */
static const char *valueOf(struct session *s, int id, int cleanup, char *scratch, size_t size)
{
    if (cleanup)
        switch (id) {
        case M_tls_version: case M_cipher: case M_cipher_bits: case M_client_resolve: case M_client_connections:
        case M_mail_host: case M_mail_mailer: return NULL;
        }
    int inMail = s->step >= S_MAIL, inRcpt = s->step == S_RCPT;
    switch (id) {
    case M_j: return "mx.example.org";
    case M_tcpinfo: return "client.example.net [192.0.2.10]";
    case M_v: return "Postfix 3.7.11";
    case M_daemon_name: return "mx.example.org";
    case M_daemon_addr: return "192.0.2.1";
    case M_daemon_port: return "25";
    case M_client_addr: return "192.0.2.10";
    case M_client_name: case M_client_ptr: return "client.example.net";
    case M_client_port: return s->clientPort;
    case M_client_resolve: return "OK";
    case M_client_connections: return "1";
    case M_tls_version: return s->tlsSeen ? "TLSv1.3" : NULL;
    case M_cipher: return s->tlsSeen ? "TLS_AES_256_GCM_SHA384" : NULL;
    case M_cipher_bits: return s->tlsSeen ? "256" : NULL;
    case M_i: return s->queueId[0] ? s->queueId : NULL;
    case M_mail_addr: return inMail ? s->sender : NULL;
    case M_mail_host: return inMail ? "client.example.net" : NULL;
    case M_mail_mailer: return inMail ? "smtp" : NULL;
    case M_rcpt_addr:
        if (!inRcpt) return NULL;
        snprintf(scratch, size, "user%d@%s", s->rcpt, s->rcptDomain);
        return scratch;
    case M_rcpt_host: return inRcpt ? s->rcptDomain : NULL;
    case M_rcpt_mailer: return inRcpt ? "smtp" : NULL;
    }
    return NULL;
}

static void macros(struct session *s, char command, int stage, int cleanup)
{
    char scratch[320];
    size_t at = packet(s, 'D');
    put(s, &command, 1);
    for (int k = 0; k < agreed.macros[stage]; k++) {
        const char *value = valueOf(s, agreed.macro[stage][k].id, cleanup, scratch, sizeof scratch);
        if (value == NULL) continue;
        putString(s, agreed.macro[stage][k].name);
        putString(s, value);
    }
    endPacket(s, at);
}

static void watch(struct session *s, int writing)
{
    if (s->writing == writing) return;
    struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = s};
    epoll_ctl(poll, EPOLL_CTL_MOD, s->fd, &e);
    s->writing = writing;
}

/* Writes what is due; the rest when the socket takes more. Returns 1 when all is written. */
static int flush(struct session *s)
{
    while (s->outAt < s->outLen) {
        ssize_t n = send(s->fd, s->out + s->outAt, s->outLen - s->outAt, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) fail("write before the reply to %s: %s", STEP_NAME[s->step], strerror(errno));
            watch(s, 1);
            return 0;
        }
        s->outAt += (size_t) n;
    }
    s->outAt = s->outLen = 0;
    watch(s, 0);
    return 1;
}

/* ---- the dialogue ---- */

static void finish(struct session *s)
{
    close(s->fd);
    s->step = S_FREE;
    s->began = 0;
}

static void closing(struct session *s)
{
    s->step = S_CLOSING;
    if (!flush(s)) return;
    if (s->kind == LOAD && measuring) {
        sessions++;
        sample(&sessionTimes, nowNs() - s->began);
    }
    if (s->drain) return; /* the server must close now, without a word */
    finish(s);
}

static void beginMessage(struct session *s)
{
    s->step = S_MAIL;
    s->rcpt = s->header = s->skipBody = s->edits = s->rows = s->refusals = 0;
    s->bodySent = 0;
    s->queueId[0] = 0;
    s->message++;
    s->messageBegan = nowNs();
    snprintf(s->sender, sizeof s->sender, "s%u@c%u.sender.test", randomBelow(100000), randomBelow(1000));
}

/* Takes steps until a reply is awaited; `s->step` is then the event it belongs to. */
static void go(struct session *s)
{
    uint32_t p = agreed.protocol;
    char text[320];
    size_t at;
#define AWAIT_UNLESS(bit) if (!(p & (bit))) { s->awaiting = 1; flush(s); return; }
    for (;;) switch (s->step) {
    case S_OPTNEG: case S_FREE: case S_CLOSING:
        fail("bug: nothing to send in state %s", STEP_NAME[s->step]);
    case S_CONNECT:
        if (s->nth == 0) {
            s->nth = 1;
            macros(s, 'C', CONNECT, 0);
            if (!(p & SMFIP_NOCONNECT)) {
                uint16_t port = htons((uint16_t) atoi(s->clientPort));
                at = packet(s, 'C');
                putString(s, "client.example.net");
                put(s, "4", 1);
                put(s, &port, 2);
                putString(s, "192.0.2.10");
                endPacket(s, at);
                AWAIT_UNLESS(SMFIP_NR_CONN)
            }
        }
        if (s->kind == IDLE) { /* as a client that has not spoken yet */
            flush(s);
            connectedCount++;
            return;
        }
        s->step = S_HELO;
        s->nth = 0;
        s->tlsSeen = s->tls && !starttls;
        break;
    case S_HELO: case S_HELO_TLS:
        if (s->nth == 0) {
            s->nth = 1;
            macros(s, 'H', HELO, 0);
            if (!(p & SMFIP_NOHELO)) {
                at = packet(s, 'H');
                putString(s, "client.example.net");
                endPacket(s, at);
                AWAIT_UNLESS(SMFIP_NR_HELO)
            }
        }
        s->nth = 0;
        if (s->step == S_HELO && s->tls && starttls) s->step = S_ABORT_TLS;
        else beginMessage(s);
        break;
    case S_ABORT_TLS:
        bare(s, 'A');
        s->tlsSeen = 1;
        s->step = S_HELO_TLS;
        break;
    case S_MAIL:
        if (s->nth == 0) {
            s->nth = 1;
            macros(s, 'M', ENVFROM, 0);
            if (!(p & SMFIP_NOMAIL)) {
                at = packet(s, 'M');
                snprintf(text, sizeof text, "<%s>", s->sender);
                putString(s, text);
                snprintf(text, sizeof text, "SIZE=%zu", bodyBytes + 1000);
                putString(s, text);
                endPacket(s, at);
                AWAIT_UNLESS(SMFIP_NR_MAIL)
            }
        }
        s->nth = 0;
        s->step = S_RCPT;
        break;
    case S_RCPT:
        if (s->nth == 0) {
            int known = 1;
            s->nth = 1;
            if (s->kind == PROBE) snprintf(s->rcptDomain, sizeof s->rcptDomain, "%s", probeDomain);
            else pickDomain(&domains, s->tls, s->rcptDomain, sizeof s->rcptDomain, &known);
            s->rows += known;
            macros(s, 'R', ENVRCPT, 0);
            if (!(p & SMFIP_NORCPT)) {
                at = packet(s, 'R');
                snprintf(text, sizeof text, "<user%d@%s>", s->rcpt, s->rcptDomain);
                putString(s, text);
                endPacket(s, at);
                AWAIT_UNLESS(SMFIP_NR_RCPT)
            }
        }
        s->nth = 0;
        if (s->rcpt == 0) snprintf(s->queueId, sizeof s->queueId, "%X%05X", 0x4bd1 + s->message, randomBelow(0xfffff));
        if (++s->rcpt < (s->kind == PROBE ? 1 : rcpts)) break;
        if (s->kind == PROBE) { /* enough seen; the client resets and leaves */
            put(s, "\0\0\0\1A\0\0\0\1A\0\0\0\1Q", 15);
            closing(s);
            return;
        }
        s->step = S_DATA;
        break;
    case S_DATA:
        if (s->nth == 0) {
            s->nth = 1;
            macros(s, 'T', DATA, 0);
            if (!(p & SMFIP_NODATA)) {
                bare(s, 'T');
                AWAIT_UNLESS(SMFIP_NR_DATA)
            }
            /* smtpd(8) hands the socket over to cleanup(8) and flushes first (milter8_send). */
            flush(s);
        }
        s->nth = 0;
        s->step = S_HEADER;
        break;
    case S_HEADER:
        if (!(p & SMFIP_NOHDRS) && s->header < headers) {
            if (s->nth == 0) {
                s->nth = 1;
                macros(s, 'L', EOH, 1);
                at = packet(s, 'L');
                putString(s, headerText[s->header][0]);
                putString(s, headerText[s->header][1]);
                endPacket(s, at);
                AWAIT_UNLESS(SMFIP_NR_HDR)
            }
            s->nth = 0;
            s->header++;
            break;
        }
        s->step = S_EOH;
        break;
    case S_EOH:
        if (s->nth == 0 && !(p & SMFIP_NOEOH)) {
            s->nth = 1;
            macros(s, 'N', EOH, 1);
            bare(s, 'N');
            AWAIT_UNLESS(SMFIP_NR_EOH)
        }
        s->nth = 0;
        s->step = S_BODY;
        break;
    case S_BODY:
        if (!(p & SMFIP_NOBODY) && !s->skipBody && s->bodySent < bodyBytes) {
            size_t chunk = bodyBytes - s->bodySent > BODY_CHUNK ? BODY_CHUNK : bodyBytes - s->bodySent;
            macros(s, 'B', EOM, 1);
            at = packet(s, 'B');
            put(s, body + s->bodySent, chunk);
            endPacket(s, at);
            s->bodySent += chunk;
            bodySentBytes += chunk;
            AWAIT_UNLESS(SMFIP_NR_BODY)
            break;
        }
        s->step = S_EOM;
        break;
    case S_EOM:
        macros(s, 'E', EOM, 1);
        bare(s, 'E');
        s->awaiting = 1;
        flush(s);
        return;
    }
}

static void verdict(struct session *s)
{
    if (expectHeader && s->edits == 0) fail("message accepted without a header inserted");
    if (measuring) {
        messages++;
        sample(&messageTimes, nowNs() - s->messageBegan);
    }
    bare(s, 'A');
    if (s->message < perSession && !stopping) {
        beginMessage(s);
        go(s);
        return;
    }
    bare(s, 'A');
    bare(s, 'Q');
    closing(s);
}

/* Checks `name NUL value NUL`, no more and no less. */
static void checkHeader(struct session *s, const unsigned char *p, size_t n, int mayBeEmpty)
{
    const unsigned char *nameEnd = memchr(p, 0, n);
    if (nameEnd == NULL || nameEnd == p) fail("header edit without a name or its NUL");
    for (const unsigned char *c = p; c < nameEnd; c++)
        if (*c < 0x21 || *c > 0x7e || *c == ':') fail("header edit: byte 0x%02x in the name", *c);
    const unsigned char *value = nameEnd + 1, *valueEnd = memchr(value, 0, (size_t) (p + n - value));
    if (valueEnd == NULL) fail("header edit: value without its NUL");
    if (valueEnd != p + n - 1) fail("header edit: %zd bytes after the value", p + n - 1 - valueEnd);
    if (value == valueEnd && !mayBeEmpty) fail("header edit: empty value");
    for (const unsigned char *c = value; c < valueEnd; c++) {
        if (*c == '\r') fail("header edit: CR in the value");
        if (*c == '\n' && c[1] != ' ' && c[1] != '\t') fail("header edit: line feed without white space after it");
    }
    if (peerHeader) {
        char want[128];
        snprintf(want, sizeof want, "tls=%s; rcpt=%d; rows=%d", s->tls ? "TLSv1.3" : "none", s->rcpt, s->rows);
        if (strcmp((const char *) value, want) != 0) fail("header says \"%s\", not \"%s\"", value, want);
    }
}

static void checkRefusal(const unsigned char *p, size_t n)
{
    if (n < 6 || p[n - 1] != 0 || memchr(p, 0, n) != p + n - 1) fail("refusal: not one string with its NUL");
    if ((p[0] != '4' && p[0] != '5') || p[1] < '0' || p[1] > '9' || p[2] < '0' || p[2] > '9' || p[3] != ' ')
        fail("refusal: \"%s\" does not begin with a 4xx or 5xx code", p);
    for (size_t i = 0; i < n - 1; i++)
        if (p[i] < 0x20 || p[i] > 0x7e) fail("refusal: byte 0x%02x in the text", p[i]);
}

/* One packet from the server. */
static void reply(struct session *s, unsigned char code, const unsigned char *p, size_t n)
{
    const char *at = STEP_NAME[s->step];
    s->awaiting = strchr("himp", code) != NULL && s->step != S_OPTNEG;
    if (s->step == S_OPTNEG) {
        if (code != 'O') fail("reply 0x%02x to the negotiation", code);
        negotiated(p, n);
        roundTrips += measuring;
        s->step = S_CONNECT;
        s->nth = 0;
        go(s);
        return;
    }
    switch (code) {
    case 'p':
        if (n != 0) fail("progress with %zu bytes at %s", n, at);
        return;
    case 'c': case 'a':
        if (n != 0) fail("reply %c with %zu bytes at %s", code, n, at);
        if (code == 'a' && s->step != S_EOM) fail("accept at %s ends the message before the work is done", at);
        roundTrips += measuring;
        if (s->step == S_EOM) verdict(s);
        else go(s);
        return;
    case 's':
        if (n != 0 || s->step != S_BODY || !(agreed.protocol & SMFIP_SKIP)) fail("skip at %s", at);
        roundTrips += measuring;
        s->skipBody = 1;
        go(s);
        return;
    case 'i': case 'h': case 'm':
        if (s->step != S_EOM) fail("edit %c at %s", code, at);
        if (!(agreed.actions & (code == 'm' ? SMFIF_CHGHDRS : SMFIF_ADDHDRS))) fail("edit %c was not negotiated", code);
        if (code != 'h' && n < 4) fail("edit %c of %zu bytes", code, n);
        checkHeader(s, code == 'h' ? p : p + 4, code == 'h' ? n : n - 4, code == 'm');
        s->edits++;
        editsSeen += (unsigned) measuring;
        return;
    case 'y':
        checkRefusal(p, n);
        if (s->kind == PROBE && s->step == S_RCPT) {
            s->refusals++;
            go(s);
            return;
        }
        fail("refused at %s, TLS %s, recipient at %s: %.*s", at, s->tls ? "yes" : "no", s->rcptDomain, (int) n - 1, p);
    default:
        fail("reply 0x%02x ('%c') with %zu bytes at %s, recipient at %s", code, code >= 32 && code < 127 ? code : '?', n,
             at, s->rcptDomain);
    }
}

static void readable(struct session *s)
{
    if (s->inRoom == 0) s->in = grow(s->in, s->inRoom = 512);
    ssize_t n = recv(s->fd, s->in + s->inLen, s->inRoom - s->inLen, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (s->step == S_CLOSING) {
        if (n > 0) fail("%zd bytes after QUIT", n);
        drained++;
        finish(s);
        return;
    }
    if (n < 0) fail("read at %s: %s", STEP_NAME[s->step], strerror(errno));
    if (n == 0) fail("the server closed the connection at %s", STEP_NAME[s->step]);
    if (s->outAt < s->outLen) fail("reply at %s before the command was written", STEP_NAME[s->step]);
    s->inLen += (size_t) n;
    size_t at = 0;
    while (s->inLen - at >= 5) {
        uint32_t length = get32(s->in + at);
        if (length < 1 || length > REPLY_LIMIT) fail("packet length %u at %s", length, STEP_NAME[s->step]);
        if (s->inLen - at < 4 + (size_t) length) break;
        enum step before = s->step;
        int more = strchr("himp", s->in[at + 4]) != NULL && before != S_OPTNEG; /* edits, progress: a verdict follows */
        size_t next = at + 4 + length;
        if (!s->awaiting) fail("packet 0x%02x, but no reply is due at %s", s->in[at + 4], STEP_NAME[before]);
        if (!more && s->inLen > next) fail("%zu bytes after the reply to %s", s->inLen - next, STEP_NAME[before]);
        reply(s, s->in[at + 4], s->in + at + 5, length - 1);
        at = next;
    }
    memmove(s->in, s->in + at, s->inLen - at);
    s->inLen -= at;
    if (s->inLen == s->inRoom) s->in = grow(s->in, s->inRoom *= 2);
}

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
        {"peer-header", 0, 0, 'P'}, {"must-refuse", 0, 0, 'R'}, {"idle", 1, 0, 'i'}, {0, 0, 0, 0}
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
    uint64_t measuredFrom = 0, measuredUntil = 0, giveUp = until + 10000000000u;
    struct foreign othersFrom = {0}, othersUntil = {0};
    long rssBusy = 0;
    int live = 0;
    for (;;) {
        uint64_t now = nowNs();
        if (!measuring && measuredFrom == 0 && now >= from) {
            messages = sessions = roundTrips = editsSeen = bodySentBytes = packetsOut = connectRetries = 0;
            othersFrom = foreignNow(serverPid);
            measuredFrom = nowNs();
            measuring = 1;
        }
        if (measuring && now >= until) {
            measuring = 0;
            measuredUntil = nowNs();
            othersUntil = foreignNow(serverPid);
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
