#include "nn/features_folder.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/file.h"
#include "io/base/mem.h"

static bool is_features(const struct thaw_dir_entry *e)
{
    static const char suffix[] = ".features";
    size_t n = strlen(e->name), m = sizeof suffix - 1;
    return e->size >= 0 && n > m && strcmp(e->name + n - m, suffix) == 0;
}

/* "NAME.features.part-PID" of a process that is gone. (On another machine it may yet live: it goes
 * on with the file that has lost its name, and only cannot leave it behind.) */
static bool is_orphan(const struct thaw_dir_entry *e)
{
    static const char mark[] = ".features.part-";
    const char *part = strstr(e->name, mark);
    long pid = part ? strtol(part + sizeof mark - 1, NULL, 10) : 0;
    return pid > 0 && kill((pid_t)pid, 0) && errno == ESRCH;
}

static bool drop(const char *folder, const struct thaw_dir_entry *e)
{
    char *path = thaw_format(NULL, "%s/%s", folder, e->name);
    bool gone = path && unlink(path) == 0;
    free(path);
    return gone;
}

static void drop_all(const char *folder, bool (*which)(const struct thaw_dir_entry *e))
{
    struct thaw_dir_entry *entries;
    size_t n;
    if (thaw_dir_list(folder, &entries, &n, NULL))
        return;
    for (size_t i = 0; i < n; i++)
        if (which(&entries[i]))
            drop(folder, &entries[i]);
    thaw_dir_free(entries, n);
}

int thaw_features_folder_open(const char *folder, struct thaw_error *err)
{
    if (thaw_dir_make(folder, err))
        return -1;
    drop_all(folder, is_orphan);
    return 0;
}

static time_t time_of(const char *folder, const struct thaw_dir_entry *e)
{
    struct stat st;
    char *path = thaw_format(NULL, "%s/%s", folder, e->name);
    time_t time = path && stat(path, &st) == 0 ? st.st_mtime : 0;
    free(path);
    return time;
}

/* The file that was of use longest ago goes, if that was long enough ago. */
static bool evict(const char *folder, const struct thaw_dir_entry *entries, size_t n, time_t before)
{
    const struct thaw_dir_entry *oldest = NULL;
    for (size_t i = 0; i < n; i++) {
        time_t time = is_features(&entries[i]) ? time_of(folder, &entries[i]) : before;
        if (time < before) {
            before = time;
            oldest = &entries[i];
        }
    }
    return oldest && drop(folder, oldest);
}

bool thaw_features_folder_room(const char *folder, const char *path, size_t bytes, size_t limit,
                               time_t before)
{
    const char *slash = strrchr(path, '/'), *own = slash ? slash + 1 : path;
    bool fits = false, changed = true;
    while (!fits && changed) {
        struct thaw_dir_entry *entries;
        size_t n, taken = 0;
        if (thaw_dir_list(folder, &entries, &n, NULL))
            return false;
        for (size_t i = 0; i < n; i++)
            if (is_features(&entries[i]) && strcmp(entries[i].name, own) != 0)
                taken += (size_t)entries[i].size;
        fits = bytes <= limit && taken <= limit - bytes;
        changed = !fits && bytes <= limit && evict(folder, entries, n, before);
        thaw_dir_free(entries, n);
    }
    return fits;
}

void thaw_features_folder_empty(const char *folder)
{
    drop_all(folder, is_features);
    rmdir(folder);
}
