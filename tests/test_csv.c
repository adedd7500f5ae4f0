/* Tables: what is read is what was written; every dialect; what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/text.h"
#include "io/base/rng.h"
#include "io/csv.h"
#include "tests/check.h"

/* All records as "a|b" with '/' after each; NULL with err set where reading fails. */
static const char *read_all(const char *text, size_t size, struct thaw_error *err)
{
    static char all[4000];
    struct thaw_csv csv;
    int rc;
    size_t used = 0;
    *err = (struct thaw_error){0};
    all[0] = 0;
    if (thaw_csv_open(&csv, text, size, "t.csv", err))
        return NULL;
    while ((rc = thaw_csv_next(&csv, err)) > 0)
        for (size_t i = 0; i < csv.n_fields; i++)
            used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", csv.fields[i],
                                     i + 1 < csv.n_fields ? "|" : "/");
    thaw_csv_release(&csv);
    return rc ? NULL : all;
}

static void test_dialects(void)
{
    static const struct {
        const char *text, *read;
    } cases[] = {{"a,b\n1,2\n", "a|b/1|2/"},
                 {"a,b\r\n1,2", "a|b/1|2/"},
                 {"a,b\r1,2\r", "a|b/1|2/"},
                 {"\xef\xbb\xbf"
                  "a,b\n",
                  "a|b/"},
                 {"a;b,c\n1;2,3\n", "a|b,c/1|2,3/"},
                 {"a\tb\n1\t\"2\t3\"\n", "a|b/1|2\t3/"},
                 {"\"a,x\";b\n", "a,x|b/"},
                 {"\"a\"\"b\",\"c\nd\"\r\n\"\",x", "a\"b|c\nd/|x/"},
                 {"a,b\n\n\r\n1,2\n\n", "a|b/1|2/"},
                 {"a,\n,\n", "a|/|/"},
                 {"a b\"c , d\n", "a b\"c | d/"},
                 {"\"\"\n", "/"},
                 {"", ""},
                 {"\n\n", ""},
                 {"a,b,", "a|b|/"}};
    struct thaw_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = read_all(cases[i].text, strlen(cases[i].text), &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(got);
        CU_ASSERT_STRING_EQUAL(got, cases[i].read);
    }
}

static void test_lines(void)
{
    static const char text[] = "a,b\r\n\r\n\"x\ny\",2\n3,4\n";
    static const size_t lines[] = {1, 3, 5};
    struct thaw_csv csv;
    struct thaw_error err = {0};
    CU_ASSERT_EQUAL_FATAL(thaw_csv_open(&csv, text, sizeof text - 1, "t.csv", &err), 0);
    char *first = NULL;
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL_FATAL(thaw_csv_next(&csv, &err), 1);
        CU_ASSERT_EQUAL(csv.line, lines[i]);
        if (i == 0)
            first = csv.fields[0];
    }
    CU_ASSERT_STRING_EQUAL(first, "a"); /* fields stay */
    CU_ASSERT_EQUAL(thaw_csv_next(&csv, &err), 0);
    CU_ASSERT_EQUAL(thaw_csv_next(&csv, &err), 0);
    thaw_csv_release(&csv);
}

static void test_refusals(void)
{
    static const struct {
        const char *text;
        size_t size;
        const char *says;
    } cases[] = {{"a,b\n1,\"2\n3\n", 11, "t.csv:2: the quote that begins a field is not closed"},
                 {"a\n\"1\"x\n", 7, "t.csv:2: 'x' follows a closing quote"},
                 {"a,b\n1,\0\n", 8, "t.csv:2: holds a zero byte"},
                 {"\xff\xfe"
                  "a\0",
                  4, "UTF-16"}};
    struct thaw_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CU_ASSERT_PTR_NULL(read_all(cases[i].text, cases[i].size, &err));
        CU_ASSERT(thaw_says(&err, cases[i].says, NULL));
    }
}

enum { ROWS = 6, FIELDS = 4, LONGEST = 9 };

static void draw_field(struct thaw_rng *rng, char *text)
{
    static const char letters[] = "a,;\t\"\r\n \xc3";
    size_t n = thaw_rng_below(rng, LONGEST);
    for (size_t i = 0; i < n; i++)
        text[i] = letters[thaw_rng_below(rng, sizeof letters - 1)];
    text[n] = 0;
}

/* Whatever stands in the fields, reading gives back what was written. */
static void test_round_trip(void)
{
    for (uint32_t which = 0; which < 400; which++) {
        char fields[ROWS][FIELDS][LONGEST], *text = NULL;
        size_t size = 0;
        struct thaw_rng rng = thaw_rng_at(3, which, 0, 1000);
        const char *end = which % 2 ? "\r\n" : "\n";
        FILE *to = open_memstream(&text, &size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(to);
        fprintf(to, "w,x,y,z%s", end); /* tells the separator */
        for (int r = 0; r < ROWS; r++)
            for (int k = 0; k < FIELDS; k++) {
                draw_field(&rng, fields[r][k]);
                thaw_csv_field(to, fields[r][k]);
                fputs(k + 1 < FIELDS ? "," : r + 1 < ROWS ? end : "", to);
            }
        fclose(to);
        struct thaw_csv csv;
        struct thaw_error err = {0};
        CU_ASSERT_EQUAL_FATAL(thaw_told(thaw_csv_open(&csv, text, size, "t.csv", &err), &err), 0);
        CU_ASSERT_EQUAL_FATAL(thaw_csv_next(&csv, &err), 1);
        for (int r = 0; r < ROWS; r++) {
            CU_ASSERT_EQUAL_FATAL(thaw_csv_next(&csv, &err), 1);
            CU_ASSERT_EQUAL_FATAL(csv.n_fields, FIELDS);
            for (int k = 0; k < FIELDS; k++)
                CU_ASSERT_STRING_EQUAL(csv.fields[k], fields[r][k]);
        }
        CU_ASSERT_EQUAL(thaw_csv_next(&csv, &err), 0);
        thaw_csv_release(&csv);
        free(text);
    }
}

void thaw_test_csv(void)
{
    CU_pSuite s = thaw_suite("csv");
    CU_add_test(s, "dialects", test_dialects);
    CU_add_test(s, "lines are counted, fields stay", test_lines);
    CU_add_test(s, "what is refused, with its line", test_refusals);
    CU_add_test(s, "whatever is written is read", test_round_trip);
}
