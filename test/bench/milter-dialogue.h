/*
 * milter-dialogue.h - the client's side of the dialogue, in Postfix's order (part of load-milter)
 *
 * go() takes steps until a reply is awaited. Order: O C H M R.. T L.. N B.. E, ABORT after each message, ABORT and QUIT at
 * the end, then close without waiting. Declined events are left out but for their macros; events that the server does
 * not reply to are not waited for.
 *
 * Source: Postfix src/milter/milter8.c, and traces of smtpd(8) and cleanup(8) 3.7.11.
 */
#ifndef MILTER_DIALOGUE_H
#define MILTER_DIALOGUE_H

#include "milter-session.h"

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

#endif
