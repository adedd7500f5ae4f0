/* Features in files: what they are found by again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/features_folder.h"
#include "nn/model_config.h"
#include "nn/train_internal.h"

static int write_node(FILE *to, const struct thaw_node *node, struct thaw_error *err)
{
    char hash[THAW_HASH_TEXT];
    json_t *config = thaw_model_node_config(node, err);
    char *text = config ? thaw_json_text(config, err) : NULL;
    json_decref(config);
    if (!text)
        return -1;
    fprintf(to, "%s %s %s", node->name, node->kind->name, text);
    free(text);
    for (int i = 0; i < node->n_inputs; i++)
        fprintf(to, " %d", node->inputs[i]);
    for (int k = 0; k < node->n_params; k++) {
        thaw_hash_bytes(node->params[k].data, node->params[k].count * sizeof(float), hash);
        fprintf(to, " %s", hash);
    }
    fputc('\n', to);
    return 0;
}

/* Of everything that the features of a picture follow from but the picture: layers and weights up
 * to the cut, and the form of the numbers. */
static char *describe_prefix(const struct thaw_trainer *t, struct thaw_error *err)
{
    char *text = NULL, hash[THAW_HASH_TEXT];
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    int rc = to ? 0 : thaw_fail(err, THAW_EMEMORY, "out of memory for the key of a cache");
    if (to)
        fprintf(to, "features of %s: %zu %s, computed in %s\n", t->graph->nodes[t->cut].name,
                t->feature_floats, t->options.bf16 ? "bf16" : "f32",
                thaw_precision_name(t->settled.precision));
    for (size_t i = 0; to && i < t->ranges.n; i++) {
        const struct thaw_range *r = &t->ranges.list[i];
        thaw_hash_bytes(r->mean, (size_t)r->channels * sizeof *r->mean, hash);
        fprintf(to, "%d %d %.9g %.9g %s\n", r->node, r->part, (double)r->low, (double)r->high,
                hash);
    }
    for (size_t i = 0; to && i < t->ranges.n_higher; i++)
        fprintf(to, "%d higher\n", t->ranges.higher[i]);
    for (int i = 0; rc == 0 && i <= t->cut; i++)
        rc = write_node(to, &t->graph->nodes[i], err);
    if (to && fclose(to) && rc == 0)
        rc = thaw_fail(err, THAW_EMEMORY, "out of memory for the key of a cache");
    if (rc) {
        free(text);
        return NULL;
    }
    return text;
}

static char *describe_file(struct thaw_trainer *t, const struct thaw_source_identity *identity,
                           struct thaw_error *err)
{
    if (!t->cache.key)
        t->cache.key = describe_prefix(t, err);
    return t->cache.key ? thaw_format(err, "%s%s", t->cache.key, identity->text) : NULL;
}

/* FOLDER/HASH.features: one for each key and place, so that data sets do not drive out each
 * other's. */
static char *choose_path(const struct thaw_trainer *t, const char *key, const char *place,
                         struct thaw_error *err)
{
    enum { DIGITS = 24 };
    char hash[THAW_HASH_TEXT];
    char *both = thaw_format(err, "%s%s", key, place);
    if (!both)
        return NULL;
    thaw_hash_bytes(both, strlen(both), hash);
    free(both);
    return thaw_format(err, "%s/%.*s.features", t->options.cache.folder, DIGITS, hash);
}

struct thaw_features *thaw_trainer_cache_file(struct thaw_trainer *t,
                                              const struct thaw_batch_source *source, bool training,
                                              int view, const struct thaw_features_options *store,
                                              struct thaw_error *err)
{
    const struct thaw_cache_limits *limits = &t->options.cache;
    struct thaw_source_identity identity = {0};
    struct thaw_features *features = NULL;
    char *key = NULL, *path = NULL;
    if (source->identify(source->ctx, training, view, &identity, err) ||
        !(key = describe_file(t, &identity, err)) ||
        !(path = choose_path(t, key, identity.place, err)) ||
        thaw_features_folder_open(limits->folder, err))
        goto done;
    struct thaw_features_options o = *store;
    o.path = path;
    o.key = key;
    o.names = (const char(*)[THAW_HASH_TEXT])identity.names;
    if (thaw_features_folder_room(limits->folder, path, thaw_features_bytes(&o), limits->disk,
                                  limits->keep ? t->begun : 0))
        features = thaw_features_create(&o, err);
done:
    free(key);
    free(path);
    free(identity.place);
    free(identity.text);
    free(identity.names);
    return features;
}
