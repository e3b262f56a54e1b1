/*
 * milter-session.h - a milter session of the load generator: its state, its packets, its macros (part of load-milter)
 *
 * Packets collect in a buffer that flush() writes when the dialogue awaits a reply, as Postfix's stream does. Macros are
 * sent by name as the server asked for them, those without a value left out: no queue id before the first recipient
 * is accepted; no TLS, resolver or next-hop macros after DATA, where cleanup(8) speaks instead of smtpd(8).
 *
 * Sources: Postfix src/milter/milter8.c, MILTER_README "What macros will Postfix send to Milters".
 */
#ifndef MILTER_SESSION_H
#define MILTER_SESSION_H

#include "bench.h"
#include "milter-agreed.h"

/* ---- options ---- */

static const char *socketPath, *domainsPath;
static int slots = 10, perSession = 1, rcpts = 1, headers = 12, starttls, serverPid, expectHeader, peerHeader;
static int mustRefuse, idleSessions;
static size_t bodyBytes = 4096;
static double measuredS = 2, warmupS = 0.5;

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
static uint64_t messages, sessions, roundTrips, bodySentBytes, editsSeen, packetsOut, connectRetries, connectedCount, answered, warmMessages;
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

#endif
