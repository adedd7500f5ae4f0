/* DICOM through GDCM (dicom_gdcm.cpp), which takes its time to load and can crash on damaged files:
 * it is a module that comes with the first file, and files are decoded in a child process. */
#include <string.h>

#include "vision/codec.h"

/* Files of the standard have 128 bytes and "DICM" in front. Older ones begin with the data set: an
 * element of group 2 or 8, in either byte order, with the name of its type or with its length. */
static bool dicom_sniff(const unsigned char *data, size_t size)
{
    if (size >= 132 && memcmp(data + 128, "DICM", 4) == 0)
        return true;
    if (size < 16)
        return false;
    bool big = data[0] == 0;
    unsigned group = data[big], above = data[!big], element = data[2 + big];
    bool named = data[4] >= 'A' && data[4] <= 'Z' && data[5] >= 'A' && data[5] <= 'Z';
    bool short_value = !big && data[5] == 0 && data[6] == 0 && data[7] == 0;
    return above == 0 && (group == 8 || group == 2) && data[2 + !big] == 0 && element <= 0x20 &&
           (named || short_value);
}

#if THAW_WITH_DICOM
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include "io/base/mem.h"
#include "io/child.h"
#include "vision/dicom.h"

/* For looking through the elements: the library makes room for the length that each declares before
 * it reads a byte. Then as much as the picture takes (dicom_gdcm.cpp). */
enum { LOOK_ROOM = 128 << 20, LOOK_TIMES = 6 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static thaw_dicom_read_fn *read_frame; /* NULL: `trouble` says why */
static char trouble[256];

/* Children inherit it. It stays until the program ends. */
static void load_module(void)
{
    void *module = dlopen(THAW_DICOM_MODULE, RTLD_NOW | RTLD_LOCAL);
    void *symbol = module ? dlsym(module, THAW_DICOM_READER) : NULL;
    const char *why = symbol ? NULL : dlerror();
    memcpy(&read_frame, &symbol, sizeof symbol); /* ISO C has no cast for it */
    if (why)
        snprintf(trouble, sizeof trouble, "%s", why);
}

struct request {
    const unsigned char *data;
    size_t size;
    const struct thaw_decode_hint *hint;
    const char *name;
};

/* Runs in the child: the pixels' description, then their samples. */
static int read_in_child(void *ctx, struct thaw_child_out *out, struct thaw_error *err)
{
    const struct request *request = ctx;
    struct thaw_dicom dicom;
    struct thaw_pixels pixels = {0};
    if (read_frame(&dicom, request->data, request->size, request->hint, request->name, err))
        return -1;
    int rc = thaw_dicom_pixels(&pixels, &dicom, request->hint->shown, request->name, err);
    size_t size = (size_t)pixels.width * (size_t)pixels.height * (size_t)pixels.channels *
                  (size_t)pixels.depth / 8;
    /* The library's copy of the file, the samples as stored and as a picture; all is handed over
     * once more. */
    pixels.work = request->size + dicom.raw_size + 2 * size;
    thaw_dicom_release(&dicom);
    if (rc || thaw_child_put(out, &pixels, sizeof pixels, err) ||
        thaw_child_put(out, pixels.data, size, err))
        rc = -1;
    thaw_pixels_release(&pixels);
    return rc;
}

/* A child that went wrong may have written anything. */
static int take_over(struct thaw_pixels *pixels, const unsigned char *result, size_t size,
                     const char *name, struct thaw_error *err)
{
    struct thaw_pixels told;
    size_t samples;
    if (size < sizeof told)
        return thaw_fail(err, THAW_EINPUT, "%s: damaged DICOM: its reader said nothing", name);
    memcpy(&told, result, sizeof told);
    bool depth = told.depth == 8 || told.depth == 16 || told.depth == 32;
    bool channels = told.channels == 1 || told.channels == 3;
    if (thaw_codec_check_size(told.width, told.height, 0, size, name, err))
        return -1;
    if (!depth || !channels ||
        !thaw_count((long[]){told.width, told.height, told.channels, told.depth / 8}, 4,
                    &samples) ||
        samples != size - sizeof told)
        return thaw_fail(err, THAW_EINPUT, "%s: damaged DICOM: its reader made no picture", name);
    if (!(told.data = thaw_new(samples, 1, err)))
        return -1;
    memcpy(told.data, result + sizeof told, samples);
    *pixels = told;
    return 0;
}

static int dicom_decode(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                        const struct thaw_decode_hint *hint, const char *name,
                        struct thaw_error *err)
{
    struct thaw_child_limits limits = {
        .memory = LOOK_ROOM + LOOK_TIMES * size, .result = (size_t)2 << 30, .cpu = 60, .wall = 120};
    struct request request = {.data = data, .size = size, .hint = hint, .name = name};
    void *result;
    size_t result_size;
    memset(pixels, 0, sizeof *pixels);
    if (thaw_dicom_is_directory(data, size))
        return thaw_fail(err, THAW_EINPUT,
                         "%s: is a DICOMDIR, a list of the files of a disc; it holds no picture",
                         name);
    pthread_once(&once, load_module);
    if (!read_frame)
        return thaw_fail(err, THAW_ESYSTEM, "%s: the reader of DICOM cannot be loaded: %s", name,
                         trouble);
    enum thaw_child_end end =
        thaw_child_run(&limits, read_in_child, &request, &result, &result_size, err);
    if (end == THAW_CHILD_DIED || end == THAW_CHILD_UNBORN)
        return thaw_error_prefix(err, "%s: %sDICOM", name,
                                 end == THAW_CHILD_DIED ? "damaged " : "");
    if (end != THAW_CHILD_DONE)
        return -1;
    int rc = take_over(pixels, result, result_size, name, err);
    thaw_child_release(result, result_size);
    return rc;
}
#else
#define dicom_decode NULL
#endif

const struct thaw_codec thaw_codec_dicom = {
    .name = "DICOM",
#if THAW_WITH_DICOM
    .library = "GDCM " THAW_WITH_DICOM_VERSION,
#endif
    .package = "libgdcm-dev",
    .suffixes = ".dcm .dicom .dic .ima",
    .sniff = dicom_sniff,
    .decode = dicom_decode,
};
