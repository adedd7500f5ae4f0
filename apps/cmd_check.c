/* thaw check: what is wrong with a folder of scans, before a network learns it. */
#include "apps/check.h"
#include "apps/command.h"
#include "apps/common.h"
#include "apps/interrupt.h"

struct values {
    struct thaw_common common;
    const char *group_by, *csv, *sheet;
    const char *no_finding;
    double alike;
    long frame;
    bool multi_label;
};

static const struct thaw_option options[] = {
    THAW_OPTIONS_TABLE(struct values),
    {"--multi-label", 0, THAW_OPTION_FLAG, offsetof(struct values, multi_label), NULL, NULL, 0, 0,
     "an image can have several labels, or none: see thaw train --help"},
    {"--no-finding", 0, THAW_OPTION_TEXT, offsetof(struct values, no_finding), "NAME", NULL, 0, 0,
     "with --multi-label: the class that means that no label holds"},
    {"--group-by", 0, THAW_OPTION_TEXT, offsetof(struct values, group_by), "REGEX", NULL, 0, 0,
     "images whose file names give the same text (its first parenthesis) are of one patient; "
     "dicom: "
     "those of one PatientID; none: every image by itself (default: a table's group column, else "
     "PatientID where all files are DICOM, else names that look like PATIENT_NUMBER)"},
    {"--alike", 0, THAW_OPTION_NUMBER, offsetof(struct values, alike), "R", "0.95", 0.8, 1,
     "correlation from which two pictures count as copies; lower finds more distant slices of one "
     "scan, and then pictures of different people"},
    {"--frame", 0, THAW_OPTION_INT, offsetof(struct values, frame), "N", NULL, 1, 1000000,
     "which picture of a file with several frames, pages or slices, from 1 (default: the middle "
     "one)"},
    {"--sheet", 0, THAW_OPTION_TEXT, offsetof(struct values, sheet), "FILE.png", NULL, 0, 0,
     "draw the pairs side by side, the gravest first"},
    {"--csv", 0, THAW_OPTION_TEXT, offsetof(struct values, csv), "FILE", NULL, 0, 0,
     "write a table of the pairs"},
    THAW_OPTION_JSON(struct values),
    THAW_OPTION_THREADS(struct values),
    {0}};

static int report(const struct values *v, const struct thaw_check *c, struct thaw_error *err)
{
    if (v->csv && thaw_check_csv(v->csv, c, err))
        return -1;
    if (v->sheet && c->n_pairs && thaw_check_sheet(v->sheet, c, err))
        return -1;
    if (v->sheet && !c->n_pairs)
        fprintf(stderr, "%s is not drawn: no pair was found\n", v->sheet);
    if (v->common.json) {
        if (thaw_common_print_json(thaw_check_json(c), err))
            return -1;
    } else {
        thaw_check_text(stdout, c);
        fflush(stdout);
    }
    if (!c->severe)
        return 0;
    return thaw_fail(err, THAW_EINPUT,
                     "%s: severe findings (unreadable %zu, copies across parts %zu, patients "
                     "across parts %zu, copies %s %zu)",
                     c->root, c->unreadable, c->leaks[1] + c->leaks[2],
                     c->patients[1] + c->patients[2],
                     c->by_label ? "with different labels" : "in two classes", c->conflicts);
}

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    struct values *v = values;
    struct thaw_check check;
    struct thaw_check_options how = {.group_by = v->group_by,
                                     .columns = v->common.columns,
                                     .roots = v->common.roots,
                                     .multi_label = v->multi_label,
                                     .no_finding = v->no_finding,
                                     .alike = (float)v->alike,
                                     .frame = (int)v->frame};
    if (n_args != 1)
        return thaw_fail(err, THAW_EUSAGE,
                         "one folder of scans is needed, or a table of them (CSV)");
    if (v->no_finding && !v->multi_label)
        return thaw_fail(err, THAW_EUSAGE, "--no-finding %s: goes with --multi-label",
                         v->no_finding);
    thaw_common_threads(&v->common);
    thaw_interrupt_watch();
    int rc = thaw_check_find(&check, args[0], &how, err);
    if (rc == 0)
        rc = report(v, &check, err);
    thaw_check_release(&check);
    return rc;
}

const struct thaw_command thaw_command_check = {
    .name = "check",
    .usage = "DATA [--sheet FILE.png] [--csv FILE] [--json]",
    .summary = "copies, leaks, wrong labels and giveaways in a folder of scans",
    .help =
        "Looks at every image of DATA, a folder with one subfolder a class (or with train/, val/\n"
        "and test/ of that form) or a CSV file with a row for each, and reports files that cannot\n"
        "be read, pictures that are there twice (equal pixels, or copies that were resized,\n"
        "recompressed, brightened, mirrored or cropped a little), copies and patients that stand\n"
        "in two parts, copies in two classes, how classes, sizes and depths are spread, and how\n"
        "well size, kind of file, depth, colour, compression, border or burned-in text tells the\n"
        "class by itself. With --multi-label the same of labels: how each is spread, copies whose\n"
        "labels differ, and what gives each of them away.\n\n"
        "Exit code 0: nothing severe. 1: files that cannot be read, copies or patients in two\n"
        "parts, copies in two classes or with different labels - or the check itself failed. 2: "
        "wrong usage.\n"
        "DATA is only read.\n\n"
        "  thaw check scans\n"
        "  thaw check scans --sheet pairs.png --csv pairs.csv\n"
        "  thaw check films.csv --multi-label\n"
        "  thaw check scans --json | jq .severe",
    .options = options,
    .order = 5,
    .run = run,
    .values_size = sizeof(struct values)};
