/* thaw-tools-pixels [-f FRAME] [-s] FILE...: decodes each file and prints one line of JSON for it,
 * then its samples as they are in memory: {"file", "width", "height", "channels", "depth",
 * "inverted", "window", "bytes"}, or {"file", "error"}. -s: as the file wants it shown. For scripts
 * that compare decoders. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/base/json.h"
#include "vision/pixels.h"

static int put(json_t *line)
{
    int rc = line ? json_dumpf(line, stdout, JSON_COMPACT) : -1;
    putchar('\n');
    json_decref(line);
    return rc;
}

static int dump(const char *path, const struct thaw_decode_hint *hint)
{
    struct thaw_pixels p;
    struct thaw_error err = {0};
    if (thaw_pixels_load(&p, path, hint, &err))
        return put(json_pack("{s:s, s:s}", "file", path, "error", err.text));
    size_t bytes = (size_t)p.width * (size_t)p.height * (size_t)p.channels * (size_t)p.depth / 8;
    int rc = put(json_pack("{s:s, s:i, s:i, s:i, s:i, s:b, s:[f,f], s:I}", "file", path, "width",
                           p.width, "height", p.height, "channels", p.channels, "depth", p.depth,
                           "inverted", p.inverted, "window", (double)p.window[0],
                           (double)p.window[1], "bytes", (json_int_t)bytes));
    fwrite(p.data, 1, bytes, stdout);
    thaw_pixels_release(&p);
    return rc;
}

int main(int argc, char **argv)
{
    struct thaw_decode_hint hint = {0};
    for (int c; (c = getopt(argc, argv, "f:s")) != -1;) {
        if (c == 'f')
            hint.frame = atoi(optarg);
        else if (c == 's')
            hint.shown = true;
        else
            return 2;
    }
    for (int i = optind; i < argc; i++)
        if (dump(argv[i], &hint))
            return 1;
    return 0;
}
