#include "nn/stopwatch.h"

#include <pthread.h>
#include <time.h>

#include "io/base/par.h"

static const struct thaw_stopwatch *watching;
static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local const struct thaw_op *at_work;

void thaw_stopwatch_set(const struct thaw_stopwatch *watch)
{
    watching = watch;
}

double thaw_stopwatch_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double since(double began)
{
    return (thaw_stopwatch_clock() - began) * thaw_par_width();
}

double thaw_stopwatch_begin(const struct thaw_op *op)
{
    if (!watching)
        return 0;
    at_work = op;
    return thaw_stopwatch_clock();
}

void thaw_stopwatch_end(const struct thaw_op *op, double began)
{
    if (!watching || began <= 0)
        return;
    double seconds = since(began);
    at_work = NULL;
    pthread_mutex_lock(&telling);
    watching->operation(watching->ctx, op, seconds);
    pthread_mutex_unlock(&telling);
}

double thaw_stopwatch_begin_primitive(void)
{
    return watching && at_work ? thaw_stopwatch_clock() : 0;
}

void thaw_stopwatch_end_primitive(const char *implementation, const char *direction, double began)
{
    if (!watching || began <= 0)
        return;
    double seconds = since(began);
    pthread_mutex_lock(&telling);
    watching->primitive(watching->ctx, at_work, implementation, direction, seconds);
    pthread_mutex_unlock(&telling);
}
