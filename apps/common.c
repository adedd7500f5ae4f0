#include "apps/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/base/par.h"

void thaw_common_threads(const struct thaw_common *common)
{
    int all = thaw_par_may_wait() ? thaw_par_available() : 1;
    thaw_par_set_threads(common->threads > 0 ? (int)common->threads : all);
}

bool thaw_common_brief(const void *values, char *const *args, int n_args)
{
    (void)values;
    (void)args;
    (void)n_args;
    return true;
}

size_t thaw_common_peak_memory(void)
{
    char line[256];
    size_t kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %zu kB", &kilobytes) == 1)
            break;
    if (status)
        fclose(status);
    return kilobytes * 1024;
}

const char *thaw_common_instead(enum thaw_precision asked)
{
    return thaw_precision_for(asked) == asked
               ? NULL
               : "this processor multiplies bf16 more slowly than float32, so float32 is used";
}

static int choose_precision(struct thaw_model_file *m, const char *name, struct thaw_error *err)
{
    int precision = name ? thaw_precision_find(name, err) : THAW_F32;
    if (precision < 0)
        return thaw_error_prefix(err, "--precision");
    enum thaw_precision asked = (enum thaw_precision)precision;
    const char *lacks = thaw_precision_lacks(asked);
    if (lacks)
        return thaw_fail(err, THAW_EUSAGE, "--precision %s: this processor lacks %s", name, lacks);
    m->precision = thaw_precision_for(asked);
    const char *instead = thaw_common_instead(asked);
    if (instead)
        fprintf(stderr, "note: --precision %s: %s\n", name, instead);
    if (m->precision == THAW_INT8 && !m->ranges.n)
        return thaw_fail(err, THAW_EUSAGE,
                         "--precision int8: %s holds no calibration; models of 'thaw train' do",
                         m->path);
    return 0;
}

int thaw_common_open(struct thaw_model_file *m, const char *name, const struct thaw_common *common,
                     unsigned how, struct thaw_error *err)
{
    struct thaw_model_request request = {.name = name,
                                         .models_dir = common->models,
                                         .arch = common->arch,
                                         .preprocess = common->preprocess,
                                         .size = common->size,
                                         .need_preprocess = how & THAW_OPEN_PICTURES,
                                         .lean = how & THAW_OPEN_LEAN};
    if (thaw_model_file_open(m, &request, err))
        return -1;
    if (choose_precision(m, common->precision, err) == 0)
        return 0;
    thaw_model_file_release(m);
    return -1;
}

int thaw_common_distinct(const char *input, const char *output, struct thaw_error *err)
{
    struct stat a, b;
    if (stat(input, &a) || stat(output, &b) || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return 0;
    return thaw_fail(err, THAW_EUSAGE, "-o %s is the file that is read; give another name", output);
}

json_t *thaw_common_provenance(struct thaw_model_file *m, const char *kind, struct thaw_error *err)
{
    const char *slash = strrchr(m->path, '/');
    if (m->record)
        return json_incref(m->record);
    if (thaw_model_file_hash(m, err))
        return NULL;
    json_t *extra = json_pack("{s:{s:s, s:s?, s:s, s:s?}}", "provenance", "source",
                              slash ? slash + 1 : m->path, "sha256", *m->hash ? m->hash : NULL,
                              "kind", kind, "family", m->arch ? m->arch->name : NULL);
    if (!extra)
        thaw_fail(err, THAW_EMEMORY, "out of memory while writing the thaw record");
    return extra;
}

int thaw_common_print_json(json_t *value, struct thaw_error *err)
{
    char *text = value ? thaw_json_text(value, err) : NULL;
    if (!value)
        thaw_fail(err, THAW_EMEMORY, "out of memory while writing JSON");
    json_decref(value);
    if (!text)
        return -1;
    printf("%s\n", text);
    free(text);
    return 0;
}
