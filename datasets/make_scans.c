/* thaw-scans: writes a folder of synthetic tomograms, one subfolder a class, several images a
 * patient. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/phantom.h"
#include "datasets/write_image.h"
#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"

enum { STREAM_PLAN = 100, STREAM_CODES, MOST_SLICES = 6, LEAST_SLICES = 2, MOST_PATIENTS = 9999 };

static const char usage[] =
    "usage: thaw-scans DIR [--seed N] [--patients N]\n"
    "Writes synthetic tomograms of drawn heads into the new or empty folder DIR: four classes,\n"
    "2 to 6 images a patient named PATIENT_SEQUENCE, PNG with 8 and 16 bits and JPEG, 180 to 420\n"
    "pixels a side. Equal seeds give equal files. Default: seed 1, 80 patients (about 320 "
    "images).\n";

static const char notice[] =
    "These scans are synthetic. A program drew them; they show no person, no organ and no "
    "disease,\n"
    "and a classifier trained on them is of no use on real scans. They are here to try thaw on.\n\n"
    "One folder a class: no_lesion, ring_lesion (a bright wall around a core), solid_mass (bright "
    "all\n"
    "through), infarct (a darker wedge that reaches the surface of the brain). File names are\n"
    "PATIENT_SEQUENCE; the images of one patient show the same head at different heights.\n"
    "16-bit files hold values from 0 to 4095.\n";

struct options {
    const char *folder;
    uint64_t seed;
    uint32_t patients;
};

struct job {
    const struct options *options;
    const size_t *codes; /* the number in each patient's name: no hint at the class */
};

static bool read_number(const char *text, unsigned long most, unsigned long *value)
{
    char *end;
    if (!text || *text < '0' || *text > '9')
        return false;
    *value = strtoul(text, &end, 10);
    return *end == 0 && *value <= most;
}

static int read_options(int argc, char **argv, struct options *o, struct thaw_error *err)
{
    unsigned long number;
    *o = (struct options){.seed = 1, .patients = 80};
    for (int i = 1; i < argc; i++) {
        bool seed = strcmp(argv[i], "--seed") == 0, patients = strcmp(argv[i], "--patients") == 0;
        if (seed || patients) {
            if (!read_number(argv[i + 1], seed ? UINT32_MAX : MOST_PATIENTS, &number) ||
                (patients && number < PHANTOM_CLASSES))
                return thaw_fail(err, THAW_EUSAGE, "%s needs a whole number, %s", argv[i],
                                 seed ? "0 to 4294967295" : "4 to 9999");
            if (seed)
                o->seed = number;
            else
                o->patients = (uint32_t)number;
            i++;
        } else if (argv[i][0] == '-' || o->folder) {
            return thaw_fail(err, THAW_EUSAGE, "unexpected %s; see thaw-scans --help", argv[i]);
        } else {
            o->folder = argv[i];
        }
    }
    return o->folder ? 0 : thaw_fail(err, THAW_EUSAGE, "no folder given; see thaw-scans --help");
}

static int write_slice(const struct job *job, size_t patient, uint32_t slice, uint32_t slices,
                       struct thaw_rng *plan, struct thaw_error *err)
{
    enum phantom_class class = patient % PHANTOM_CLASSES;
    struct picture picture = {0};
    uint32_t kind = thaw_rng_below(plan, 3), quality = 80 + thaw_rng_below(plan, 16);
    char *path =
        thaw_format(err, "%s/%s/p%04zu_%02u.%s", job->options->folder, phantom_names[class],
                    job->codes[patient] + 1, slice + 1, kind == 2 ? "jpg" : "png");
    int rc = -1;
    if (path && phantom_draw(&picture, job->options->seed, (uint32_t)patient, slice, slices, class,
                             err) == 0)
        rc = kind == 2 ? write_jpeg(path, &picture, (int)quality, err)
                       : write_png(path, &picture, kind ? 16 : 8, err);
    free(picture.values);
    free(path);
    return rc;
}

static int write_patient(void *ctx, size_t patient, struct thaw_error *err)
{
    const struct job *job = ctx;
    struct thaw_rng plan = thaw_rng_at(job->options->seed, 0, (uint32_t)patient, STREAM_PLAN);
    uint32_t slices = LEAST_SLICES + thaw_rng_below(&plan, MOST_SLICES - LEAST_SLICES + 1);
    int rc = 0;
    for (uint32_t s = 0; s < slices && rc == 0; s++)
        rc = write_slice(job, patient, s, slices, &plan, err);
    return rc;
}

static int make_folders(const struct options *o, struct thaw_error *err)
{
    struct thaw_dir_entry *entries;
    size_t n;
    if (thaw_dir_make(o->folder, err) || thaw_dir_list(o->folder, &entries, &n, err))
        return -1;
    thaw_dir_free(entries, n);
    if (n)
        return thaw_fail(err, THAW_EUSAGE, "%s: not empty; give a new folder", o->folder);
    for (int c = 0; c < PHANTOM_CLASSES; c++) {
        char *path = thaw_format(err, "%s/%s", o->folder, phantom_names[c]);
        int rc = path ? thaw_dir_make(path, err) : -1;
        free(path);
        if (rc)
            return -1;
    }
    char *path = thaw_format(err, "%s/README.txt", o->folder);
    int rc = path ? thaw_file_write(path, notice, sizeof notice - 1, err) : -1;
    free(path);
    return rc;
}

static int make_scans(const struct options *o, struct thaw_error *err)
{
    size_t *codes = thaw_new(o->patients, sizeof *codes, err);
    if (!codes)
        return -1;
    for (size_t i = 0; i < o->patients; i++)
        codes[i] = i;
    struct thaw_rng r = thaw_rng_at(o->seed, 0, 0, STREAM_CODES);
    thaw_rng_shuffle(&r, codes, o->patients);
    struct job job = {.options = o, .codes = codes};
    thaw_par_set_threads(thaw_par_available());
    int rc = make_folders(o, err) ? -1 : thaw_par_each(o->patients, write_patient, &job, err);
    free(codes);
    return rc;
}

int main(int argc, char **argv)
{
    struct options options;
    struct thaw_error err = {0};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
    if (read_options(argc, argv, &options, &err) || make_scans(&options, &err)) {
        fprintf(stderr, "thaw-scans: %s\n", err.text);
        return err.code == THAW_EUSAGE ? 2 : 1;
    }
    fprintf(stderr, "%s: synthetic scans of %u patients in %d classes\n", options.folder,
            options.patients, (int)PHANTOM_CLASSES);
    return 0;
}
