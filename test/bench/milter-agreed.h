/*
 * milter-agreed.h - what a milter session negotiates, and the words for it (part of load-milter)
 *
 * The offer is Postfix 3.7's: version 6, actions 0x1FF, protocol 0x1FFFFF. The answer must keep within it: a server that
 * answers with bits that were not offered works with a lenient peer only. Macro lists that the server asks for replace
 * main.cf's defaults, an empty list falls back to them. All sessions of one server must agree on the same, so the answer is
 * parsed once.
 *
 * Sources: libmilter/mfdef.h for the names, Postfix src/milter/milter8.c and postconf(5) milter_*_macros.
 */
#ifndef MILTER_AGREED_H
#define MILTER_AGREED_H

#include "bench.h"
#include <arpa/inet.h>

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

#endif
