#include "io/base/par.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

void thaw_par_range(size_t n, void (*body)(void *ctx, size_t first, size_t last), void *ctx)
{
#ifdef _OPENMP
#pragma omp parallel if (n > 1)
    {
        size_t threads = (size_t)omp_get_num_threads(), me = (size_t)omp_get_thread_num();
        size_t first = n * me / threads, last = n * (me + 1) / threads;
        if (first < last)
            body(ctx, first, last);
    }
#else
    if (n)
        body(ctx, 0, n);
#endif
}

int thaw_par_each(size_t n, int (*body)(void *ctx, size_t i, struct thaw_error *err), void *ctx,
                  struct thaw_error *err)
{
    size_t lowest = n;
    struct thaw_error worst = {0};
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic)
#endif
    for (size_t i = 0; i < n; i++) {
        struct thaw_error mine = {0};
        if (body(ctx, i, &mine) == 0)
            continue;
#ifdef _OPENMP
#pragma omp critical(thaw_par_each_error)
#endif
        if (i < lowest) {
            lowest = i;
            worst = mine;
        }
    }
    if (lowest == n)
        return 0;
    if (err)
        *err = worst;
    return -1;
}

/* cgroup v2: "QUOTA PERIOD" or "max PERIOD"; v1 keeps the two in files of their own. 0 = no limit.
 */
static double cgroup_cores(void)
{
    double quota = 0, period = 0;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (f) {
        if (fscanf(f, "%lf %lf", &quota, &period) != 2)
            quota = 0;
        fclose(f);
        return quota > 0 && period > 0 ? quota / period : 0;
    }
    FILE *q = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r");
    FILE *p = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
    if (!q || !p || fscanf(q, "%lf", &quota) != 1 || fscanf(p, "%lf", &period) != 1)
        quota = 0;
    if (q)
        fclose(q);
    if (p)
        fclose(p);
    return quota > 0 && period > 0 ? quota / period : 0;
}

int thaw_par_available(void)
{
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    double limit = cgroup_cores();
    if (limit > 0 && limit < cores)
        cores = (int)ceil(limit);
    return cores > 0 ? cores : 1;
}

bool thaw_par_may_wait(void)
{
    return getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY");
}

void thaw_par_restart(char **argv)
{
    if (thaw_par_may_wait())
        return;
    if (setenv("GOMP_SPINCOUNT", "5000", 1) == 0)
        execv("/proc/self/exe", argv);
    /* Where that cannot be, the program runs all the same. */
}

void thaw_par_set_threads(int n)
{
#ifdef _OPENMP
    omp_set_num_threads(n);
#else
    (void)n;
#endif
}

int thaw_par_width(void)
{
#ifdef _OPENMP
    return omp_in_parallel() ? 1 : omp_get_max_threads();
#else
    return 1;
#endif
}

int thaw_par_threads(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}
