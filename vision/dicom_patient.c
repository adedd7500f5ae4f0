/* Whose scan a DICOM file is: a walk over its first elements (PS3.5, chapter 7; PS3.10), without a
 * library, as it is asked of every file of a data set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/bytes.h"
#include "io/base/mem.h"
#include "vision/codec.h"
#include "vision/dicom.h"

enum { DEPTH = 16, PREAMBLE = 128, UID_MOST = 64 }; /* sequences nest DEPTH deep */
enum { GLANCE = 1024 };                             /* enough to know the kind of a file by */
static const uint32_t undefined = 0xffffffff;
static const uint32_t class_tag = 0x00020002, syntax_tag = 0x00020010, patient_tag = 0x00100020;
static const uint32_t item_end = 0xfffee00d, sequence_end = 0xfffee0dd;

struct cursor {
    const unsigned char *data;
    size_t size, at;
    bool big, named; /* big-endian; elements bear the name of their type */
};

struct element {
    uint32_t tag, length;
    bool unknown; /* of type UN, which holds elements without names */
};

static uint32_t number(const struct cursor *c, size_t at, size_t bytes)
{
    const unsigned char *from = c->data + at;
    return (uint32_t)(c->big ? thaw_big_endian(from, bytes) : thaw_little_endian(from, bytes));
}

static bool has(const struct cursor *c, size_t bytes)
{
    return c->size - c->at >= bytes;
}

/* These types have two empty bytes and then a length of four; the others a length of two. */
static bool is_long(const unsigned char *type)
{
    static const char names[] = "OB OD OF OL OV OW SQ SV UC UN UR UT UV";
    for (const char *name = names; name < names + sizeof names - 1; name += 3)
        if (memcmp(type, name, 2) == 0)
            return true;
    return false;
}

/* Moves on to the value of the next element. */
static bool next(struct cursor *c, struct element *e)
{
    if (!has(c, 8))
        return false;
    *e = (struct element){.tag = number(c, c->at, 2) << 16 | number(c, c->at + 2, 2)};
    const unsigned char *type = c->data + c->at + 4;
    c->at += 8;
    if (!c->named || e->tag >> 16 == 0xfffe) {
        e->length = number(c, c->at - 4, 4);
    } else if (!is_long(type)) {
        e->length = number(c, c->at - 2, 2);
    } else {
        if (!has(c, 4))
            return false;
        e->unknown = memcmp(type, "UN", 2) == 0;
        e->length = number(c, c->at, 4);
        c->at += 4;
    }
    return true;
}

/* Past the value. One of undefined length is a sequence or an item, which ends with a mark. */
static bool skip(struct cursor *c, const struct element *e, int depth)
{
    struct element inner;
    bool named = c->named;
    if (e->length != undefined) {
        if (!has(c, e->length))
            return false;
        c->at += e->length;
        return true;
    }
    if (depth == DEPTH)
        return false;
    c->named = named && !e->unknown;
    while (next(c, &inner)) {
        if (inner.tag == item_end || inner.tag == sequence_end) {
            c->named = named;
            return true;
        }
        if (!skip(c, &inner, depth + 1))
            break;
    }
    return false;
}

/* The value as text, without the padding around it. The cursor stays. */
static bool take_text(const struct cursor *c, const struct element *e, char *text, size_t size)
{
    if (!has(c, e->length) || e->length >= size)
        return false;
    const char *from = (const char *)c->data + c->at, *end = from + e->length;
    while (from < end && *from == ' ')
        from++;
    while (end > from && (end[-1] == ' ' || end[-1] == 0))
        end--;
    memcpy(text, from, (size_t)(end - from));
    text[end - from] = 0;
    return true;
}

/* Are names of types there? Asked of the file itself: some do not keep what they promise. */
static void look_for_names(struct cursor *c)
{
    const unsigned char *type = c->data + c->at + 4;
    c->named = has(c, 8) && type[0] >= 'A' && type[0] <= 'Z' && type[1] >= 'A' && type[1] <= 'Z';
}

/* The header of the file: elements of group 2, named and little-endian. Leaves the cursor behind
 * it; the text of one of them, or "". */
static void read_header(struct cursor *c, uint32_t tag, char text[UID_MOST + 1])
{
    struct element e;
    bool modern = c->size >= PREAMBLE + 4 && memcmp(c->data + PREAMBLE, "DICM", 4) == 0;
    text[0] = 0;
    c->at = modern ? PREAMBLE + 4 : 0;
    c->named = true;
    while (has(c, 8) && number(c, c->at, 2) == 2 && next(c, &e)) {
        if (e.tag == tag)
            take_text(c, &e, text, UID_MOST + 1);
        if (!skip(c, &e, 0))
            return;
    }
}

bool thaw_dicom_is_directory(const unsigned char *data, size_t size)
{
    char text[UID_MOST + 1];
    struct cursor c = {.data = data, .size = size};
    read_header(&c, class_tag, text);
    return strcmp(text, "1.2.840.10008.1.3.10") == 0;
}

/* Elements stand in rising order. */
static bool find_patient(struct cursor *c, char id[THAW_DICOM_PATIENT])
{
    struct element e;
    /* Group 8 comes first: its number tells the order of bytes. */
    c->big = has(c, 8) && number(c, c->at, 2) >> 8;
    look_for_names(c);
    while (next(c, &e) && e.tag <= patient_tag) {
        if (e.tag == patient_tag)
            return take_text(c, &e, id, THAW_DICOM_PATIENT);
        if (!skip(c, &e, 0))
            return false;
    }
    return false;
}

static bool is_dicom(const unsigned char *data, size_t size)
{
    const struct thaw_codec *const *c = thaw_codecs;
    while (*c && !(*c)->sniff(data, size))
        c++;
    return *c && strcmp((*c)->name, "DICOM") == 0;
}

bool thaw_dicom_is(const char *path)
{
    unsigned char head[GLANCE];
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(head, 1, sizeof head, file) : 0;
    if (file)
        fclose(file);
    return is_dicom(head, size);
}

int thaw_dicom_patient(const unsigned char *data, size_t size, char id[THAW_DICOM_PATIENT],
                       struct thaw_error *err)
{
    char syntax[UID_MOST + 1];
    unsigned char *unpacked = NULL;
    struct cursor c = {.data = data, .size = size};
    id[0] = 0;
    if (!is_dicom(data, size))
        return 0;
    read_header(&c, syntax_tag, syntax);
    if (strcmp(syntax, "1.2.840.10008.1.2.1.99") == 0) {
        if (!(unpacked = thaw_new(THAW_DICOM_HEAD, 1, err)))
            return -1;
        c = (struct cursor){
            .data = unpacked,
            .size = thaw_dicom_inflate(data + c.at, size - c.at, unpacked, THAW_DICOM_HEAD)};
    }
    if (!find_patient(&c, id))
        id[0] = 0;
    free(unpacked);
    return 0;
}

int thaw_dicom_patient_load(const char *path, char id[THAW_DICOM_PATIENT], struct thaw_error *err)
{
    unsigned char *head = thaw_new(THAW_DICOM_HEAD, 1, err);
    id[0] = 0;
    if (!head)
        return -1;
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(head, 1, GLANCE, file) : 0;
    if (is_dicom(head, size))
        size += fread(head + size, 1, THAW_DICOM_HEAD - size, file);
    if (file)
        fclose(file);
    int rc = thaw_dicom_patient(head, size, id, err);
    free(head);
    return rc;
}
