/*
 * libmilter-peer - the C filter that the milter rows of the benchmark compare with
 *
 * usage: libmilter-peer SOCKET DOMAINS [session]
 *
 * Written as one would write it for the job with Sendmail's library: each recipient's domain is looked up in a hash
 * table read from DOMAINS (one name a line), {tls_version} is read, and at the end of the message one header that
 * depends on both is inserted, then the message is accepted. Callbacks that the job does not need are left unset, so
 * libmilter declines those events itself: a message costs three replies (MAIL, RCPT, end of message), a session one
 * more (the negotiation).
 *
 * With `session` it also takes the connect and HELO events, as filters do that look at the client; that is one reply
 * each a session more, and the reference job of earlier measurements.
 *
 * It logs nothing. Sources: libmilter/mfapi.h, the API description of Sendmail 8.17.
 */
#include "bench.h"
#include <ctype.h>
#include <libmilter/mfapi.h>

struct message {
    unsigned recipients, inTable;
};

/* ---- table: open addressing, FNV-1a, at most half full ---- */

static char **slots;
static size_t mask;

static uint32_t hashOf(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++) h = (h ^ (unsigned char) *name) * 16777619u;
    return h;
}

static void fillTable(const struct domains *d)
{
    size_t size = 16;
    while (size < d->count * 2) size *= 2;
    mask = size - 1;
    if ((slots = calloc(size, sizeof *slots)) == NULL) fail("out of memory");
    for (size_t i = 0; i < d->count; i++) {
        size_t at = hashOf(d->name[i]) & mask;
        while (slots[at] != NULL) at = (at + 1) & mask;
        slots[at] = d->name[i];
    }
}

/* Whether the domain of `address` (as in RCPT TO, with or without brackets) has a row. */
static int inTable(const char *address)
{
    char name[256];
    size_t n = 0;
    const char *at = strrchr(address, '@');
    if (at == NULL) return 0;
    for (at++; *at && *at != '>' && n < sizeof name - 1; at++) name[n++] = (char) tolower((unsigned char) *at);
    name[n] = 0;
    for (size_t slot = hashOf(name) & mask; slots[slot] != NULL; slot = (slot + 1) & mask)
        if (strcmp(slots[slot], name) == 0) return 1;
    return 0;
}

/* ---- callbacks ---- */

static sfsistat onConnect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    (void) ctx, (void) host, (void) address;
    return SMFIS_CONTINUE;
}

static sfsistat onHelo(SMFICTX *ctx, char *name)
{
    (void) ctx, (void) name;
    return SMFIS_CONTINUE;
}

static sfsistat onMail(SMFICTX *ctx, char **args)
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

static sfsistat onRcpt(SMFICTX *ctx, char **args)
{
    struct message *m = smfi_getpriv(ctx);
    m->recipients++;
    if (inTable(args[0])) m->inTable++;
    return SMFIS_CONTINUE;
}

static sfsistat onEndOfMessage(SMFICTX *ctx)
{
    struct message *m = smfi_getpriv(ctx);
    const char *tls = smfi_getsymval(ctx, "{tls_version}");
    char value[128];
    snprintf(value, sizeof value, "tls=%s; rcpt=%u; rows=%u", tls ? tls : "none", m->recipients, m->inTable);
    if (smfi_insheader(ctx, 0, "X-Peer-TLS", value) != MI_SUCCESS) return SMFIS_TEMPFAIL;
    return SMFIS_ACCEPT;
}

static sfsistat onClose(SMFICTX *ctx)
{
    free(smfi_getpriv(ctx));
    smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    if (argc < 3) fail("usage: libmilter-peer SOCKET DOMAINS [session]");
    int session = argc > 3 && strcmp(argv[3], "session") == 0;
    struct domains d = readDomains(argv[2]);
    fillTable(&d);
    raiseDescriptorLimit();
    struct smfiDesc filter = {
        .xxfi_name = "peer",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS,
        .xxfi_connect = session ? onConnect : NULL,
        .xxfi_helo = session ? onHelo : NULL,
        .xxfi_envfrom = onMail,
        .xxfi_envrcpt = onRcpt,
        .xxfi_eom = onEndOfMessage,
        .xxfi_close = onClose,
    };
    char address[256];
    snprintf(address, sizeof address, "unix:%s", argv[1]);
    /* The longest idle time of a session: the idle row of the benchmark holds sessions for some seconds only. */
    smfi_settimeout(7210);
    smfi_setbacklog(4096);
    if (smfi_setconn(address) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS) fail("libmilter: set-up failed");
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
