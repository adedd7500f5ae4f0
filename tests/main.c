/* thaw-tests [SUITE...]: runs all suites, or those named. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "io/base/par.h"
#include "tests/check.h"
#include "tests/run.h"

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(name, argv[i]) == 0)
            return true;
    return argc < 2;
}

static bool known(const char *name)
{
    for (const struct thaw_suite_entry *s = thaw_suites; s->name; s++)
        if (strcmp(name, s->name) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    thaw_par_restart(argv);
    for (int i = 1; i < argc; i++)
        if (!known(argv[i])) {
            fprintf(stderr, "no suite %s; the suites are:", argv[i]);
            for (const struct thaw_suite_entry *s = thaw_suites; s->name; s++)
                fprintf(stderr, " %s", s->name);
            fprintf(stderr, "\n");
            return 2;
        }
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 1;
    for (const struct thaw_suite_entry *s = thaw_suites; s->name; s++)
        if (wanted(s->name, argc, argv))
            s->add();
    CU_basic_set_mode(CU_BRM_VERBOSE);
    /* A crash must not swallow the lines that say where: stdout may be a pipe. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    CU_ErrorCode rc = CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures(), run = CU_get_number_of_tests_run();
    CU_cleanup_registry();
    size_t skips = thaw_skips_print();
    printf("%u tests run, %u failed assertions, %zu skipped\n", run, failures, skips);
    thaw_check_release();
    return rc == CUE_SUCCESS && failures == 0 && run > 0 ? 0 : 1;
}
