#include "apps/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/base/clock.h"

enum { BAR = 20, NARROWEST = 40, LINE = 400 };

double thaw_progress_clock(void)
{
    return thaw_clock();
}

void thaw_progress_time(double seconds, char *text, size_t size)
{
    long s = seconds > 0 ? (long)(seconds + 0.5) : 0;
    if (s < 60)
        snprintf(text, size, "%ld s", s);
    else if (s < 3600)
        snprintf(text, size, "%ld min %02ld s", s / 60, s % 60);
    else
        snprintf(text, size, "%ld h %02ld min", s / 3600, s / 60 % 60);
}

void thaw_progress_begin(struct thaw_progress *p, const char *what, size_t total)
{
    double now = thaw_progress_clock();
    *p = (struct thaw_progress){.what = what,
                                .unit = "images",
                                .total = total,
                                .begun = now,
                                .shown = now,
                                .terminal = isatty(STDERR_FILENO) == 1};
}

static size_t columns(void)
{
    struct winsize w;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || w.ws_col < NARROWEST)
        return 79;
    return w.ws_col - 1U;
}

static void draw_bar(const struct thaw_progress *p, char *text)
{
    size_t full = p->total ? (p->done < p->total ? p->done : p->total) * BAR / p->total : 0;
    *text++ = '[';
    memset(text, '#', full);
    memset(text + full, '.', BAR - full);
    memcpy(text + BAR, "] ", 3);
}

static void compose(const struct thaw_progress *p, const char *note, char line[LINE])
{
    double elapsed = thaw_progress_clock() - p->begun;
    double rate = elapsed > 0 ? (double)p->done / elapsed : 0;
    char bar[BAR + 4] = "", of[32] = "", left[64] = "", time[32];
    if (p->terminal && p->total)
        draw_bar(p, bar);
    if (p->total)
        snprintf(of, sizeof of, "/%zu", p->total);
    if (p->total > p->done && rate > 0) {
        thaw_progress_time((double)(p->total - p->done) / rate, time, sizeof time);
        snprintf(left, sizeof left, ", %s left", time);
    }
    snprintf(line, LINE, "%s %s%zu%s %s, %.*f/s%s%s%s", p->what, bar, p->done, of, p->unit,
             rate < 10 ? 1 : 0, rate, left, note ? "; " : "", note ? note : "");
}

void thaw_progress_update(struct thaw_progress *p, size_t done, const char *note)
{
    char line[LINE];
    double now = thaw_progress_clock();
    p->done = done;
    if (now - p->shown < (p->terminal ? 0.1 : 10))
        return;
    p->shown = now;
    compose(p, note, line);
    if (!p->terminal) {
        fprintf(stderr, "%s\n", line);
        return;
    }
    /* \r and "erase to the end of the line": no leftovers of a longer line, no wrapping. */
    fprintf(stderr, "\r%.*s\033[K", (int)columns(), line);
    fflush(stderr);
    p->drawn = true;
}

void thaw_progress_end(struct thaw_progress *p)
{
    if (p->drawn)
        fprintf(stderr, "\r\033[K");
    p->drawn = false;
}
