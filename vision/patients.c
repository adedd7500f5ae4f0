/* Groups by what DICOM files say of themselves. */
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "vision/dicom.h"
#include "vision/groups.h"

struct reading {
    const struct thaw_dataset *data;
    char (*ids)[THAW_DICOM_PATIENT]; /* [n]; "": none */
};

static int read_one(void *ctx, size_t i, struct thaw_error *err)
{
    struct reading *r = ctx;
    return thaw_dicom_patient_load(r->data->images[i].path, r->ids[i], err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Patients among the n texts, and images of the one with most. Sorts them. */
static size_t count_patients(char **texts, size_t n, size_t *largest)
{
    size_t patients = 0;
    *largest = 0;
    if (n)
        qsort(texts, n, sizeof *texts, by_text);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && strcmp(texts[i], texts[j]) == 0;)
            j++;
        patients++;
        *largest = j - i > *largest ? j - i : *largest;
    }
    return patients;
}

static int give_groups(struct thaw_dataset *data, char (*ids)[THAW_DICOM_PATIENT],
                       struct thaw_error *err)
{
    for (size_t i = 0; i < data->n; i++) {
        char *group = ids[i][0] ? thaw_strdup(ids[i], err) : NULL;
        if (ids[i][0] && !group)
            return -1;
        free(data->images[i].group);
        data->images[i].group = group;
    }
    return 0;
}

int thaw_groups_by_dicom(struct thaw_dataset *data, char **found, struct thaw_error *err)
{
    struct reading r = {data, thaw_new(data->n, sizeof *r.ids, err)};
    char **texts = thaw_new(data->n, sizeof *texts, err);
    size_t n = 0, largest;
    int rc = -1;
    *found = NULL;
    if (!r.ids || !texts || thaw_par_each(data->n, read_one, &r, err))
        goto done;
    for (size_t i = 0; i < data->n; i++)
        if (r.ids[i][0])
            texts[n++] = r.ids[i];
    size_t patients = count_patients(texts, n, &largest);
    rc = 0;
    /* Files made anonymous often bear one name, ANON or 000. */
    if (patients == 0 || (patients == 1 && !strpbrk(texts[0], "123456789")))
        goto done;
    *found = thaw_format(err,
                         "patients as the DICOM files state them: %zu in %zu of %zu images (the "
                         "largest with %zu), each kept on one side of a split",
                         patients, n, data->n, largest);
    rc = *found ? give_groups(data, r.ids, err) : -1;
done:
    free(r.ids);
    free(texts);
    return rc;
}
