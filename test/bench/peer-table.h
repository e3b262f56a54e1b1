/*
 * peer-table.h - the table of the C peers: a hash of domains, and what a row requires
 *
 * The list of domains is that of bench.h: even lines are rows that require TLS, odd lines are rows that do not. Open
 * addressing, FNV-1a, at most half full; the names stay where the file was read to. A session meets a row when it
 * has TLS of the least version and key length that tlsward asks for by default. Looked up is the domain alone, not its
 * parents, which tlsward does look up: that is in the peers' favour.
 */
#ifndef PEER_TABLE_H
#define PEER_TABLE_H

#include "bench.h"
#include <ctype.h>

struct slot {
    const char *name;
    int encrypt;
};

static struct slot *slots;
static size_t slotMask;

static uint32_t hashOf(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++) h = (h ^ (unsigned char) *name) * 16777619u;
    return h;
}

static void fillTable(const char *path)
{
    struct domains d = readDomains(path);
    size_t size = 16;
    while (size < d.count * 2) size *= 2;
    slotMask = size - 1;
    if ((slots = calloc(size, sizeof *slots)) == NULL) fail("out of memory");
    for (size_t i = 0; i < d.count; i++) {
        size_t at = hashOf(d.name[i]) & slotMask;
        while (slots[at].name != NULL) at = (at + 1) & slotMask;
        slots[at] = (struct slot) {.name = d.name[i], .encrypt = i % 2 == 0};
    }
}

/* Writes the domain of `address` (with or without brackets) in lower case into `to`, "" when it has none. */
__attribute__((unused)) static void domainOf(const char *address, char *to, size_t room)
{
    size_t n = 0;
    const char *at = strrchr(address, '@');
    if (at != NULL)
        for (at++; *at && *at != '>' && n < room - 1; at++) to[n++] = (char) tolower((unsigned char) *at);
    to[n] = 0;
}

/* The row of a domain, NULL when there is none. */
static const struct slot *rowOf(const char *domain)
{
    for (size_t at = hashOf(domain) & slotMask; slots[at].name != NULL; at = (at + 1) & slotMask)
        if (strcmp(slots[at].name, domain) == 0) return &slots[at];
    return NULL;
}

/* TLS 1.2 or later with 128 bits or more; `protocol` "" without TLS. */
__attribute__((unused)) static int meetsFloor(const char *protocol, const char *bits)
{
    return strncmp(protocol, "TLSv1.", 6) == 0 && protocol[6] >= '2' && atoi(bits) >= 128;
}

#endif
