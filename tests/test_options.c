/* The option table, the nearest word, sizes: apps without their main(). */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "apps/options.h"
#include "apps/suggest.h"
#include "tests/check.h"

struct values {
    bool flag;
    const char *text;
    long count;
    double rate;
    size_t bytes;
    uint64_t given;
};

static const struct thaw_option table[] = {
    {.type = THAW_OPTION_GIVEN, .offset = offsetof(struct values, given)},
    {.type = THAW_OPTION_HEADING, .help = "A group"},
    {"--flag", 'f', THAW_OPTION_FLAG, offsetof(struct values, flag), NULL, NULL, 0, 0, "a flag"},
    {"--text", 't', THAW_OPTION_TEXT, offsetof(struct values, text), "TEXT", "preset", 0, 0, "x"},
    {"--count", 'n', THAW_OPTION_INT, offsetof(struct values, count), "N", "3", 1, 10, "x"},
    {"--rate", 0, THAW_OPTION_NUMBER, offsetof(struct values, rate), "R", NULL, 0, 0, "x"},
    {"--bytes", 0, THAW_OPTION_SIZE, offsetof(struct values, bytes), "SIZE", NULL, 0, 0, "x"},
    {0}};

static const struct thaw_option *more; /* of parse() */
static char *words[16];
static int n_words;
static bool help;
static struct thaw_error err;

/* Splits at spaces; no word of these tests holds one. */
static int parse(struct values *v, const char *line)
{
    static char text[200];
    char *argv[16];
    int argc = 0;
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    memset(v, 0, sizeof *v);
    memset(&err, 0, sizeof err);
    return thaw_options_read(table, more, v, argc, argv, words, &n_words, &help, &err);
}

static void test_forms(void)
{
    struct values v;
    CU_ASSERT_EQUAL_FATAL(parse(&v, "cmd"), 0);
    CU_ASSERT_EQUAL(v.count, 3);
    CU_ASSERT_STRING_EQUAL(v.text, "preset");
    CU_ASSERT_FALSE(v.flag);
    CU_ASSERT_EQUAL(v.given, 0);
    CU_ASSERT_EQUAL_FATAL(
        thaw_told(parse(&v, "cmd a --count 7 b -f --text=x=y --rate -1.5 -- -c"), &err), 0);
    CU_ASSERT_EQUAL(v.count, 7);
    CU_ASSERT_TRUE(v.flag);
    CU_ASSERT_STRING_EQUAL(v.text, "x=y");
    CU_ASSERT_EQUAL(v.rate, -1.5);
    CU_ASSERT_EQUAL(v.given, 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5);
    CU_ASSERT_EQUAL_FATAL(n_words, 3);
    CU_ASSERT_STRING_EQUAL(words[0], "a");
    CU_ASSERT_STRING_EQUAL(words[1], "b");
    CU_ASSERT_STRING_EQUAL(words[2], "-c");
    CU_ASSERT_PTR_NULL(words[3]);
    CU_ASSERT_EQUAL_FATAL(parse(&v, "cmd -n5 -t word -"), 0);
    CU_ASSERT_EQUAL(v.count, 5);
    CU_ASSERT_STRING_EQUAL(v.text, "word");
    CU_ASSERT_EQUAL(n_words, 1);
}

static void test_sizes(void)
{
    static const struct {
        const char *line;
        size_t bytes;
    } good[] = {{"cmd --bytes 65536", 65536},        {"cmd --bytes 512M", (size_t)512 << 20},
                {"cmd --bytes 2G", (size_t)2 << 30}, {"cmd --bytes 1.5k", 1536},
                {"cmd --bytes 4KiB", 4096},          {"cmd --bytes 1TB", (size_t)1 << 40}};
    static const char *const bad[] = {"cmd --bytes x", "cmd --bytes -1", "cmd --bytes 5X",
                                      "cmd --bytes 3MM", "cmd --bytes 1e40"};
    struct values v;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CU_ASSERT_EQUAL(thaw_told(parse(&v, good[i].line), &err), 0);
        CU_ASSERT_EQUAL(v.bytes, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT_EQUAL(parse(&v, bad[i]), -1);
        CU_ASSERT(thaw_says(&err, "--bytes", "512M", NULL));
    }
}

static void test_refusals(void)
{
    static const struct {
        const char *line, *says;
    } bad[] = {{"cmd --count", "--count needs a value: N"},
               {"cmd --count 11", "--count 11: needs a whole number, 1 to 10"},
               {"cmd --count 0", "1 to 10"},
               {"cmd --count 3.5", "a whole number"},
               {"cmd --count 99999999999999999999", "a whole number"},
               {"cmd --rate nan", "--rate nan: needs a number"},
               {"cmd --rate 1x", "--rate 1x"},
               {"cmd --flag=yes", "takes no value"},
               {"cmd --cuont 3", "unknown option --cuont; did you mean --count?"},
               {"cmd --byt=3", "did you mean --bytes?"},
               {"cmd -z", "unknown option -z; --help"},
               {"cmd --nothing-like-it", "--help lists"}};
    struct values v;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT_EQUAL(parse(&v, bad[i].line), -1);
        CU_ASSERT_EQUAL(err.code, THAW_EUSAGE);
        CU_ASSERT(thaw_says(&err, bad[i].says, NULL));
    }
}

static void test_help(void)
{
    struct values v;
    CU_ASSERT_EQUAL(parse(&v, "cmd x --help --nonsense"), 0);
    CU_ASSERT_TRUE(help);
    CU_ASSERT_EQUAL(parse(&v, "cmd -h"), 0);
    CU_ASSERT_TRUE(help);
    CU_ASSERT_EQUAL(parse(&v, "cmd -- --help"), 0);
    CU_ASSERT_FALSE(help);
}

/* Two tables as one; what was given is noted in each table's own numbers. */
static void test_two_tables(void)
{
    static const struct thaw_option other[] = {
        {"--other", 'o', THAW_OPTION_TEXT, offsetof(struct values, text), "TEXT", NULL, 0, 0, "x"},
        {0}};
    struct values v;
    more = other;
    CU_ASSERT_EQUAL_FATAL(thaw_told(parse(&v, "cmd --count 7 --other=y -f"), &err), 0);
    CU_ASSERT_EQUAL(v.count, 7);
    CU_ASSERT_STRING_EQUAL(v.text, "y");
    CU_ASSERT_EQUAL(v.given, 1 << 2 | 1 << 4);
    CU_ASSERT_EQUAL(parse(&v, "cmd --othr"), -1);
    CU_ASSERT(thaw_says(&err, "did you mean --other?", NULL));
    more = NULL;
    CU_ASSERT_EQUAL(parse(&v, "cmd --other=y"), -1);
}

static const char *nearest(const char *word)
{
    static const char *const known[] = {"train",  "eval",   "predict", "features",
                                        "export", "import", "inspect", NULL};
    struct thaw_suggest s = {.word = word};
    for (const char *const *k = known; *k; k++)
        thaw_suggest_try(&s, *k);
    return s.best ? s.best : "none";
}

static void test_suggest(void)
{
    CU_ASSERT_STRING_EQUAL(nearest("tarin"), "train");
    CU_ASSERT_STRING_EQUAL(nearest("evla"), "eval");
    CU_ASSERT_STRING_EQUAL(nearest("feat"), "features");
    CU_ASSERT_STRING_EQUAL(nearest("exprot"), "export");
    CU_ASSERT_STRING_EQUAL(nearest("inport"), "import");
    CU_ASSERT_STRING_EQUAL(nearest("benchmark"), "none");
    CU_ASSERT_STRING_EQUAL(nearest("x"), "none");
}

void thaw_test_options(void)
{
    CU_pSuite s = thaw_suite("options");
    CU_add_test(s, "forms of options and words", test_forms);
    CU_add_test(s, "sizes with units", test_sizes);
    CU_add_test(s, "what is refused, and how it is said", test_refusals);
    CU_add_test(s, "help wins over everything before --", test_help);
    CU_add_test(s, "two tables as one", test_two_tables);
    CU_add_test(s, "the nearest known word", test_suggest);
}
