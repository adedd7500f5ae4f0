/* One frame of a DICOM file as its reader hands it over (plain C: the reader is C++), and the way
 * from there to a picture. Names and numbers in parentheses are those of DICOM PS3.3. */
#ifndef THAW_VISION_DICOM_H
#define THAW_VISION_DICOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"
#include "vision/pixels.h"

/* A look-up table (C.11.1, C.11.2, C.7.6.3.1.5): stored value v becomes
 * value[v - first], held at both ends. */
struct thaw_dicom_table {
    uint16_t *value;
    size_t n; /* 0: there is none */
    long first;
    int bits; /* of the values: 8 to 16 */
};

enum thaw_dicom_colours {
    THAW_DICOM_GREY,
    THAW_DICOM_INVERTED_GREY,
    THAW_DICOM_PALETTE,
    THAW_DICOM_RGB,
    THAW_DICOM_YBR /* one sample of each a pixel */
};

enum thaw_dicom_curve { THAW_DICOM_LINEAR, THAW_DICOM_LINEAR_EXACT, THAW_DICOM_SIGMOID };

struct thaw_dicom {
    int width, height;
    enum thaw_dicom_colours colours;
    bool planes;             /* colours one after the other, not pixel by pixel */
    int bytes;               /* 1, 2 or 4 of each sample of `raw`, in the machine's order */
    int stored, high;        /* bits that count in it, and the number of the highest one */
    bool is_signed;          /* in two's complement of `stored` bits */
    unsigned char *raw;      /* [height, width, samples] or [samples, height, width] */
    size_t raw_size;         /* of `raw`: exactly that many */
    double slope, intercept; /* of the rescaling; 1 and 0 when there is none */
    struct thaw_dicom_table modality; /* instead of slope and intercept */
    bool has_window;
    double centre, width_of_window; /* after rescaling */
    enum thaw_dicom_curve curve;    /* of the window */
    struct thaw_dicom_table voi;    /* for showing, after rescaling; goes before the window */
    struct thaw_dicom_table palette[3];
};

/* Reads the frame that the hint chooses. `dicom` is empty after an error; the caller releases. The
 * library behind it can crash on damaged files: to be called in a child process. The module
 * THAW_DICOM_MODULE holds a function of this type, called THAW_DICOM_READER. */
typedef int thaw_dicom_read_fn(struct thaw_dicom *dicom, const unsigned char *data, size_t size,
                               const struct thaw_decode_hint *hint, const char *name,
                               struct thaw_error *err);
#define THAW_DICOM_MODULE "thaw-dicom.so"
#define THAW_DICOM_READER "thaw_dicom_read"
void thaw_dicom_release(struct thaw_dicom *dicom);

/* From the names of the standard (0028,0004), after unpacking: -1 where the name is not known or
 * the samples are not as many as it wants. */
int thaw_dicom_set_colours(struct thaw_dicom *dicom, const char *name, int samples);
/* (0028,1056); anything else is LINEAR. */
void thaw_dicom_set_curve(struct thaw_dicom *dicom, const char *name);

/* A table from its descriptor (entries, of which 0 stands for 65536; the first value; bits) and
 * `size` bytes of values: words, or bytes of a table of 8 bits. */
int thaw_dicom_set_table(struct thaw_dicom_table *table, const uint16_t descriptor[3],
                         const void *values, size_t size, bool is_signed, struct thaw_error *err);

/* Fills `raw`, in planes, from a frame in the format's run-length coding; width, height and bytes
 * are set. */
int thaw_dicom_unpack_runs(struct thaw_dicom *dicom, int samples, const unsigned char *data,
                           size_t size, const char *name, struct thaw_error *err);
/* Samples as they stand in the file. */
struct thaw_dicom_plain {
    const unsigned char *data;
    size_t size;
    int samples, bits;  /* of a pixel; of a sample, those around it included: 1, 8, 16 or 32 */
    bool halved;        /* YBR_FULL_422: two pixels share their chroma, Y Y Cb Cr */
    bool words_swapped; /* the upper half of 32 bits comes first */
};
/* Fills `raw` from frame `frame` of so many; width, height and bytes are set, `planes` stays. */
int thaw_dicom_unpack_plain(struct thaw_dicom *dicom, const struct thaw_dicom_plain *plain,
                            size_t frames, size_t frame, const char *name, struct thaw_error *err);
/* Puts unsigned samples that a lossy coder let overshoot `stored` bits back to the greatest. */
void thaw_dicom_hold(struct thaw_dicom *dicom);
/* Is this a whole deflate stream? What follows it does not matter. */
bool thaw_dicom_inflates(const unsigned char *data, size_t size);
/* Unpacks the beginning of one: the bytes that came out, at most `room`. */
size_t thaw_dicom_inflate(const unsigned char *data, size_t size, unsigned char *out, size_t room);

/* Is this a DICOMDIR, the list of the files on a medium? */
bool thaw_dicom_is_directory(const unsigned char *data, size_t size);

/* Characters of a patient's identity, with the end; bytes of a file that it is looked for in. */
enum { THAW_DICOM_PATIENT = 65, THAW_DICOM_HEAD = 1 << 17 };
/* The patient's identity (0010,0020) that the beginning of a file states, without the padding; ""
 * where it states none, is no DICOM file or cannot be read that far. Needs no library. */
int thaw_dicom_patient(const unsigned char *data, size_t size, char id[THAW_DICOM_PATIENT],
                       struct thaw_error *err);
/* The same of a file, "" also where it cannot be opened. */
int thaw_dicom_patient_load(const char *path, char id[THAW_DICOM_PATIENT], struct thaw_error *err);
/* Does the file begin as DICOM does? */
bool thaw_dicom_is(const char *path);

/* The picture: 8 or 16 bits where the values are unsigned and count as they are, else float. */
int thaw_dicom_pixels(struct thaw_pixels *pixels, const struct thaw_dicom *dicom, bool shown,
                      const char *name, struct thaw_error *err);

#endif
