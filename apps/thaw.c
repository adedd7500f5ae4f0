/* The `thaw` command: finds the subcommand, reads its options, runs it, reports its error. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/command.h"
#include "apps/suggest.h"
#include "apps/versions.h"
#include "io/base/mem.h"
#include "io/base/par.h"

enum { BRIEF_MEMORY = 64 << 20 };
enum { DONE = 0, FAILED = 1, USAGE = 2 };

/* The i-th command of the list. */
static const struct thaw_command *ordered(int i)
{
    for (const struct thaw_command *const *c = thaw_commands; *c; c++) {
        int before = 0;
        for (const struct thaw_command *const *d = thaw_commands; *d; d++)
            before += (*d)->order < (*c)->order || ((*d)->order == (*c)->order && d < c);
        if (before == i)
            return *c;
    }
    return NULL;
}

static void print_commands(FILE *to)
{
    const struct thaw_command *c;
    fprintf(to, "usage: thaw COMMAND [OPTION...]\n\n"
                "Fine-tunes image classifiers on folders of scans, one folder a class.\n\n");
    for (int i = 0; (c = ordered(i)); i++)
        fprintf(to, "  %-10s %s\n", c->name, c->summary);
    fprintf(to, "\n'thaw COMMAND --help' tells more; 'thaw --version' names the libraries.\n");
}

static void print_help(const struct thaw_command *c)
{
    printf("usage: thaw %s %s\n\n%s\n", c->name, c->usage, c->help);
    printf("\nOptions:\n");
    thaw_options_print(c->options);
    if (c->more)
        thaw_options_print(c->more);
    printf("  -h, --help              this text\n");
}

static const struct thaw_command *find(const char *name)
{
    struct thaw_suggest near = {.word = name};
    for (const struct thaw_command *const *c = thaw_commands; *c; c++) {
        if (strcmp((*c)->name, name) == 0)
            return *c;
        thaw_suggest_try(&near, (*c)->name);
    }
    fprintf(stderr, "thaw: unknown command '%s'", name);
    if (near.best)
        fprintf(stderr, "; did you mean '%s'?", near.best);
    fprintf(stderr, "\n'thaw --help' lists the commands\n");
    return NULL;
}

static int report(const struct thaw_command *c, const struct thaw_error *err)
{
    fflush(stdout);
    fprintf(stderr, "thaw %s: %s\n", c->name, err->text);
    if (err->code != THAW_EUSAGE)
        return FAILED;
    fprintf(stderr, "usage: thaw %s %s\n", c->name, c->usage);
    return USAGE;
}

/* Results that nobody got are a failure, told only when it is not the reader who went away. */
static int finish_output(int rc)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (fflush(stdout) == 0 && !ferror(stdout))
        return rc;
    if (poll(&out, 1, 0) <= 0 || !(out.revents & POLLERR))
        fprintf(stderr, "thaw: standard output could not be written to the end\n");
    return rc ? rc : FAILED;
}

/* argv: of the whole program. */
static int run(const struct thaw_command *c, int argc, char **argv)
{
    struct thaw_error err = {0};
    bool help = false;
    int n_args = 0, rc = 0;
    void *values = thaw_new(1, c->values_size, &err);
    char **args = thaw_new((size_t)argc, sizeof *args, &err);
    if (!values || !args ||
        thaw_options_read(c->options, c->more, values, argc - 1, argv + 1, args, &n_args, &help,
                          &err))
        rc = report(c, &err);
    else if (help)
        print_help(c);
    else {
        if (c->brief && c->brief(values, args, n_args))
            thaw_reserve(BRIEF_MEMORY);
        else
            thaw_par_restart(argv);
        if (c->run(values, args, n_args, &err))
            rc = report(c, &err);
    }
    free(args);
    free(values);
    return rc;
}

int main(int argc, char **argv)
{
    int rc;
    /* Hours of training must not end because a reader of the output went away. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_commands(stderr);
        return USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        thaw_versions_print();
        return finish_output(DONE);
    }
    bool asks = strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
    if (asks && argc < 3) {
        print_commands(stdout);
        return finish_output(DONE);
    }
    const struct thaw_command *c = find(asks ? argv[2] : word);
    if (!c)
        return USAGE;
    if (asks) {
        print_help(c);
        rc = DONE;
    } else
        rc = run(c, argc, argv);
    return finish_output(rc);
}
