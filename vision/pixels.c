#include "vision/pixels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "vision/codec.h"

/* What people put into such folders and Thaw does not read: said by name, so that they know what to
 * convert. */
struct foreign {
    const char *kind; /* with its article */
    size_t offset, length;
    const char *magic;
};

static const struct foreign foreigns[] = {
    {"a GIF file", 0, 4, "GIF8"},
    {"an AVIF file", 4, 8, "ftypavif"},
    {"a HEIC file", 4, 7, "ftyphei"},
    {"a HEIC file", 4, 7, "ftyphev"},
    {"a HEIC file", 4, 8, "ftypmif1"},
    {"a JPEG 2000 file", 0, 8, "\0\0\0\x0cjP  "},
    {"a JPEG 2000 stream", 0, 4, "\xff\x4f\xff\x51"},
    {"a JPEG XL file", 0, 8, "\0\0\0\x0cJXL "},
    {"an HDF5 file", 0, 8, "\x89HDF\r\n\x1a\n"},
    {"a PDF file", 0, 5, "%PDF-"},
    {"a ZIP archive", 0, 4, "PK\3\4"},
    {"a gzip file", 0, 3, "\x1f\x8b\x08"},
    {"a PNG damaged by a transfer as text", 0, 4, "\x89PNG"},
    {"a web page", 0, 9, "<!DOCTYPE"},
    {"a web page", 0, 5, "<html"},
};

static const char *recognise(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < sizeof foreigns / sizeof *foreigns; i++) {
        const struct foreign *f = &foreigns[i];
        if (size >= f->offset + f->length && memcmp(data + f->offset, f->magic, f->length) == 0)
            return f->kind;
    }
    return NULL;
}

void thaw_pixels_formats(char *text, size_t size)
{
    size_t used = 0, left = 0;
    for (int i = 0; thaw_codecs[i]; i++)
        left += thaw_codecs[i]->library != NULL;
    for (int i = 0; thaw_codecs[i]; i++) {
        if (!thaw_codecs[i]->library)
            continue;
        const char *between = used == 0 ? "" : left > 1 ? ", " : " and ";
        int n = snprintf(text + used, size - used, "%s%s", between, thaw_codecs[i]->name);
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
        left--;
    }
}

static int fail_unknown(const unsigned char *data, size_t size, const char *name,
                        struct thaw_error *err)
{
    char known[THAW_FORMATS_TEXT] = "";
    thaw_pixels_formats(known, sizeof known);
    const char *kind = recognise(data, size);
    if (kind)
        return thaw_fail(err, THAW_EINPUT, "%s: is %s; %s can be read", name, kind, known);
    if (size == 0)
        return thaw_fail(err, THAW_EINPUT, "%s: is empty; %s can be read", name, known);
    char start[4 * 8 + 1] = "";
    for (size_t i = 0; i < size && i < 8; i++)
        snprintf(start + strlen(start), sizeof start - strlen(start), " %02x", data[i]);
    return thaw_fail(err, THAW_EINPUT,
                     "%s: is not a picture that can be read (%s); it begins with the bytes%s", name,
                     known, start);
}

int thaw_pixels_decode(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                       const struct thaw_decode_hint *hint, const char *name,
                       struct thaw_error *err)
{
    static const struct thaw_decode_hint as_it_is;
    memset(pixels, 0, sizeof *pixels);
    for (int i = 0; thaw_codecs[i]; i++) {
        const struct thaw_codec *codec = thaw_codecs[i];
        if (!codec->sniff(data, size))
            continue;
        if (!codec->library)
            return thaw_fail(err, THAW_EINPUT,
                             "%s: is a %s file, which this build cannot read; install %s and build "
                             "again",
                             name, codec->name, codec->package);
        return codec->decode(pixels, data, size, hint ? hint : &as_it_is, name, err);
    }
    return fail_unknown(data, size, name, err);
}

static size_t bytes_of(const struct thaw_pixels *p)
{
    return (size_t)p->width * (size_t)p->height * (size_t)p->channels * (size_t)p->depth / 8;
}

int thaw_pixels_load(struct thaw_pixels *pixels, const char *path,
                     const struct thaw_decode_hint *hint, struct thaw_error *err)
{
    unsigned char *data;
    size_t size;
    memset(pixels, 0, sizeof *pixels);
    if (thaw_file_read(path, THAW_MAX_FILE, &data, &size, err))
        return -1;
    int rc = thaw_pixels_decode(pixels, data, size, hint, path, err);
    if (rc == 0)
        pixels->work += size + bytes_of(pixels);
    free(data);
    return rc;
}

void thaw_pixels_release(struct thaw_pixels *pixels)
{
    free(pixels->data);
    memset(pixels, 0, sizeof *pixels);
}
