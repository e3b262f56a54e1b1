/*
 * socketmap-peer - the C socketmap servers that the socketmap row of the benchmark compares with
 *
 * usage: socketmap-peer SOCKET floor
 *        socketmap-peer SOCKET equal DOMAINS
 *
 * `floor` finds the end of each netstring and answers NOTFOUND; no server that does the work can be faster. `equal`
 * does what tlsward does for its map `deliver`: splits map and key, takes the next hop apart, looks its domain up in
 * DOMAINS, answers with the policy of the row. It logs no line, since tlsward logs none for such an answer at level info.
 *
 * Source: Postfix socketmap_table(5).
 */
#include "peer-table.h"
#include "responder.h"

static int equal;
static const char NOTFOUND[] = "9:NOTFOUND ,";

/* Decides one request of `n` bytes, answers it. 0 when the connection is to be closed. */
static int decide(struct connection *c, char *text, size_t n)
{
    char key[1024], reply[160];
    char *blank = memchr(text, ' ', n);
    if (blank == NULL) return 0;
    size_t map = (size_t) (blank - text), length = n - map - 1;
    if (map != 7 || memcmp(text, "deliver", 7) != 0) {
        static const char NONE[] = "TEMP there is no map of this name";
        return answer(c, reply, (size_t) snprintf(reply, sizeof reply, "%zu:%s,", sizeof NONE - 1, NONE));
    }
    if (length == 0 || length >= sizeof key) return answer(c, NOTFOUND, sizeof NOTFOUND - 1);
    /* [domain]:port, [domain], domain:port or domain */
    char *from = blank + 1, *end = from + length;
    if (*from == '[') {
        from++;
        end = memchr(from, ']', (size_t) (end - from));
        if (end == NULL) return answer(c, NOTFOUND, sizeof NOTFOUND - 1);
    } else {
        char *colon = memchr(from, ':', (size_t) (end - from));
        if (colon != NULL) end = colon;
    }
    size_t k = 0;
    for (; from < end; from++) {
        unsigned char byte = (unsigned char) *from;
        if (byte <= ' ' || byte >= 0x7f) return answer(c, NOTFOUND, sizeof NOTFOUND - 1);
        key[k++] = (char) tolower(byte);
    }
    key[k] = 0;
    const struct slot *row = rowOf(key);
    if (row == NULL || !row->encrypt) return answer(c, NOTFOUND, sizeof NOTFOUND - 1);
    char policy[128];
    int bytes = snprintf(policy, sizeof policy, "OK encrypt protocols=>=%s ciphers=%s", "TLSv1.2", "high");
    return answer(c, reply, (size_t) snprintf(reply, sizeof reply, "%d:%s,", bytes, policy));
}

static ssize_t respond(struct connection *c)
{
    size_t done = 0;
    while (done < c->used) {
        size_t at = done, length = 0;
        while (at < c->used && isdigit((unsigned char) c->text[at]) && at - done < 6) length = length * 10 + (size_t) (c->text[at++] - '0');
        if (at == c->used) break;
        if (at == done || c->text[at] != ':') return -1;
        if (at + 1 + length + 1 > c->used) break;
        if (c->text[at + 1 + length] != ',') return -1;
        if (equal ? !decide(c, c->text + at + 1, length) : !answer(c, NOTFOUND, sizeof NOTFOUND - 1)) return -1;
        done = at + length + 2;
    }
    return (ssize_t) done;
}

int main(int argc, char **argv)
{
    equal = argc == 4 && strcmp(argv[2], "equal") == 0;
    if (!equal && !(argc == 3 && strcmp(argv[2], "floor") == 0)) fail("usage: socketmap-peer SOCKET floor | equal DOMAINS");
    if (equal) fillTable(argv[3]);
    serveAll(argv[1]);
}
