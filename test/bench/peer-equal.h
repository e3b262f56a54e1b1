/*
 * peer-equal.h - the C filter that does what tlsward does for a message (part of libmilter-peer)
 *
 * Negotiated as tlsward negotiates: CONNECT, HELO, MAIL and header fields come without a reply each, RCPT with one, DATA,
 * end of headers and the body are declined; the lists of macros are the same. What libmilter keeps for itself (a pool of
 * threads, one session each while it speaks) is as it is.
 */
#ifndef PEER_EQUAL_H
#define PEER_EQUAL_H

#include "peer-log.h"
#include "peer-mark.h"
#include "peer-table.h"
#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <strings.h>

enum { RECIPIENTS_LOGGED = 50, RECIPIENTS_ROOM = 12288 };

struct equal {
    unsigned connection;
    int noReply; /* to CONNECT, HELO, MAIL and header fields, if the MTA allows it */
    char mta[256], client[64];
    /* the message */
    char sender[512], senderDomain[256], protocol[32], cipher[128], bits[16], login[256], commonName[256];
    const struct slot *senderRow, *decisive;
    unsigned recipients, named[3];
    char recipient[512], list[RECIPIENTS_ROOM];
    size_t listLength;
};

static atomic_uint connections;

static void copyText(char *to, size_t room, const char *from)
{
    size_t n = from == NULL ? 0 : strnlen(from, room - 1);
    memcpy(to, from == NULL ? "" : from, n);
    to[n] = 0;
}

static void copyMacro(SMFICTX *ctx, char *name, char *to, size_t room) { copyText(to, room, smfi_getsymval(ctx, name)); }

static sfsistat negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3,
                          unsigned long *p0, unsigned long *p1, unsigned long *p2, unsigned long *p3)
{
    static char tls[] = "{tls_version} {cipher} {cipher_bits} {verify} {cert_issuer} {cert_subject} {cn_subject} {cn_issuer}";
    static char mail[] = "{client_addr} {tls_version} {cipher} {cipher_bits} {verify} {cert_issuer} {cert_subject} "
                         "{cn_subject} {cn_issuer} {auth_authen} i";
    static char first[] = "j v {daemon_name} {daemon_addr} {daemon_port}", id[] = "i";
    (void) f2, (void) f3;
    *p0 = f0 & (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST);
    *p1 = f1 & (SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NODATA | SMFIP_NR_DATA | SMFIP_NOUNKNOWN
                | SMFIP_NR_UNKN | SMFIP_NOEOH | SMFIP_NR_EOH | SMFIP_NR_HDR | SMFIP_NOBODY | SMFIP_NR_BODY);
    *p2 = *p3 = 0;
    smfi_setsymlist(ctx, SMFIM_CONNECT, first);
    smfi_setsymlist(ctx, SMFIM_HELO, tls);
    smfi_setsymlist(ctx, SMFIM_ENVFROM, mail);
    for (int stage = SMFIM_ENVRCPT; stage <= SMFIM_EOH; stage++) smfi_setsymlist(ctx, stage, id);
    struct equal *s = malloc(sizeof *s);
    if (s == NULL) return SMFIS_REJECT;
    s->connection = atomic_fetch_add(&connections, 1) + 1;
    s->noReply = (*p1 & SMFIP_NR_HDR) != 0 && (*p1 & SMFIP_NR_MAIL) != 0;
    s->mta[0] = s->client[0] = 0;
    smfi_setpriv(ctx, s);
    return SMFIS_CONTINUE;
}

static sfsistat goOn(const struct equal *s) { return s->noReply ? SMFIS_NOREPLY : SMFIS_CONTINUE; }

static sfsistat equalConnect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    struct equal *s = smfi_getpriv(ctx);
    (void) host;
    copyMacro(ctx, "j", s->mta, sizeof s->mta);
    if (address != NULL && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *) address)->sin_addr, s->client, sizeof s->client);
    else if (address != NULL && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *) address)->sin6_addr, s->client, sizeof s->client);
    return goOn(s);
}

static sfsistat equalHelo(SMFICTX *ctx, char *name)
{
    (void) name;
    return goOn(smfi_getpriv(ctx));
}

static sfsistat equalMail(SMFICTX *ctx, char **args)
{
    struct equal *s = smfi_getpriv(ctx);
    copyText(s->sender, sizeof s->sender, args[0]);
    domainOf(s->sender, s->senderDomain, sizeof s->senderDomain);
    copyMacro(ctx, "{tls_version}", s->protocol, sizeof s->protocol);
    copyMacro(ctx, "{cipher}", s->cipher, sizeof s->cipher);
    copyMacro(ctx, "{cipher_bits}", s->bits, sizeof s->bits);
    copyMacro(ctx, "{auth_authen}", s->login, sizeof s->login);
    copyMacro(ctx, "{cn_subject}", s->commonName, sizeof s->commonName);
    s->senderRow = s->senderDomain[0] ? rowOf(s->senderDomain) : NULL;
    s->decisive = s->senderRow;
    s->recipients = 0;
    s->listLength = 0;
    memset(s->named, 0, sizeof s->named);
    return goOn(s);
}

static sfsistat equalRcpt(SMFICTX *ctx, char **args)
{
    struct equal *s = smfi_getpriv(ctx);
    char domain[256];
    domainOf(args[0], domain, sizeof domain);
    const struct slot *row = rowOf(domain);
    const struct slot *strict = row != NULL && row->encrypt ? row : s->senderRow;
    if (strict != NULL && strict->encrypt && !meetsFloor(s->protocol, s->bits)) {
        char text[400];
        snprintf(text, sizeof text, "%s requires TLS, and this session has none that it takes", strict->name);
        smfi_setreply(ctx, "530", "5.7.0", text);
        return SMFIS_REJECT;
    }
    if (s->decisive == NULL) s->decisive = row;
    if (s->recipients++ == 0) copyText(s->recipient, sizeof s->recipient, args[0]);
    if (s->recipients <= RECIPIENTS_LOGGED) {
        size_t n = strlen(args[0]);
        if (s->listLength + n + 4 < RECIPIENTS_ROOM && strpbrk(args[0], "\"\\") == NULL)
            s->listLength += (size_t) sprintf(s->list + s->listLength, "%s\"%s\"", s->listLength ? "," : "", args[0]);
    }
    return SMFIS_CONTINUE;
}

/* The names whose fields are removed, as tlsward removes those of its mark, banner and route. */
static const char *const OWN[3] = {"X-TLS-Ward", "X-TLS-Banner", "X-TLS-Ward-Route"};

static sfsistat equalHeader(SMFICTX *ctx, char *name, char *value)
{
    struct equal *s = smfi_getpriv(ctx);
    (void) value;
    size_t n = strlen(name);
    while (n > 0 && strchr(" \t\r\n\v\f", name[n - 1]) != NULL) n--;
    for (int i = 0; i < 3; i++)
        if (strlen(OWN[i]) == n && strncasecmp(name, OWN[i], n) == 0) s->named[i]++;
    return goOn(s);
}

static sfsistat equalEndOfMessage(SMFICTX *ctx)
{
    struct equal *s = smfi_getpriv(ctx);
    char queueId[128], code[16], time[24], value[MARK_ROOM];
    copyMacro(ctx, "i", queueId, sizeof queueId);
    newCode(code);
    timeText(time);
    memcpy(time + 19, "Z", 2);
    for (int i = 0; i < 3; i++)
        for (unsigned index = s->named[i]; index > 0; index--)
            if (smfi_chgheader(ctx, (char *) OWN[i], (int) index, NULL) != MI_SUCCESS) return SMFIS_TEMPFAIL;
    int tls = s->protocol[0] != 0, trusted = tls && s->commonName[0] != 0;
    const struct slot *row = s->recipients == 1 || s->decisive == s->senderRow ? s->decisive : NULL;
    struct mark mark = {
        .state = tls && meetsFloor(s->protocol, s->bits) ? "protected" : "unprotected",
        .protocol = s->protocol, .cipher = s->cipher, .bits = s->bits,
        .certificate = tls ? trusted ? "trusted" : "unproven" : "none", .certificateName = trusted ? s->commonName : "",
        .row = row ? row->name : "", .host = s->mta, .queueId = queueId, .time = time, .code = code,
    };
    formatMark(value, &mark, s->senderDomain);
    if (smfi_insheader(ctx, 1, (char *) MARK_NAME, value) != MI_SUCCESS) return SMFIS_TEMPFAIL;
    s->list[s->listLength] = 0;
    logVerdict(&(struct told) {
        .code = code, .protocol = "milter", .stage = "END-OF-MESSAGE", .action = "accept", .connection = s->connection,
        .client = s->client, .sender = s->sender, .row = s->decisive ? s->decisive->name : "", .queueId = queueId,
        .login = s->login, .certificate = tls ? mark.certificate : "", .tlsProtocol = s->protocol,
        .cipher = s->cipher, .bits = s->bits, .recipient = s->recipient, .recipients = s->recipients > 1 ? s->list : NULL,
    });
    return SMFIS_CONTINUE;
}

static sfsistat equalClose(SMFICTX *ctx)
{
    free(smfi_getpriv(ctx));
    smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

static const struct smfiDesc equalFilter = {
    .xxfi_name = "peer",
    .xxfi_version = SMFI_VERSION,
    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
    .xxfi_negotiate = negotiate,
    .xxfi_connect = equalConnect,
    .xxfi_helo = equalHelo,
    .xxfi_envfrom = equalMail,
    .xxfi_envrcpt = equalRcpt,
    .xxfi_header = equalHeader,
    .xxfi_eom = equalEndOfMessage,
    .xxfi_close = equalClose,
};

#endif
