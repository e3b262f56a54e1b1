/*
 * milter-reply.h - checks what the server says (part of load-milter)
 *
 * Every packet is held against what Postfix would accept and what the protocol allows at that point, see the top of
 * load-milter.c; the first fault ends the program.
 *
 * Sources: Postfix src/milter/milter8.c (reading of replies), libmilter/mfdef.h.
 */
#ifndef MILTER_REPLY_H
#define MILTER_REPLY_H

#include "milter-dialogue.h"

static void verdict(struct session *s)
{
    if (expectHeader && s->edits == 0) fail("message accepted without a header inserted");
    answered++;
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

#endif
