/*
 * libmilter-peer - the C filters that the milter rows of the benchmark compare with
 *
 * usage: libmilter-peer SOCKET DOMAINS equal KEYFILE
 *        libmilter-peer SOCKET DOMAINS envelope|every
 *
 * `equal` does the work that tlsward does (peer-equal.h): it asks for the same events, macros and replies, so a message
 * costs the same packets and round trips; takes the header fields, counts and removes those named like the mark; looks
 * sender and recipients up in a hash table read from DOMAINS and refuses what a row forbids; makes the same mark with
 * HMAC-SHA-256, inserts it; writes one JSON line.
 *
 * `envelope` does LESS: it takes MAIL, RCPT and the end of the message, looks the recipients up, inserts one short header
 * field, accepts. It sees no header field, signs nothing and logs nothing. `every` is the same with all events taken
 * and thrown away, each answered, as by a filter that sets every callback.
 *
 * Sources: libmilter/mfapi.h, the API description of Sendmail 8.17.
 */
#include "peer-equal.h"

struct message {
    unsigned recipients, inTable;
};

static sfsistat bareConnect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    (void) ctx, (void) host, (void) address;
    return SMFIS_CONTINUE;
}

static sfsistat bareHelo(SMFICTX *ctx, char *name)
{
    (void) ctx, (void) name;
    return SMFIS_CONTINUE;
}

static sfsistat bareMail(SMFICTX *ctx, char **args)
{
    (void) args;
    struct message *m = smfi_getpriv(ctx);
    if (m == NULL) {
        if ((m = malloc(sizeof *m)) == NULL) return SMFIS_TEMPFAIL;
        smfi_setpriv(ctx, m);
    }
    m->recipients = m->inTable = 0;
    return SMFIS_CONTINUE;
}

static sfsistat bareRcpt(SMFICTX *ctx, char **args)
{
    struct message *m = smfi_getpriv(ctx);
    char domain[256];
    domainOf(args[0], domain, sizeof domain);
    m->recipients++;
    if (rowOf(domain) != NULL) m->inTable++;
    return SMFIS_CONTINUE;
}

static sfsistat bareHeader(SMFICTX *ctx, char *name, char *value)
{
    (void) ctx, (void) name, (void) value;
    return SMFIS_CONTINUE;
}

static sfsistat bareEvent(SMFICTX *ctx)
{
    (void) ctx;
    return SMFIS_CONTINUE;
}

static sfsistat bareBody(SMFICTX *ctx, unsigned char *bytes, size_t length)
{
    (void) ctx, (void) bytes, (void) length;
    return SMFIS_CONTINUE;
}

static sfsistat bareEndOfMessage(SMFICTX *ctx)
{
    struct message *m = smfi_getpriv(ctx);
    const char *tls = smfi_getsymval(ctx, "{tls_version}");
    char value[128];
    snprintf(value, sizeof value, "tls=%s; rcpt=%u; rows=%u", tls ? tls : "none", m->recipients, m->inTable);
    if (smfi_insheader(ctx, 0, "X-Peer-TLS", value) != MI_SUCCESS) return SMFIS_TEMPFAIL;
    return SMFIS_ACCEPT;
}

static sfsistat bareClose(SMFICTX *ctx)
{
    free(smfi_getpriv(ctx));
    smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 3 ? argv[3] : "";
    int equal = strcmp(mode, "equal") == 0 && argc == 5, every = strcmp(mode, "every") == 0;
    if (!equal && !every && strcmp(mode, "envelope") != 0)
        fail("usage: libmilter-peer SOCKET DOMAINS equal KEYFILE | envelope | every");
    fillTable(argv[2]);
    raiseDescriptorLimit();
    struct smfiDesc filter = {
        .xxfi_name = "peer",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS,
        .xxfi_envfrom = bareMail,
        .xxfi_envrcpt = bareRcpt,
        .xxfi_eom = bareEndOfMessage,
        .xxfi_close = bareClose,
    };
    if (every) {
        filter.xxfi_connect = bareConnect;
        filter.xxfi_helo = bareHelo;
        filter.xxfi_header = bareHeader;
        filter.xxfi_data = filter.xxfi_eoh = bareEvent;
        filter.xxfi_body = bareBody;
    }
    if (equal) {
        readMarkKey(argv[4]);
        logStart();
        filter = equalFilter;
    }
    char address[256];
    snprintf(address, sizeof address, "unix:%s", argv[1]);
    /* The longest idle time of a session: the idle row of the benchmark holds sessions for some seconds only. */
    smfi_settimeout(7210);
    smfi_setbacklog(4096);
    if (smfi_setconn(address) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS) fail("libmilter: set-up failed");
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
