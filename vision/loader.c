#include "vision/loader.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/base/clock.h"
#include "io/base/mem.h"

/* How much nicer than the rest of the program the loader's threads are. */
enum { NICER = 10 };
/* Draws of an epoch's later turns are those of epochs that no run reaches. */
enum { TURN_SHIFT = 20 };

/* One batch being filled or handed out. */
struct slot {
    float *x;
    int *labels;
    size_t *ids;
    size_t done;   /* images finished, read or failed */
    size_t failed; /* position of the first image that failed, SIZE_MAX when none did */
    struct thaw_error why;
};

struct worker {
    struct thaw_loader *loader;
    pthread_t thread;
    bool runs;
    struct thaw_image image, scratch;
    double augment; /* seconds, of the image at hand */
};

struct thaw_loader {
    struct thaw_loader_options o;
    size_t values; /* of one picture */
    struct slot *slots;
    size_t n_slots;
    struct worker *workers;
    size_t n_workers;

    /* All below is guarded by `lock`; the contents of a slot belong to whoever took the ticket of
     * an image, and after the last one to the caller of next(). */
    pthread_mutex_t lock;
    pthread_cond_t work, ready;
    size_t *order, order_room, n;
    uint32_t *turns; /* [n]; NULL: every image comes once */
    size_t turns_room;
    uint32_t epoch;
    size_t ticket;  /* next image of `order` to be taken */
    size_t batches; /* batches given back by the caller: their slots are free again */
    size_t handed;  /* batches handed out */
    size_t busy;    /* workers with an image in hand */
    bool quit;
    struct thaw_loader_times times;
};

static size_t batch_size(const struct thaw_loader *l, size_t batch)
{
    size_t left = l->n - batch * l->o.batch;
    return left < l->o.batch ? left : l->o.batch;
}

static void finish(const struct thaw_loader *l, const struct thaw_image *image, float *out)
{
    if (l->o.pictures)
        thaw_image_spread(image, l->o.preprocess->channels, out);
    else
        thaw_preprocess_normalise(l->o.preprocess, image, out);
}

/* Fills one place of a batch. Runs outside the lock. */
static int load_image(struct worker *w, size_t id, uint32_t epoch, float *out,
                      struct thaw_error *err)
{
    struct thaw_loader *l = w->loader;
    const struct thaw_loader_options *o = &l->o;
    const struct thaw_compact *kept = o->cache ? thaw_cache_find(o->cache, id) : NULL;
    if (kept) {
        thaw_compact_read(kept, &w->image);
    } else {
        struct thaw_pixels pixels = {0};
        struct thaw_image fitted = {0};
        struct thaw_decode_hint hint = thaw_preprocess_hint(o->preprocess);
        if (thaw_pixels_load(&pixels, o->data->images[id].path, &hint, err))
            return -1;
        int rc = thaw_preprocess_geometry(o->preprocess, &pixels, &fitted, err);
        thaw_pixels_release(&pixels);
        if (rc)
            return thaw_error_prefix(err, "%s", o->data->images[id].path);
        thaw_image_release(&w->image);
        w->image = fitted;
        thaw_image_drop_equal(&w->image);
        if (o->cache)
            thaw_cache_offer(o->cache, id, &w->image);
    }
    double began = thaw_clock();
    if (o->augment)
        thaw_augment_apply(o->augment, &w->image, &w->scratch, o->seed, epoch, (uint32_t)id);
    w->augment = thaw_clock() - began;
    finish(l, &w->image, out);
    return 0;
}

/* Takes a ticket and works on it; called and returns with the lock held. */
static void work_once(struct worker *w)
{
    struct thaw_loader *l = w->loader;
    size_t i = l->ticket++, batch = i / l->o.batch, place = i % l->o.batch, id = l->order[i];
    struct slot *slot = &l->slots[batch % l->n_slots];
    uint32_t epoch = l->epoch + (l->turns ? l->turns[i] << TURN_SHIFT : 0);
    struct thaw_error err = {0};
    l->busy++;
    pthread_mutex_unlock(&l->lock);
    double began = thaw_clock();
    w->augment = 0;
    int rc = load_image(w, id, epoch, slot->x + place * l->values, &err);
    slot->labels[place] = l->o.data->images[id].label;
    slot->ids[place] = id;
    double took = thaw_clock() - began;
    pthread_mutex_lock(&l->lock);
    l->times.augment += w->augment;
    l->times.decode += took - w->augment;
    l->busy--;
    if (rc && place < slot->failed) {
        slot->failed = place;
        slot->why = err;
    }
    if (++slot->done == batch_size(l, batch) || l->busy == 0)
        pthread_cond_broadcast(&l->ready);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    struct thaw_loader *l = w->loader;
    /* Linux has priorities of threads; where it refuses, nothing is lost but speed. */
    id_t me = (id_t)gettid();
    setpriority(PRIO_PROCESS, me, getpriority(PRIO_PROCESS, me) + NICER);
    pthread_mutex_lock(&l->lock);
    while (!l->quit) {
        if (l->ticket < l->n && l->ticket / l->o.batch < l->batches + l->n_slots)
            work_once(w);
        else
            pthread_cond_wait(&l->work, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static void clear_slot(struct slot *slot)
{
    slot->done = 0;
    slot->failed = SIZE_MAX;
}

static int create_slots(struct thaw_loader *l, struct thaw_error *err)
{
    l->n_slots = l->o.ahead < 1 ? 1 : (size_t)l->o.ahead;
    return (l->slots = thaw_new(l->n_slots, sizeof *l->slots, err)) ? 0 : -1;
}

/* Room for one batch: most of a loader's memory. */
static int open_slot(const struct thaw_loader *l, struct slot *slot, struct thaw_error *err)
{
    size_t values;
    if (!thaw_mul(l->values, l->o.batch, &values))
        return thaw_fail(err, THAW_EMEMORY, "a batch of %zu images is too large", l->o.batch);
    if ((!slot->x && !(slot->x = thaw_new_aligned(values, sizeof *slot->x, err))) ||
        (!slot->labels && !(slot->labels = thaw_new(l->o.batch, sizeof *slot->labels, err))) ||
        (!slot->ids && !(slot->ids = thaw_new(l->o.batch, sizeof *slot->ids, err))))
        return -1;
    clear_slot(slot);
    return 0;
}

static int create_workers(struct thaw_loader *l, struct thaw_error *err)
{
    const struct thaw_preprocess *p = l->o.preprocess;
    sigset_t all, before;
    int rc = 0;
    l->n_workers = l->o.threads < 1 ? 1 : (size_t)l->o.threads;
    if (!(l->workers = thaw_new(l->n_workers, sizeof *l->workers, err)))
        return -1;
    /* Signals are for the thread that computes. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; rc == 0 && i < l->n_workers; i++) {
        struct worker *w = &l->workers[i];
        w->loader = l;
        if (thaw_image_init(&w->image, p->width, p->height, p->channels, err) ||
            (l->o.augment && thaw_image_init(&w->scratch, p->width, p->height, p->channels, err)))
            rc = -1;
        else if (pthread_create(&w->thread, NULL, run, w))
            rc = thaw_fail(err, THAW_ESYSTEM, "no thread for decoding; try fewer threads than %zu",
                           l->n_workers);
        else
            w->runs = true;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

struct thaw_loader *thaw_loader_create(const struct thaw_loader_options *options,
                                       struct thaw_error *err)
{
    const struct thaw_preprocess *p = options->preprocess;
    struct thaw_loader *l = thaw_new(1, sizeof *l, err);
    if (!l)
        return NULL;
    l->o = *options;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    if (l->o.batch < 1) {
        thaw_fail(err, THAW_EUSAGE, "a batch of 0 images; at least 1 is wanted");
        goto fail;
    }
    if (!thaw_count((long[]){p->height, p->width, p->channels}, 3, &l->values)) {
        thaw_fail(err, THAW_EUSAGE, "pictures of %d x %d are too large", p->width, p->height);
        goto fail;
    }
    if (create_slots(l, err) || create_workers(l, err))
        goto fail;
    return l;
fail:
    thaw_loader_free(l);
    return NULL;
}

void thaw_loader_free(struct thaw_loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->quit = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; l->workers && i < l->n_workers; i++) {
        if (l->workers[i].runs)
            pthread_join(l->workers[i].thread, NULL);
        thaw_image_release(&l->workers[i].image);
        thaw_image_release(&l->workers[i].scratch);
    }
    for (size_t i = 0; l->slots && i < l->n_slots; i++) {
        free(l->slots[i].x);
        free(l->slots[i].labels);
        free(l->slots[i].ids);
    }
    free(l->workers);
    free(l->slots);
    free(l->order);
    free(l->turns);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->ready);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

int thaw_loader_start(struct thaw_loader *l, const size_t *order, size_t n, uint32_t epoch,
                      struct thaw_error *err)
{
    return thaw_loader_start_turns(l, order, NULL, n, epoch, err);
}

/* NULL: there are none from now on. */
static int take_turns(struct thaw_loader *l, const uint32_t *turns, size_t n,
                      struct thaw_error *err)
{
    if (!turns) {
        free(l->turns);
        l->turns = NULL;
        l->turns_room = 0;
        return 0;
    }
    if (thaw_grow(&l->turns, &l->turns_room, n, sizeof *l->turns, err))
        return -1;
    if (n)
        memcpy(l->turns, turns, n * sizeof *turns);
    return 0;
}

int thaw_loader_start_turns(struct thaw_loader *l, const size_t *order, const uint32_t *turns,
                            size_t n, uint32_t epoch, struct thaw_error *err)
{
    int rc = -1;
    for (size_t i = 0; i < n; i++)
        if (order[i] >= l->o.data->n)
            return thaw_fail(err, THAW_EUSAGE, "image %zu asked for; the data set has %zu",
                             order[i], l->o.data->n);
    pthread_mutex_lock(&l->lock);
    l->ticket = l->n; /* nobody takes another image of the epoch before */
    while (l->busy)
        pthread_cond_wait(&l->ready, &l->lock);
    l->n = l->ticket = l->batches = l->handed = 0;
    /* An epoch of few batches needs no more slots than these. */
    for (size_t i = 0; i < l->n_slots && i * l->o.batch < n; i++)
        if (open_slot(l, &l->slots[i], err))
            goto done;
    if (thaw_grow(&l->order, &l->order_room, n, sizeof *l->order, err) ||
        take_turns(l, turns, n, err))
        goto done;
    if (n)
        memcpy(l->order, order, n * sizeof *order);
    l->epoch = epoch;
    l->n = n;
    pthread_cond_broadcast(&l->work);
    rc = 0;
done:
    pthread_mutex_unlock(&l->lock);
    return rc;
}

int thaw_loader_next(struct thaw_loader *l, struct thaw_batch *batch, struct thaw_error *err)
{
    int rc = 0;
    *batch = (struct thaw_batch){0};
    pthread_mutex_lock(&l->lock);
    if (l->batches < l->handed) { /* the batch of the last call comes back */
        clear_slot(&l->slots[l->batches % l->n_slots]);
        l->batches = l->handed;
        pthread_cond_broadcast(&l->work);
    }
    if (l->handed * l->o.batch < l->n) {
        struct slot *slot = &l->slots[l->handed % l->n_slots];
        size_t n = batch_size(l, l->handed);
        double began = thaw_clock();
        while (slot->done < n)
            pthread_cond_wait(&l->ready, &l->lock);
        l->times.waited += thaw_clock() - began;
        l->handed++;
        if (slot->failed == SIZE_MAX) {
            *batch = (struct thaw_batch){n, slot->x, slot->labels, slot->ids};
            rc = 1;
        } else {
            if (err)
                *err = slot->why;
            rc = -1;
        }
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

void thaw_loader_times(struct thaw_loader *l, struct thaw_loader_times *times)
{
    pthread_mutex_lock(&l->lock);
    times->decode += l->times.decode;
    times->augment += l->times.augment;
    times->waited += l->times.waited;
    pthread_mutex_unlock(&l->lock);
}
