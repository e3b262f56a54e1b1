/*
 * policy-peer - the C policy servers that the policy row of the benchmark compares with
 *
 * usage: policy-peer SOCKET floor
 *        policy-peer SOCKET equal DOMAINS
 *
 * `floor` finds the end of each request (an empty line) and answers "action=DUNNO"; it looks at nothing else, logs
 * nothing and decides nothing, so no server that does the work can be faster.
 *
 * `equal` does what tlsward does: splits the request into attributes, looks the domains of sender and recipient up in
 * DOMAINS, compares TLS with what their rows require, answers DUNNO or a refusal with a code, and writes the same JSON line
 * (a request that is refused is not logged here, none is while it is measured).
 *
 * Source: Postfix SMTPD_POLICY_README, "Protocol description".
 */
#include "peer-log.h"
#include "peer-table.h"
#include "responder.h"

static int equal;
static const char DUNNO[] = "action=DUNNO\n\n";

/* The attributes that are looked at, in the order of `struct asked`. */
static const char *const ATTRIBUTES[] = {"request", "protocol_state", "client_address", "sender", "recipient", "queue_id",
    "instance", "sasl_username", "ccert_subject", "ccert_fingerprint", "encryption_protocol", "encryption_cipher",
    "encryption_keysize"};
enum { REQUEST, STATE, CLIENT, SENDER, RECIPIENT, QUEUE_ID, INSTANCE, LOGIN, SUBJECT, FINGERPRINT, PROTOCOL, CIPHER, BITS,
       ATTRIBUTE_COUNT };

/* Splits the request that ends at `end` (its last line feed is there) in place. 0 when it is no request. */
static int split(char *text, char *end, const char *value[ATTRIBUTE_COUNT])
{
    for (int i = 0; i < ATTRIBUTE_COUNT; i++) value[i] = "";
    for (char *line = text; line <= end;) {
        char *next = memchr(line, '\n', (size_t) (end - line) + 1), *equals = memchr(line, '=', (size_t) (next - line));
        if (equals == NULL) return 0;
        *next = *equals = 0;
        for (int i = 0; i < ATTRIBUTE_COUNT; i++)
            if (strcmp(line, ATTRIBUTES[i]) == 0) {
                value[i] = equals + 1;
                break;
            }
        line = next + 1;
    }
    return strcmp(value[REQUEST], "smtpd_access_policy") == 0;
}

/* Decides one request, answers it and logs it. 0 when the connection is to be closed. */
static int decide(struct connection *c, char *text, char *end)
{
    const char *value[ATTRIBUTE_COUNT];
    char domain[256], code[16];
    if (!split(text, end, value)) return 0;
    domainOf(value[SENDER], domain, sizeof domain);
    const struct slot *sender = domain[0] ? rowOf(domain) : NULL;
    domainOf(value[RECIPIENT], domain, sizeof domain);
    const struct slot *recipient = domain[0] ? rowOf(domain) : NULL, *decisive = sender ? sender : recipient;
    if (recipient != NULL && recipient->encrypt) decisive = recipient;
    newCode(code);
    if (decisive != NULL && decisive->encrypt && !meetsFloor(value[PROTOCOL], value[BITS])) {
        char refusal[512];
        int n = snprintf(refusal, sizeof refusal,
                         "action=530 5.7.0 %s requires TLS, and this session has none that it takes [%s]\n\n", decisive->name, code);
        return answer(c, refusal, (size_t) n);
    }
    if (!answer(c, DUNNO, sizeof DUNNO - 1)) return 0;
    int tls = value[PROTOCOL][0] != 0;
    logVerdict(&(struct told) {
        .code = code, .protocol = "policy", .stage = value[STATE], .action = "accept", .connection = c->number,
        .client = value[CLIENT], .sender = value[SENDER], .row = decisive ? decisive->name : "", .queueId = value[QUEUE_ID],
        .login = value[LOGIN], .certificate = tls && value[SUBJECT][0] ? "trusted" : "", .tlsProtocol = value[PROTOCOL],
        .cipher = value[CIPHER], .bits = value[BITS], .recipient = value[RECIPIENT],
    });
    return 1;
}

static ssize_t respond(struct connection *c)
{
    size_t done = 0;
    char *end;
    while ((end = memmem(c->text + done, c->used - done, "\n\n", 2)) != NULL) {
        if (equal ? !decide(c, c->text + done, end) : !answer(c, DUNNO, sizeof DUNNO - 1)) return -1;
        done = (size_t) (end + 2 - c->text);
    }
    return (ssize_t) done;
}

int main(int argc, char **argv)
{
    equal = argc == 4 && strcmp(argv[2], "equal") == 0;
    if (!equal && !(argc == 3 && strcmp(argv[2], "floor") == 0)) fail("usage: policy-peer SOCKET floor | equal DOMAINS");
    if (equal) {
        fillTable(argv[3]);
        logStart();
    }
    serveAll(argv[1]);
}
