#include "vision/patients.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "vision/dicom.h"
#include "vision/groups.h"

static void take_groups_away(struct thaw_dataset *data)
{
    for (size_t i = 0; i < data->n; i++) {
        free(data->images[i].group);
        data->images[i].group = NULL;
    }
}

/* --- the column of a table --- */

static int from_column(struct thaw_dataset *data, char **found, struct thaw_error *err)
{
    size_t groups;
    char *what = thaw_format(err, "column %s", data->grouped_by);
    *found = what ? thaw_groups_tell(data, what, &groups, err) : NULL;
    free(what);
    if (!*found)
        return -1;
    if (groups)
        return 0;
    free(*found);
    *found = NULL;
    return thaw_dataset_warn(data, err, "%s: column %s is empty", data->root, data->grouped_by);
}

/* --- DICOM --- */

static bool any_dicom(const struct thaw_dataset *data)
{
    size_t i = 0;
    while (i < data->n && !thaw_dicom_is(data->images[i].path))
        i++;
    return i < data->n;
}

static int read_one(void *ctx, size_t i, struct thaw_error *err)
{
    struct thaw_dataset *data = ctx;
    char id[THAW_DICOM_PATIENT];
    if (thaw_dicom_patient_load(data->images[i].path, id, err))
        return -1;
    return !*id || (data->images[i].group = thaw_strdup(id, err)) ? 0 : -1;
}

static int from_dicom(struct thaw_dataset *data, char **found, size_t *groups,
                      struct thaw_error *err)
{
    take_groups_away(data);
    if (thaw_par_each(data->n, read_one, data, err))
        return -1;
    *found = thaw_groups_tell(data, "patients from DICOM (PatientID)", groups, err);
    return *found ? 0 : -1;
}

static int ask_dicom(struct thaw_dataset *data, char **found, struct thaw_error *err)
{
    size_t groups, missing = 0, first = 0;
    for (size_t i = 0; i < data->n; i++)
        if (!thaw_dicom_is(data->images[i].path))
            return thaw_fail(err, THAW_EINPUT, "dicom: %s is no DICOM file", data->images[i].path);
    if (from_dicom(data, found, &groups, err))
        return -1;
    for (size_t i = data->n; i-- > 0;)
        if (!data->images[i].group) {
            missing++;
            first = i;
        }
    if (!missing)
        return 0;
    free(*found);
    *found = NULL;
    return thaw_fail(err, THAW_EINPUT,
                     "dicom: %zu of %zu files state no PatientID, the first is %s", missing,
                     data->n, data->images[first].path);
}

/* Scans that were made anonymous often state one PatientID for all, ANON or 000, or none. */
static bool is_anonymous(const struct thaw_dataset *data)
{
    size_t i = 0;
    while (i < data->n && !data->images[i].group)
        i++;
    return i == data->n || !strpbrk(data->images[i].group, "123456789");
}

static int try_dicom(struct thaw_dataset *data, char **found, struct thaw_error *err)
{
    size_t groups;
    if (from_dicom(data, found, &groups, err))
        return -1;
    if (groups > 1 || !is_anonymous(data))
        return 0;
    free(*found);
    *found = NULL;
    take_groups_away(data);
    return thaw_dataset_warn(data, err,
                             "%s: %s PatientID in the DICOM files, so that it tells no "
                             "patients apart",
                             data->root, groups ? "one and the same" : "no");
}

/* --- the choice --- */

int thaw_patients_find(struct thaw_dataset *data, const char *how, char **found,
                       struct thaw_error *err)
{
    *found = NULL;
    if (how && strcmp(how, "none") == 0) {
        take_groups_away(data);
        return 0;
    }
    if (how && strcmp(how, "dicom") == 0)
        return ask_dicom(data, found, err);
    if (how)
        return thaw_groups_by_regex(data, how, found, err);
    if (data->grouped_by && (from_column(data, found, err) || *found))
        return *found ? 0 : -1;
    if (any_dicom(data) && (try_dicom(data, found, err) || *found))
        return *found ? 0 : -1;
    return thaw_groups_recognise(data, found, err);
}
