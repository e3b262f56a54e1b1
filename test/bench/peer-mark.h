/*
 * peer-mark.h - the mark that tlsward makes, made in C with OpenSSL
 *
 * Fields, canonical form, escaping and folds are those of src/mark/markFields.ts and markText.ts; the selfcheck proves
 * that each byte is the same. HMAC-SHA-256 by a context that each thread keeps with the key in it, which is the
 * fastest way that OpenSSL 3 has: HMAC() looks the algorithm up at each call.
 */
#ifndef PEER_MARK_H
#define PEER_MARK_H

#include "bench.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>

enum { COLUMNS = 76, MARK_TEXT = 400, FIELD_ROOM = 3 * MARK_TEXT + 32, FIELDS = 16, MARK_ROOM = 8192 };

static const char MARK_NAME[] = "X-TLS-Ward";
static unsigned char markKey[256];
static size_t markKeyLength;
static char markKeyId[9];
static EVP_MAC *markMac;
static pthread_key_t macOfThread;

static void freeMac(void *mac) { EVP_MAC_CTX_free(mac); }

/* Reads the first key of a key file (base64, one a line). */
static void readMarkKey(const char *path)
{
    char line[512];
    unsigned char digest[32], text[512] = "tlsward-key-id\n";
    FILE *f = fopen(path, "r");
    if (f == NULL) fail("cannot open %s: %s", path, strerror(errno));
    do {
        if (fgets(line, sizeof line, f) == NULL) fail("no key in %s", path);
    } while (line[0] == '#' || line[0] == '\n');
    fclose(f);
    size_t n = strcspn(line, " \n"), padding = n > 1 && line[n - 2] == '=' ? 2 : n > 0 && line[n - 1] == '=';
    int bytes = n % 4 == 0 && n < 256 ? EVP_DecodeBlock(markKey, (const unsigned char *) line, (int) n) : -1;
    if (bytes < 32) fail("the key in %s is not base64 of 32 bytes or more", path);
    markKeyLength = (size_t) bytes - padding;
    size_t prefix = strlen((char *) text);
    memcpy(text + prefix, markKey, markKeyLength);
    SHA256(text, prefix + markKeyLength, digest);
    for (int i = 0; i < 4; i++) snprintf(markKeyId + 2 * i, 3, "%02x", digest[i]);
    if ((markMac = EVP_MAC_fetch(NULL, "HMAC", NULL)) == NULL) fail("OpenSSL has no HMAC");
    pthread_key_create(&macOfThread, freeMac);
}

static EVP_MAC_CTX *threadMac(void)
{
    EVP_MAC_CTX *mac = pthread_getspecific(macOfThread);
    if (mac == NULL) {
        char digest[] = "SHA256";
        OSSL_PARAM with[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
        mac = EVP_MAC_CTX_new(markMac);
        if (mac == NULL || !EVP_MAC_init(mac, markKey, markKeyLength, with)) fail("OpenSSL: HMAC");
        pthread_setspecific(macOfThread, mac);
        return mac;
    }
    if (!EVP_MAC_init(mac, NULL, 0, NULL)) fail("OpenSSL: HMAC");
    return mac;
}

/* Appends a text by the one rule of marks; returns the end. */
static char *markText(char *to, const char *text)
{
    size_t n = strlen(text);
    if (n == 0) {
        *to++ = '-';
        return to;
    }
    if (n == 1 && text[0] == '-') {
        memcpy(to, "%2D", 3);
        return to + 3;
    }
    size_t keep = n > MARK_TEXT ? MARK_TEXT - 3 : n;
    if (n > MARK_TEXT) while (keep > 0 && ((unsigned char) text[keep] & 0xc0) == 0x80) keep--;
    for (size_t i = 0; i < keep; i++) {
        unsigned char c = (unsigned char) text[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("._:@/*[]+-", c)))
            *to++ = (char) c;
        else to += sprintf(to, "%%%02X", c);
    }
    if (n > MARK_TEXT) {
        memcpy(to, "...", 3);
        to += 3;
    }
    return to;
}

struct mark {
    const char *state, *protocol, *cipher, *bits, *certificate, *certificateName, *row, *host, *queueId, *time, *code;
};

/* Writes the signed, folded value of a mark into `to`; `senderDomain` in lower case, "" for none. */
static void formatMark(char to[MARK_ROOM], const struct mark *m, const char *senderDomain)
{
    static const char *const NAMES[FIELDS] = {"v=", "leg=", "state=", "protocol=", "cipher=", "bits=", "certificate=",
        "certificate-name=", "row=", "verdict=", "host=", "id=", "time=", "code=", "key=", "hmac="};
    /* NULL: stands as it is; the others are escaped. */
    const char *const plain[FIELDS] = {"1", "receive", m->state, NULL, NULL, m->bits[0] ? m->bits : "-", m->certificate,
        NULL, NULL, "accept", NULL, NULL, m->time, NULL, markKeyId, NULL};
    const char *const texts[FIELDS] = {NULL, NULL, NULL, m->protocol, m->cipher, NULL, NULL, m->certificateName, m->row,
        NULL, m->host, m->queueId, NULL, m->code, NULL, NULL};
    char canonical[MARK_ROOM], *end = canonical;
    const char *from[FIELDS];
    size_t length[FIELDS];
    memcpy(end, "tlsward-mark\n", 13);
    end += 13;
    for (int i = 0; i < FIELDS - 1; i++) {
        from[i] = end;
        end = stpcpy(end, NAMES[i]);
        end = plain[i] != NULL ? stpcpy(end, plain[i]) : markText(end, texts[i]);
        length[i] = (size_t) (end - from[i]);
        *end++ = '\n';
        if (end > canonical + MARK_ROOM - FIELD_ROOM) fail("mark too long");
    }
    end = markText(stpcpy(end, "sender="), senderDomain);
    *end++ = '\n';

    unsigned char digest[32], base64[48];
    size_t digestLength;
    EVP_MAC_CTX *mac = threadMac();
    if (!EVP_MAC_update(mac, (unsigned char *) canonical, (size_t) (end - canonical))
        || !EVP_MAC_final(mac, digest, &digestLength, sizeof digest)) fail("OpenSSL: HMAC");
    EVP_EncodeBlock(base64, digest, 32);
    char seal[64] = "hmac=";
    for (int i = 0; i < 43; i++) seal[5 + i] = base64[i] == '+' ? '-' : base64[i] == '/' ? '_' : (char) base64[i];
    from[FIELDS - 1] = seal;
    length[FIELDS - 1] = 48;

    size_t column = sizeof MARK_NAME; /* the name and its colon */
    for (int i = 0; i < FIELDS; i++) {
        char field[FIELD_ROOM];
        size_t n = length[i];
        const char *rest = field;
        memcpy(field, from[i], n);
        if (i + 1 < FIELDS) field[n++] = ';';
        if (i > 0 && column + 1 + n > COLUMNS) {
            memcpy(to, "\n ", 2);
            to += 2;
            column = 1;
        } else {
            if (i > 0) *to++ = ' ';
            column++;
        }
        while (column + n > COLUMNS) {
            size_t fits = column < COLUMNS ? COLUMNS - column : 1;
            memcpy(to, rest, fits);
            memcpy(to + fits, "\n ", 2);
            to += fits + 2;
            rest += fits;
            n -= fits;
            column = 1;
        }
        memcpy(to, rest, n);
        to += n;
        column += n;
    }
    *to = 0;
}

#endif
