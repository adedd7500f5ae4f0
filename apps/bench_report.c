#include "apps/bench_report.h"

#include <stdio.h>
#include <string.h>

#include "apps/versions.h"
#include "io/base/par.h"
#include "nn/dnnl/prim.h"

void thaw_bench_report_release(struct thaw_bench_report *report)
{
    for (int i = 0; i < report->n_passes; i++)
        thaw_bench_figures_release(&report->passes[i].figures);
    report->n_passes = 0;
}

static const char *name_of(const struct thaw_bench_pass *p)
{
    return p->training ? "train" : "forward";
}

static double other(const struct thaw_bench_figures *f)
{
    return 1 - f->in_primitives - f->in_kernels;
}

/* "model name" of the first processor, as the system calls it; "" where it does not. */
static void processor(char *text, size_t size)
{
    char line[512];
    FILE *f = fopen("/proc/cpuinfo", "re");
    *text = 0;
    while (f && !*text && fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (colon && strncmp(line, "model name", 10) == 0)
            snprintf(text, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    }
    if (f)
        fclose(f);
}

/* --- text --- */

enum { SLOW_SHOWN = 16 };

static void print_head(const struct thaw_bench_report *r)
{
    const struct thaw_graph *graph = r->model->graph;
    struct thaw_shape in = graph->nodes[0].shape, out = graph->nodes[graph->output].shape;
    char cpu[128];
    processor(cpu, sizeof cpu);
    printf("%s: %d x %d x %d to %zu outputs; batch %d, median of %d\n", r->model->path, in.h, in.w,
           in.c, thaw_shape_count(out), r->batch, r->repeats);
    printf("%s%s%d thread%s, oneDNN %s (%s)\n\n", cpu, *cpu ? ", " : "", thaw_par_threads(),
           thaw_par_threads() == 1 ? "" : "s", thaw_dnnl_version(), thaw_dnnl_isa());
}

static void print_passes(const struct thaw_bench_report *r)
{
    double batch = r->batch;
    printf("%-8s %-9s %9s %19s %8s %9s %11s %8s %6s\n", "pass", "precision", "images/s",
           "slowest - fastest", "at once", "bare", "primitives", "kernels", "other");
    for (int i = 0; i < r->n_passes; i++) {
        const struct thaw_bench_pass *p = &r->passes[i];
        const struct thaw_bench_figures *f = &p->figures;
        printf("%-8s %-9s %9.1f %8.1f - %8.1f %8d %9.1f %9.1f %% %6.1f %% %4.1f %%\n", name_of(p),
               thaw_precision_name(p->precision), batch / f->seconds, batch / f->slowest,
               batch / f->fastest, f->micro_batch, batch / p->bare, 100 * f->in_primitives,
               100 * f->in_kernels, 100 * other(f));
    }
    for (int i = 0; i < THAW_PRECISIONS; i++)
        if (r->lacks[i])
            printf("%s is left out: this machine lacks %s\n",
                   thaw_precision_name((enum thaw_precision)i), r->lacks[i]);
    for (int i = 0; i < THAW_PRECISIONS; i++)
        if (r->instead[i])
            printf("%s: %s\n", thaw_precision_name((enum thaw_precision)i), r->instead[i]);
    printf("\n"
           "at once     images that go through the network together (the micro-batch)\n"
           "bare        images/s if nothing but the convolutions and dense layers ran, each by\n"
           "            itself, all images of the batch at once\n"
           "primitives  share of the time inside oneDNN; kernels: in Thaw's own loops; other:\n"
           "            changing layouts, loss, optimiser, waiting\n");
}

static void print_slow(const struct thaw_bench_report *r)
{
    size_t shown = 0, all = 0;
    for (int i = 0; i < r->n_passes; i++)
        all += r->passes[i].figures.n_slow;
    printf("\nslow primitives (general or reference code of oneDNN)%s\n", all ? ":" : ": none");
    for (int i = 0; i < r->n_passes; i++) {
        const struct thaw_bench_pass *p = &r->passes[i];
        for (size_t k = 0; k < p->figures.n_slow && shown < SLOW_SHOWN; k++, shown++) {
            const struct thaw_bench_slow *s = &p->figures.slow[k];
            printf("  %-7s %-4s  %-32s %-16s  %-16s %8.2f ms a batch, %4.1f %%\n", name_of(p),
                   thaw_precision_name(p->precision), s->layer, s->direction, s->implementation,
                   1e3 * s->seconds, 100 * s->seconds / p->figures.seconds);
        }
    }
    if (shown < all)
        printf("  and %zu more, which --json lists\n", all - shown);
}

void thaw_bench_report_text(const struct thaw_bench_report *r)
{
    const struct thaw_bench_decoding *d = &r->decoding;
    print_head(r);
    print_passes(r);
    print_slow(r);
    if (d->images)
        printf("\ndecoding: %.1f images/s (%.1f to %.1f) from file to input, %zu images of %s\n",
               (double)d->images / d->seconds, (double)d->images / d->slowest,
               (double)d->images / d->fastest, d->images, d->from);
    else
        printf("\ndecoding: not measured, %s\n", d->from);
    printf("peak memory: %.1f MB\n", 1e-6 * (double)r->peak_memory);
}

/* --- JSON --- */

static json_t *pass_json(const struct thaw_bench_report *r, const struct thaw_bench_pass *p)
{
    const struct thaw_bench_figures *f = &p->figures;
    double batch = r->batch;
    return json_pack(
        "{sf s[ff] sf ss si sf sf sf}", "images_per_s", batch / f->seconds, "images_per_s_range",
        batch / f->slowest, batch / f->fastest, "bare_images_per_s", batch / p->bare, "computed_in",
        thaw_precision_name(thaw_precision_for(p->precision)), "micro_batch", f->micro_batch,
        "in_primitives", f->in_primitives, "in_kernels", f->in_kernels, "other", other(f));
}

static json_t *passes_json(const struct thaw_bench_report *r, bool training)
{
    json_t *passes = json_object();
    for (int i = 0; i < r->n_passes; i++)
        if (r->passes[i].training == training)
            json_object_set_new(passes, thaw_precision_name(r->passes[i].precision),
                                pass_json(r, &r->passes[i]));
    return passes;
}

static json_t *slow_json(const struct thaw_bench_report *r)
{
    json_t *list = json_array();
    for (int i = 0; i < r->n_passes; i++) {
        const struct thaw_bench_pass *p = &r->passes[i];
        for (size_t k = 0; k < p->figures.n_slow; k++) {
            const struct thaw_bench_slow *s = &p->figures.slow[k];
            json_array_append_new(list,
                                  json_pack("{ss ss ss ss ss sf}", "pass", name_of(p), "precision",
                                            thaw_precision_name(p->precision), "layer", s->layer,
                                            "direction", s->direction, "implementation",
                                            s->implementation, "seconds", s->seconds));
        }
    }
    return list;
}

static json_t *lacks_json(const struct thaw_bench_report *r)
{
    json_t *lacks = json_object();
    for (int i = 0; i < THAW_PRECISIONS; i++)
        if (r->lacks[i])
            json_object_set_new(lacks, thaw_precision_name((enum thaw_precision)i),
                                json_string(r->lacks[i]));
    return lacks;
}

static json_t *decoding_json(const struct thaw_bench_decoding *d)
{
    if (!d->images)
        return json_pack("{sn ss}", "images_per_s", "reason", d->from);
    double n = (double)d->images;
    return json_pack("{sf s[ff] sI ss}", "images_per_s", n / d->seconds, "images_per_s_range",
                     n / d->slowest, n / d->fastest, "images", (json_int_t)d->images, "from",
                     d->from);
}

json_t *thaw_bench_report_json(const struct thaw_bench_report *r)
{
    const struct thaw_graph *graph = r->model->graph;
    struct thaw_shape in = graph->nodes[0].shape, out = graph->nodes[graph->output].shape;
    const struct thaw_bench_decoding *d = &r->decoding;
    char cpu[128];
    processor(cpu, sizeof cpu);
    return json_pack("{ss ss s[iii] sI si si so s{ss si} so so so so so so sI}", "model",
                     r->model->path, "sha256", r->model->hash, "input", in.h, in.w, in.c, "outputs",
                     (json_int_t)thaw_shape_count(out), "batch", r->batch, "repeats", r->repeats,
                     "versions", thaw_versions(), "machine", "processor", cpu, "threads",
                     thaw_par_threads(), "forward", passes_json(r, false), "train",
                     passes_json(r, true), "unavailable", lacks_json(r), "slow_primitives",
                     slow_json(r), "decode_images_per_s",
                     d->images ? json_real((double)d->images / d->seconds) : json_null(), "decode",
                     decoding_json(d), "peak_memory_bytes", (json_int_t)r->peak_memory);
}
