/* What thaw bench measured, for people and for programs. */
#ifndef THAW_APPS_BENCH_REPORT_H
#define THAW_APPS_BENCH_REPORT_H

#include "apps/bench_decode.h"
#include "io/base/json.h"
#include "nn/bench.h"

/* One way through the network at one precision. */
struct thaw_bench_pass {
    bool training;
    enum thaw_precision precision;
    struct thaw_bench_figures figures;
    double bare; /* seconds of the bare primitives for a batch */
};

struct thaw_bench_report {
    const struct thaw_model_file *model; /* borrowed */
    int batch, repeats;
    struct thaw_bench_pass passes[2 * THAW_PRECISIONS]; /* forward first */
    int n_passes;
    const char *lacks[THAW_PRECISIONS];   /* why one that was asked for is left out, or NULL */
    const char *instead[THAW_PRECISIONS]; /* why one is computed in another, or NULL */
    struct thaw_bench_decoding decoding;
    size_t peak_memory;
};
void thaw_bench_report_release(struct thaw_bench_report *report);

void thaw_bench_report_text(const struct thaw_bench_report *report);

/* A new reference, or NULL when out of memory. */
json_t *thaw_bench_report_json(const struct thaw_bench_report *report);

#endif
