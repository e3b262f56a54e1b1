/*
 * bench.h - what the benchmark's C programs share
 *
 * Clock, random numbers, latency samples, the list of domains, and what /proc says about the measured process. Every
 * function is static: each program is one translation unit, compiled when the benchmark runs.
 *
 * The list of domains is a text file, one name a line. Line N (from 0) is the row of the table under test: even lines
 * are rows that require TLS (`encrypt`), odd lines are rows that do not (`may`). A generator therefore knows which
 * recipients a session without TLS may name without being refused.
 *
 * CPU time is utime + stime of /proc/PID/stat, which covers all threads of the process, ended ones too, in clock ticks
 * (10 ms): runs shorter than a second say little.
 */
#ifndef BENCH_H
#define BENCH_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Prints what was seen and ends the program: a protocol error makes every figure of the run worthless. */
__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

__attribute__((unused)) static void *grow(void *old, size_t bytes)
{
    void *p = realloc(old, bytes);
    if (p == NULL) fail("out of memory (%zu bytes)", bytes);
    return p;
}

/* ---- clock ---- */

__attribute__((unused)) static uint64_t nowNs(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

/* Milliseconds since the epoch, to be compared with Date.now() of the program that started us. */
__attribute__((unused)) static double wallMs(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

/* ---- random numbers: xorshift, a fixed seed, so every run sends the same ---- */

static uint64_t randomState = 88172645463325252u;

__attribute__((unused)) static uint32_t randomBelow(uint32_t limit)
{
    randomState ^= randomState << 13;
    randomState ^= randomState >> 7;
    randomState ^= randomState << 17;
    return (uint32_t) ((randomState >> 11) % limit);
}

/* ---- latency samples, microseconds ---- */

struct samples {
    uint32_t *at;
    size_t count, room;
    int sorted;
};

__attribute__((unused)) static void sample(struct samples *s, uint64_t ns)
{
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 65536;
        s->at = grow(s->at, s->room * sizeof *s->at);
    }
    uint64_t us = ns / 1000;
    s->at[s->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t) us;
    s->sorted = 0;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;
    return x < y ? -1 : x > y;
}

/* The value below which `share` of the samples lie (nearest rank), 0 without samples. */
__attribute__((unused)) static uint32_t quantile(struct samples *s, double share)
{
    if (s->count == 0) return 0;
    if (!s->sorted) {
        qsort(s->at, s->count, sizeof *s->at, ascending);
        s->sorted = 1;
    }
    size_t rank = (size_t) (share * (double) s->count);
    return s->at[rank >= s->count ? s->count - 1 : rank];
}

__attribute__((unused)) static void printSamples(const char *name, struct samples *s)
{
    printf("\"%s\":{\"count\":%zu,\"p50Us\":%u,\"p99Us\":%u,\"p999Us\":%u,\"maxUs\":%u}", name, s->count,
           quantile(s, 0.5), quantile(s, 0.99), quantile(s, 0.999), quantile(s, 1));
}

/* ---- the measured process ---- */

/* CPU time used so far by process `pid`, all its threads, in microseconds; 0 for pid 0. */
__attribute__((unused)) static double cpuUs(int pid)
{
    char path[64], text[2048], *p;
    unsigned long user, sys;
    if (pid == 0) return 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) fail("the measured process %d is gone", pid);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    /* The name in brackets may hold anything; fields are counted from the last bracket, utime is the 14th. */
    if ((p = strrchr(text, ')')) == NULL
        || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        fail("cannot read %s", path);
    return (double) (user + sys) * 1e6 / (double) sysconf(_SC_CLK_TCK);
}

/*
 * Calls of read(2) and write(2) and their kin by process `pid` so far, all its threads; -1 when it cannot be read, or for
 * pid 0. recv(2) and send(2) are not counted by the kernel, so a server that uses those shows none.
 */
struct calls {
    double reads, writes;
};

__attribute__((unused)) static struct calls callsOf(int pid)
{
    char path[64], line[128];
    unsigned long long n;
    struct calls c = {-1, -1};
    snprintf(path, sizeof path, "/proc/%d/io", pid);
    FILE *f = pid == 0 ? NULL : fopen(path, "r");
    if (f == NULL) return c;
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "syscr: %llu", &n) == 1) c.reads = (double) n;
        if (sscanf(line, "syscw: %llu", &n) == 1) c.writes = (double) n;
    }
    fclose(f);
    return c;
}

/* What a server did between two readings, for each of `per` messages: members of a JSON object, -1 when not known. */
__attribute__((unused)) static void printCalls(struct calls from, struct calls now, double per)
{
    int known = from.reads >= 0 && now.reads >= 0;
    printf("\"reads\":%.3f,\"writes\":%.3f,", known ? (now.reads - from.reads) / per : -1,
           known ? (now.writes - from.writes) / per : -1);
}

/* The longest that a warm-up by count may take, however slow the machine is. */
enum { WARM_LIMIT_S = 20 };

/*
 * CPU time that neither the measured process nor this one used: what others took from the two of them. foreignCores() is the
 * difference of two readings of foreignNow(); /proc/stat counts clock ticks too.
 */
struct foreign {
    double busy, server, own;
    uint64_t at;
};

__attribute__((unused)) static struct foreign foreignNow(int pid)
{
    unsigned long long user, nice, sys, idle, wait, irq, soft, steal;
    struct timespec own;
    FILE *f = fopen("/proc/stat", "r");
    if (f == NULL
        || fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &sys, &idle, &wait, &irq, &soft, &steal) != 8)
        fail("cannot read /proc/stat");
    fclose(f);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    return (struct foreign) {
        .busy = (double) (user + nice + sys + irq + soft + steal) * 1e6 / (double) sysconf(_SC_CLK_TCK),
        .server = cpuUs(pid),
        .own = (double) own.tv_sec * 1e6 + (double) own.tv_nsec / 1e3,
        .at = nowNs(),
    };
}

/* Cores that others kept busy since `from`. */
__attribute__((unused)) static double foreignCores(struct foreign from, struct foreign now)
{
    double others = (now.busy - from.busy) - (now.server - from.server) - (now.own - from.own);
    return others < 0 ? 0 : others * 1e3 / (double) (now.at - from.at);
}

/* Resident memory of process `pid` in KiB. */
__attribute__((unused)) static long rssKib(int pid)
{
    char path[64], line[256];
    long kib = -1;
    if (pid == 0) return 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) fail("the measured process %d is gone", pid);
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
    fclose(f);
    if (kib < 0) fail("no VmRSS in %s", path);
    return kib;
}

/* ---- the list of domains ---- */

struct domains {
    char *text;
    char **name;
    size_t count;
};

__attribute__((unused)) static struct domains readDomains(const char *path)
{
    struct domains d = {0};
    FILE *f = fopen(path, "r");
    if (f == NULL) fail("cannot open %s: %s", path, strerror(errno));
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    d.text = grow(NULL, (size_t) size + 1);
    if (fread(d.text, 1, (size_t) size, f) != (size_t) size) fail("cannot read %s", path);
    fclose(f);
    d.text[size] = 0;
    size_t room = 0;
    for (char *save, *line = strtok_r(d.text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (d.count == room) d.name = grow(d.name, (room = room ? room * 2 : 1024) * sizeof *d.name);
        d.name[d.count++] = line;
    }
    if (d.count < 2) fail("%s names fewer than two domains", path);
    return d;
}

/*
 * Writes a recipient's domain into `to`: half of them are in the table, the others are not; a session without TLS gets
 * only rows that do not require it. Returns the length; `*inTable` says which.
 */
__attribute__((unused)) static int pickDomain(const struct domains *d, int tls, char *to, size_t room, int *inTable)
{
    *inTable = (int) randomBelow(2);
    uint32_t pick = randomBelow((uint32_t) d->count);
    if (!*inTable) return snprintf(to, room, "o%u.other.test", pick);
    if (!tls) pick = pick | 1u;
    if (pick >= d->count) pick -= 2;
    return snprintf(to, room, "%s", d->name[pick]);
}

/* ---- sockets ---- */

/* Ten thousand sessions need as many descriptors; the soft limit is usually 1024. */
__attribute__((unused)) static void raiseDescriptorLimit(void)
{
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

/* Connects to the unix socket at `path`, not blocking. Returns -1 when the server's queue is full: try again later. */
__attribute__((unused)) static int connectUnix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) fail("socket path too long: %s", path);
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *) &address, sizeof address) == 0) return fd;
    if (errno != EAGAIN) fail("connect to %s: %s", path, strerror(errno));
    close(fd);
    return -1;
}

#endif
