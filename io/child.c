#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static bool has_room(const struct thaw_child_out *out, size_t size, struct thaw_error *err)
{
    if (size <= out->limit && out->at <= out->limit - size)
        return true;
    thaw_fail(err, THAW_EMEMORY, "its content needs more than %zu MiB, the limit for its size",
              out->limit >> 20);
    return false;
}

int thaw_child_put(struct thaw_child_out *out, const void *data, size_t size,
                   struct thaw_error *err)
{
    if (!has_room(out, size, err))
        return -1;
    while (size) {
        ssize_t n = pwrite(out->fd, data, size, (off_t)out->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return thaw_fail_errno(err, "handing over %zu bytes", size);
        data = (const char *)data + n;
        size -= (size_t)n;
        out->at += (size_t)n;
    }
    return 0;
}

int thaw_child_align(struct thaw_child_out *out, size_t alignment, struct thaw_error *err)
{
    size_t gap = (alignment - out->at % alignment) % alignment;
    if (!has_room(out, gap, err))
        return -1;
    out->at += gap; /* a hole reads as zeros */
    return 0;
}

/* Mappings begin at whole pages, results do not. */
static size_t page_offset(size_t at)
{
    return at % (size_t)sysconf(_SC_PAGESIZE);
}

void *thaw_child_map(struct thaw_child_out *out, size_t size, struct thaw_error *err)
{
    size_t skip = page_offset(out->at);
    if (!has_room(out, size, err))
        return NULL;
    if (ftruncate(out->fd, (off_t)(out->at + size)) < 0) {
        thaw_fail_errno(err, "room for %zu bytes", size);
        return NULL;
    }
    char *p = mmap(NULL, skip + size, PROT_READ | PROT_WRITE, MAP_SHARED, out->fd,
                   (off_t)(out->at - skip));
    if (p == MAP_FAILED) {
        thaw_fail_errno(err, "room for %zu bytes", size);
        return NULL;
    }
    out->at += size;
    return p + skip;
}

void thaw_child_unmap(void *mapped, size_t size)
{
    size_t skip = page_offset((size_t)mapped);
    munmap((char *)mapped - skip, skip + size);
}

static void limit(int what, size_t value)
{
    struct rlimit now;
    if (getrlimit(what, &now))
        return;
    if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
        value = now.rlim_max;
    now.rlim_cur = value;
    setrlimit(what, &now);
}

/* Bytes of address space in use, 0 if unknown. */
static size_t address_space(void)
{
    size_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%zu", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void thaw_child_allow(size_t memory)
{
    size_t used = address_space();
    if (used && !SANITIZED)
        limit(RLIMIT_AS, used + memory);
}

static void confine(const struct thaw_child_limits *limits)
{
    static const int deadly[] = {SIGSEGV, SIGBUS,  SIGABRT, SIGFPE,
                                 SIGILL,  SIGXCPU, SIGXFSZ, SIGTERM};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        signal(deadly[i], SIG_DFL);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, (size_t)limits->cpu);
    limit(RLIMIT_FSIZE, limits->result);
    thaw_child_allow(limits->memory);
    /* Libraries talk, and what the C library says of a broken heap is no text for the user. A
     * sanitizer's word is for us. */
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0)
        dup2(nowhere, STDOUT_FILENO);
    if (nowhere >= 0 && !SANITIZED)
        dup2(nowhere, STDERR_FILENO);
}

/* The child may have scribbled over it. */
static void take_error(struct thaw_error *err, const struct thaw_error *theirs)
{
    char text[sizeof theirs->text];
    memcpy(text, theirs->text, sizeof text);
    text[sizeof text - 1] = 0;
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = '?';
    bool known = theirs->code > THAW_OK && theirs->code <= THAW_ESTOPPED;
    thaw_fail(err, known ? theirs->code : THAW_EINPUT, "%s", text);
}

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Waits for the end of the pipe that only the child holds open. False when time is up first. */
static bool wait_in_time(int fd, int seconds)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    for (long long deadline = now_ms() + seconds * 1000LL;;) {
        long long left = deadline - now_ms();
        int n = left <= 0 ? 0 : poll(&end, 1, left < INT_MAX ? (int)left : INT_MAX);
        if (n > 0)
            return true;
        if (n == 0 && left <= INT_MAX)
            return false;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

static enum thaw_child_end judge(int status, bool in_time, const struct thaw_child_limits *limits,
                                 const struct thaw_error *theirs, struct thaw_error *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return THAW_CHILD_DONE;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && theirs->text[0]) {
        take_error(err, theirs);
        return THAW_CHILD_FAILED;
    }
    if (!in_time)
        thaw_fail(err, THAW_EINPUT, "its reader was stopped after %d s without a result",
                  limits->wall);
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        thaw_fail(err, THAW_EINPUT, "its reader was stopped after %d s of processor time",
                  limits->cpu);
    else if (WIFSIGNALED(status))
        thaw_fail(err, THAW_EINPUT, "its reader was stopped by signal %d (%s)", WTERMSIG(status),
                  strsignal(WTERMSIG(status)));
    else
        thaw_fail(err, THAW_EINPUT, "its reader ended with exit code %d", WEXITSTATUS(status));
    return THAW_CHILD_DIED;
}

static int map_result(int fd, void **data, size_t *size, struct thaw_error *err)
{
    struct stat st;
    if (fstat(fd, &st))
        return thaw_fail_errno(err, "the reader's result");
    if (st.st_size == 0)
        return 0;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return thaw_fail_errno(err, "the reader's result of %jd bytes", (intmax_t)st.st_size);
    *data = p;
    *size = (size_t)st.st_size;
    return 0;
}

/* One child, `limits->wall` seconds of it; *in_time is false where they were too short. */
static enum thaw_child_end run_once(const struct thaw_child_limits *limits, thaw_child_fn *fn,
                                    void *ctx, void **data, size_t *size, bool *in_time,
                                    struct thaw_error *err)
{
    enum thaw_child_end end = THAW_CHILD_UNBORN;
    int alive[2] = {-1, -1};
    *in_time = true;
    *data = NULL;
    *size = 0;
    struct thaw_error *theirs =
        mmap(NULL, sizeof *theirs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fd = memfd_create("thaw-child", MFD_CLOEXEC);
    if (theirs == MAP_FAILED || fd < 0 || pipe2(alive, O_CLOEXEC)) {
        thaw_fail_errno(err, "cannot prepare a child process");
        goto done;
    }
    pid_t child = fork();
    if (child < 0) {
        thaw_fail_errno(err, "cannot start a child process");
        goto done;
    }
    if (child == 0) {
        struct thaw_child_out out = {.fd = fd, .limit = limits->result};
        confine(limits);
        _exit(fn(ctx, &out, theirs) ? 1 : 0);
    }
    close(alive[1]);
    alive[1] = -1;
    *in_time = wait_in_time(alive[0], limits->wall);
    if (!*in_time)
        kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    end = judge(status, *in_time, limits, theirs, err);
    if (end == THAW_CHILD_DONE && map_result(fd, data, size, err))
        end = THAW_CHILD_UNBORN;
done:
    if (theirs != MAP_FAILED)
        munmap(theirs, sizeof *theirs);
    for (int i = 0; i < 2; i++)
        if (alive[i] >= 0)
            close(alive[i]);
    if (fd >= 0)
        close(fd);
    return end;
}

/* The C library's allocator can be forked, that of the sanitizers of GCC 12 cannot: where another
 * thread was inside it, the child waits for ever. There children get little time at first; one that
 * was late is tried again with twice as much. */
enum thaw_child_end thaw_child_run(const struct thaw_child_limits *limits, thaw_child_fn *fn,
                                   void *ctx, void **data, size_t *size, struct thaw_error *err)
{
    struct thaw_child_limits now = *limits;
    for (int wall = SANITIZED ? 1 : limits->wall;; wall *= 2) {
        bool in_time;
        now.wall = wall < limits->wall ? wall : limits->wall;
        enum thaw_child_end end = run_once(&now, fn, ctx, data, size, &in_time, err);
        if (in_time || now.wall == limits->wall)
            return end;
    }
}

void thaw_child_release(void *data, size_t size)
{
    if (data)
        munmap(data, size);
}
