/*
 * peer-log.h - one JSON line a message or request, with as much in it as tlsward's line of an accepted message
 *
 * Lines go to standard output in batches of 64 KiB, and every 100 ms: as tlsward writes them. Nothing is synced to the disk
 * on either side. The time is formatted once a second, a code is a random prefix and a counter. Texts of the peer are
 * escaped byte by byte.
 */
#ifndef PEER_LOG_H
#define PEER_LOG_H

#include "bench.h"
#include <pthread.h>
#include <stdatomic.h>

enum { LOG_BATCH = 65536, LINE_ROOM = 16384 };

static pthread_mutex_t logLock = PTHREAD_MUTEX_INITIALIZER;
static char logText[LOG_BATCH + LINE_ROOM];
static size_t logLength;

static void logFlushLocked(void)
{
    for (size_t at = 0; at < logLength;) {
        ssize_t n = write(1, logText + at, logLength - at);
        if (n < 0 && errno != EINTR) break; /* a log that cannot be written stops no mail */
        if (n > 0) at += (size_t) n;
    }
    logLength = 0;
}

static void *logEveryTenth(void *unused)
{
    for (;;) {
        usleep(100000);
        pthread_mutex_lock(&logLock);
        logFlushLocked();
        pthread_mutex_unlock(&logLock);
    }
    return unused;
}

static char codePrefix[5];
static atomic_uint codeCount;
static const char CODE_DIGITS[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Begins the thread that writes what waits; call once, before the first line. */
static void logStart(void)
{
    pthread_t thread;
    srandom((unsigned) getpid());
    for (int i = 0; i < 4; i++) codePrefix[i] = CODE_DIGITS[random() % 32];
    if (pthread_create(&thread, NULL, logEveryTenth, NULL) != 0) fail("no thread for the log");
}

/* A code of eight characters, as a refused sender would be told. */
static void newCode(char code[16])
{
    unsigned n = atomic_fetch_add(&codeCount, 1);
    char digits[8];
    int length = 0;
    for (; n > 0 || length < 4; n /= 32) digits[length++] = CODE_DIGITS[n % 32];
    memcpy(code, codePrefix, 4);
    for (int i = 0; i < length; i++) code[4 + i] = digits[length - 1 - i];
    code[4 + length] = 0;
}

/* Writes `2026-11-22T18:47:31` into `to`, formatted once a second and thread. Returns the milliseconds. */
static unsigned timeText(char to[20])
{
    static __thread time_t second;
    static __thread char text[20];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second) {
        struct tm parts;
        second = now.tv_sec;
        gmtime_r(&second, &parts);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    }
    memcpy(to, text, sizeof text);
    return (unsigned) (now.tv_nsec / 1000000);
}

/* ---- a line being made ---- */

struct line {
    size_t length;
    char text[LINE_ROOM];
};

static void raw(struct line *l, const char *text, size_t n)
{
    if (n > LINE_ROOM - l->length) n = LINE_ROOM - l->length;
    memcpy(l->text + l->length, text, n);
    l->length += n;
}

static void rawText(struct line *l, const char *text) { raw(l, text, strlen(text)); }

/* Appends a string of JSON with its quotes. */
static void quoted(struct line *l, const char *text)
{
    raw(l, "\"", 1);
    for (const unsigned char *p = (const unsigned char *) text; *p; p++) {
        if (l->length > LINE_ROOM - 64) break;
        if (*p == '"' || *p == '\\') raw(l, "\\", 1);
        if (*p >= 0x20 && *p < 0x7f) l->text[l->length++] = (char) *p;
        else l->length += (size_t) snprintf(l->text + l->length, 12, "\\\\u{%x}", *p);
    }
    raw(l, "\"", 1);
}

/* Appends `,"name":"text"`; `name` comes with its punctuation. */
static void member(struct line *l, const char *name, const char *text)
{
    rawText(l, name);
    quoted(l, text);
}

/* What a verdict line says; texts that are "" are left out, as tlsward leaves them out. */
struct told {
    const char *code, *protocol, *stage, *action, *client, *sender, *row, *queueId, *login, *certificate;
    const char *tlsProtocol, *cipher, *bits;
    /* One recipient as text, or several as the inside of an array. */
    const char *recipient, *recipients;
    unsigned connection;
};

static void logVerdict(const struct told *t)
{
    struct line l;
    char text[64], second[20];
    l.length = 0;
    unsigned ms = timeText(second);
    rawText(&l, "{\"level\":30,\"time\":\"");
    raw(&l, second, 19);
    raw(&l, text, (size_t) snprintf(text, sizeof text, ".%03uZ\",\"event\":\"tx.verdict\"", ms));
    member(&l, ",\"code\":", t->code);
    member(&l, ",\"protocol\":", t->protocol);
    member(&l, ",\"stage\":", t->stage);
    member(&l, ",\"action\":", t->action);
    raw(&l, text, (size_t) snprintf(text, sizeof text, ",\"conn\":%u", t->connection));
    member(&l, ",\"client\":", t->client);
    member(&l, ",\"sender\":", t->sender);
    if (t->recipients == NULL) member(&l, ",\"recipients\":", t->recipient);
    else {
        rawText(&l, ",\"recipients\":[");
        rawText(&l, t->recipients);
        raw(&l, "]", 1);
    }
    if (t->tlsProtocol[0]) {
        char tls[256];
        snprintf(tls, sizeof tls, "%s %s %s", t->tlsProtocol, t->cipher, t->bits);
        member(&l, ",\"tls\":", tls);
    } else rawText(&l, ",\"tls\":\"no TLS\"");
    if (t->row[0]) member(&l, ",\"row\":", t->row);
    if (t->queueId[0]) member(&l, ",\"queueId\":", t->queueId);
    if (t->login[0]) member(&l, ",\"saslUsername\":", t->login);
    if (t->certificate[0]) member(&l, ",\"certificate\":", t->certificate);
    rawText(&l, ",\"msg\":\"accepted\"}\n");
    pthread_mutex_lock(&logLock);
    memcpy(logText + logLength, l.text, l.length);
    logLength += l.length;
    if (logLength >= LOG_BATCH) logFlushLocked();
    pthread_mutex_unlock(&logLock);
}

#endif
