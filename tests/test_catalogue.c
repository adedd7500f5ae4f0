/* The entries that come with the program: are they true of what the program knows? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/catalogue_index.h"
#include "apps/model_file.h"
#include "io/base/file.h"
#include "nn/arch.h"
#include "tests/check.h"

enum { SMALL = 5000000 }; /* parameters of networks that are built here */

static struct thaw_catalogue load(void)
{
    struct thaw_error err = {0};
    struct thaw_catalogue c;
    unsetenv("THAW_MODELS");
    int rc = thaw_catalogue_load(&c, THAW_SOURCE_DIR "/models", &err);
    CU_ASSERT_EQUAL_FATAL(thaw_told(rc, &err), 0);
    return c;
}

static void test_families(void)
{
    struct thaw_catalogue c = load();
    CU_ASSERT(c.n > 40);
    for (size_t i = 0; i < c.n; i++) {
        struct thaw_error err = {0};
        const struct thaw_catalogue_entry *e = &c.entries[i];
        CU_ASSERT_PTR_NOT_NULL(e->preprocess);
        CU_ASSERT(e->top1 > 40 && e->top1 < 92 && e->parameters > 0);
        if (!e->family)
            continue;
        char family[80]; /* without the width behind ':' */
        snprintf(family, sizeof family, "%.*s", (int)strcspn(e->family, ":"), e->family);
        const struct thaw_arch *arch = thaw_arch_find(family, &err);
        CU_ASSERT_EQUAL(thaw_told(arch ? 0 : -1, &err), 0);
        CU_ASSERT(arch && e->height == arch->size && e->width == arch->size);
    }
    thaw_catalogue_release(&c);
}

/* What an entry says of its network is what the network is. */
static void test_networks(void)
{
    struct thaw_catalogue c = load();
    size_t built = 0;
    for (size_t i = 0; i < c.n; i++) {
        const struct thaw_catalogue_entry *e = &c.entries[i];
        struct thaw_error err = {0};
        struct thaw_model_file m;
        char name[80];
        if (!e->family || e->parameters > SMALL)
            continue;
        snprintf(name, sizeof name, "random:%s", e->family);
        struct thaw_model_request request = {
            .name = name, .need_preprocess = true, .classes = e->source.member ? 1000 : 0};
        int rc = thaw_model_file_open(&m, &request, &err);
        CU_ASSERT_EQUAL(thaw_told(rc, &err), 0);
        if (rc)
            continue;
        CU_ASSERT_EQUAL((size_t)e->parameters, thaw_graph_param_count(m.graph, false));
        CU_ASSERT_STRING_EQUAL(e->preprocess, thaw_preprocess_modes[m.preprocess.mode].name);
        built++;
        thaw_model_file_release(&m);
    }
    CU_ASSERT(built >= 10);
    thaw_catalogue_release(&c);
}

/* "": it has none. */
static bool names(const char *url, const char *wanted)
{
    char name[16] = "";
    struct thaw_catalogue_source source = {.url = url};
    bool any = thaw_catalogue_file(&source, name, sizeof name);
    return any == (*wanted != 0) && strcmp(any ? name : "", wanted) == 0;
}

static void test_file_names(void)
{
    CU_ASSERT(names("https://a.b/c/d.h5", "d.h5"));
    CU_ASSERT(names("https://a.b/d.h5?x=/y#z/w", "d.h5"));
    CU_ASSERT(names("https://a.b/c/", ""));
    CU_ASSERT(names("https://a.b/c/..", ""));
    CU_ASSERT(names("https://a.b/?d.h5", ""));
    CU_ASSERT(names("https://a.b/far_too_long_a_name.h5", ""));
}

static bool page_has(const char *page, const char *wanted)
{
    struct thaw_error err = {0};
    char *url = thaw_catalogue_index_find(page, strlen(page), "a-1.whl", &err);
    bool right = url ? strcmp(url, wanted) == 0 : !*wanted && thaw_says(&err, "index", NULL);
    free(url);
    return right;
}

static void test_index(void)
{
    CU_ASSERT(page_has("{\"files\":[{\"filename\":\"b\",\"url\":\"u/b\"},"
                       "{\"filename\":\"a-1.whl\",\"url\":\"u/a\"}]}",
                       "u/a"));
    CU_ASSERT(page_has("{\"files\":[{\"filename\":\"a-1.whl\"}, 3]}", ""));
    CU_ASSERT(page_has("{\"files\":7}", ""));
    CU_ASSERT(page_has("[", ""));
    CU_ASSERT(page_has("", ""));
    CU_ASSERT(page_has(
        "\n<!DOCTYPE html><a href=\"/b-1.whl\">a-1.whl</a> <A HREF='../a-1.whl#sha256=12'>",
        "../a-1.whl#sha256=12"));
    CU_ASSERT(page_has("<a href=\"x/a-1.whl?k=1&amp;t=&lt;2\">", "x/a-1.whl?k=1&t=&lt;2"));
    CU_ASSERT(page_has("<a href=a-1.whl><a href=\"a-1.wh\"><a href=\"", ""));
    CU_ASSERT(page_has("<a href=", ""));
}

/* https://www.rfc-editor.org/rfc/rfc1321, A.5 */
static void test_md5(void)
{
    struct thaw_error err = {0};
    char hash[THAW_HASH_TEXT];
    const char *path = thaw_tmp("md5");
    CU_ASSERT_EQUAL(thaw_file_write(path, "message digest", 14, &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_hash_file_md5(path, hash, &err), &err), 0);
    CU_ASSERT_STRING_EQUAL(hash, "f96b697d7cb7938d525a2f31aaf161d0");
}

void thaw_test_catalogue(void)
{
    CU_pSuite suite = thaw_suite("catalogue");
    CU_add_test(suite, "families and sizes", test_families);
    CU_add_test(suite, "parameters and preprocessing", test_networks);
    CU_add_test(suite, "names of downloads", test_file_names);
    CU_add_test(suite, "pages of package indices", test_index);
    CU_add_test(suite, "MD5", test_md5);
}
