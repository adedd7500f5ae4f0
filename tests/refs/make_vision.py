#!/usr/bin/env python3
"""Writes vision_pictures.bin, vision_bad.bin and vision_resize.bin beside itself (numpy, Pillow >= 10).

Entries of the packs (pack.py):
  pictures: A = a PNG or JPEG file, B = its samples (16 bits: little endian);
            numbers: width height channels depth min_width min_height (of the decode hint)
  bad:      A = a file to refuse, B = what the error must say
  resize:   A = samples, B = float32 result;
            numbers: width height channels depth out_width out_height x y box_width box_height
PNG files are put together here, since Pillow neither writes nor keeps most of the kinds; where it reads
a kind without loss the samples are checked against it. JPEG samples are Pillow's.
"""
import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

from pack import Pack

rng = np.random.default_rng(7)


# --- PNG ---

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(a, depth):
    """a: [H,W,C] integers -> filtered rows, filter types taking turns."""
    out, above, bpp = b"", None, max(1, a.shape[2] * depth // 8)
    for y, row in enumerate(a.reshape(a.shape[0], -1)):
        if depth == 16:
            raw = row.astype(">u2").tobytes()
        elif depth == 8:
            raw = row.astype(np.uint8).tobytes()
        else:
            bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
            raw = np.packbits(bits).tobytes()
        cur = np.frombuffer(raw, np.uint8).astype(int)
        up = np.zeros_like(cur) if above is None else above
        left = np.concatenate([np.zeros(bpp, int), cur])[:len(cur)]
        corner = np.concatenate([np.zeros(bpp, int), up])[:len(cur)]
        guess = left + up - corner
        dist = [abs(guess - v) for v in (left, up, corner)]
        paeth = np.where((dist[0] <= dist[1]) & (dist[0] <= dist[2]), left,
                         np.where(dist[1] <= dist[2], up, corner))
        kind = y % 5
        minus = [0, left, up, (left + up) // 2, paeth][kind]
        out += bytes([kind]) + ((cur - minus) % 256).astype(np.uint8).tobytes()
        above = cur
    return out


def png(a, colour, depth, interlace=False, extra=(), late=()):
    """extra: chunks before the samples, late: after them."""
    h, w = a.shape[:2]
    rows = b""
    if interlace:
        for x0, y0, dx, dy in ADAM7:
            part = a[y0::dy, x0::dx]
            if part.size:
                rows += pack_rows(part, depth)
    else:
        rows = pack_rows(a, depth)
    z = zlib.compress(rows, 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, int(interlace)))
    cut = len(z) // 2
    body = chunk(b"IDAT", z[:cut]) + chunk(b"IDAT", z[cut:])
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + body + b"".join(late) + chunk(b"IEND")


def png_cases(pack):
    kinds = [(GREY, d) for d in (1, 2, 4, 8, 16)] + [(PALETTE, d) for d in (1, 2, 4, 8)]
    kinds += [(c, d) for c in (RGB, GREY_ALPHA, RGBA) for d in (8, 16)]
    names = {GREY: "grey", RGB: "rgb", PALETTE: "palette", GREY_ALPHA: "greyalpha", RGBA: "rgba"}
    for colour, depth in kinds:
        for interlace in (False, True):
            for trns in (False, True):
                if trns and colour in (GREY_ALPHA, RGBA):
                    continue
                w, h = (19, 11) if not interlace else (13, 10)
                a = rng.integers(0, 2**depth, (h, w, CHANNELS[colour]))
                extra, want = [chunk(b"gAMA", struct.pack(">I", 100000))], a
                if colour == PALETTE:
                    table = rng.integers(0, 256, (2**depth, 3)).astype(np.uint8)
                    extra.append(chunk(b"PLTE", table.tobytes()))
                    want = table[a[:, :, 0]]
                elif colour in (GREY_ALPHA, RGBA):
                    want = a[:, :, :-1]
                elif depth < 8:
                    want = a * 255 // (2**depth - 1)
                if trns:
                    value = {GREY: a[0, 0].astype(">u2").tobytes(), RGB: a[0, 0].astype(">u2").tobytes(),
                             PALETTE: bytes([0, 128])}[colour]
                    extra.append(chunk(b"tRNS", value))
                data = png(a, colour, depth, interlace, extra)
                out = np.ascontiguousarray(want, "<u2" if depth == 16 else np.uint8)
                name = f"png_{names[colour]}{depth}{'_interlaced' if interlace else ''}{'_trns' if trns else ''}"
                seen = Image.open(io.BytesIO(data))
                if depth < 16:
                    seen = np.asarray(seen.convert("L" if want.shape[2] == 1 else "RGB"))
                    assert np.array_equal(seen.reshape(out.shape), out), name
                elif colour == GREY and not trns:
                    assert np.array_equal(np.asarray(seen), out[:, :, 0]), name
                pack.add(name, data, out.tobytes(), w, h, out.shape[2], max(depth, 8), 0, 0)
    a = rng.integers(0, 256, (3, 5, 1))
    one = np.array([[[201]]])
    pack.add("png_1x1", png(one, GREY, 8), bytes([201]), 1, 1, 1, 8, 0, 0)
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[274] = turn
        data = png(a, GREY, 8, late=[chunk(b"eXIf", exif.tobytes()[6:])])
        want = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        pack.add(f"png_turned{turn}", data, want.tobytes(), want.shape[1], want.shape[0], 1, 8, 0, 0)


# --- JPEG ---

def picture(w, h, channels):
    """Smooth shapes and some noise, so that every coefficient is used a little."""
    y, x = np.mgrid[0:h, 0:w]
    planes = [127 + 90 * np.sin(x / (3 + c) + y / (5 - c)) + rng.normal(0, 12, (h, w)) for c in range(channels)]
    a = np.clip(np.stack(planes, 2), 0, 255).astype(np.uint8)
    return Image.fromarray(a[:, :, 0] if channels == 1 else a, {1: "L", 3: "RGB", 4: "CMYK"}[channels])


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **{"quality": 85, **options})
    return out.getvalue()


def jpeg_case(pack, name, data, hint=(0, 0), turned=False):
    im = Image.open(io.BytesIO(data))
    if hint[0]:
        im.draft(None, hint[::-1] if turned else hint)
    im = ImageOps.exif_transpose(im)
    if im.mode not in ("L", "RGB"):
        im = im.convert("RGB")
    a = np.asarray(im)
    channels = 1 if a.ndim == 2 else 3
    pack.add(name, data, a.tobytes(), a.shape[1], a.shape[0], channels, 8, *hint)


def patched(data, at, old, new):
    assert data[at:at + len(old)] == old, (at, data[at:at + len(old)])
    return data[:at] + new + data[at + len(old):]


def jpeg_cases(pack):
    rgb, grey = picture(27, 21, 3), picture(27, 21, 1)
    for progressive in (False, True):
        tail = "_progressive" if progressive else ""
        jpeg_case(pack, "jpeg_grey" + tail, jpeg(grey, progressive=progressive))
        for sampling in ("4:4:4", "4:2:2", "4:2:0"):
            data = jpeg(rgb, subsampling=sampling, progressive=progressive)
            jpeg_case(pack, f"jpeg_{sampling.replace(':', '')}{tail}", data)
    jpeg_case(pack, "jpeg_rgb", jpeg(rgb, keep_rgb=True))
    jpeg_case(pack, "jpeg_restart", jpeg(rgb, restart_marker_blocks=2))
    jpeg_case(pack, "jpeg_coarse", jpeg(rgb, quality=20))
    jpeg_case(pack, "jpeg_1x1", jpeg(picture(1, 1, 3)))
    # 2x1 sampling renamed to 1x2: the same blocks, read in another order.
    square = jpeg(picture(32, 32, 3), subsampling="4:2:2")
    at = square.index(b"\xff\xc0") + 11
    jpeg_case(pack, "jpeg_440", patched(square, at, b"\x21", b"\x12"))
    cmyk = jpeg(picture(27, 21, 4))
    jpeg_case(pack, "jpeg_cmyk", cmyk)
    adobe = cmyk.index(b"Adobe") + 11
    jpeg_case(pack, "jpeg_ycck", patched(cmyk, adobe, b"\0", b"\2"))
    segment = cmyk.index(b"\xff\xee")
    jpeg_case(pack, "jpeg_cmyk_unmarked", cmyk[:segment] + cmyk[segment + 16:])
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[274] = turn
        jpeg_case(pack, f"jpeg_turned{turn}", jpeg(picture(13, 7, 3), exif=exif))
    large, large_grey = picture(67, 49, 3), picture(67, 49, 1)
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        data = jpeg(large, subsampling=sampling)
        for hint in ((33, 24), (16, 12), (8, 6), (10, 8), (2, 1)):
            jpeg_case(pack, f"jpeg_{sampling.replace(':', '')}_least{hint[0]}x{hint[1]}", data, hint)
    jpeg_case(pack, "jpeg_grey_least16x12", jpeg(large_grey, progressive=True), (16, 12))
    exif = Image.Exif()
    exif[274] = 6
    jpeg_case(pack, "jpeg_turned_least16x24", jpeg(large_grey, exif=exif), (16, 24), True)


# --- files to refuse ---

def jpeg_header(w, h, components, sof=0xC0, precision=8):
    parts = b"".join(bytes([i + 1, 0x11, 0]) for i in range(components))
    frame = struct.pack(">BHHB", precision, h, w, components) + parts
    scan = bytes([components]) + b"".join(bytes([i + 1, 0]) for i in range(components)) + b"\0\x3f\0"
    table = b"\xff\xdb" + struct.pack(">H", 67) + b"\0" + bytes([1] * 64)
    return (b"\xff\xd8" + table + b"\xff" + bytes([sof]) + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xda" +
            struct.pack(">H", len(scan) + 2) + scan + b"\x55" * 40 + b"\xff\xd9")


def bad_cases(pack):
    def add(name, data, says):
        pack.add(name, data, says.encode())

    def ihdr(w, h, depth=8, colour=GREY):
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND")

    add("png_bomb", ihdr(60000, 60000), "60000 x 60000 pixels declared; at most")
    add("png_wide", ihdr(70000, 2), "each side must be 1 to 65535")
    add("png_huge", ihdr(2**31 - 1, 2**31 - 1, 16, RGBA), "each side must be 1 to 65535")
    add("png_hollow", ihdr(16000, 16000, 16, RGBA), "truncated")
    add("png_short", ihdr(20, 20), "damaged PNG")
    add("png_zero", ihdr(0, 5), "damaged PNG")
    good = png(rng.integers(0, 256, (9, 9, 1)), GREY, 8)
    add("png_cut", good[:-20], "truncated PNG")
    add("png_no_end", good[:-12], "truncated PNG")
    add("png_flipped", good[:60] + bytes([good[60] ^ 16]) + good[61:], "damaged PNG")
    add("png_as_text", good.replace(b"\r\n", b"\n"), "damaged by a transfer as text")
    table = chunk(b"PLTE", bytes(range(9)))
    add("png_palette", png(np.array([[[0], [3]], [[1], [2]]]), PALETTE, 2, extra=[table]), "the palette has 3 colours")
    add("jpeg_bomb", jpeg_header(65000, 65000, 3), "65000 x 65000 pixels declared; at most")
    add("jpeg_hollow", jpeg_header(16000, 16000, 3), "truncated")
    add("jpeg_hollow_progressive", jpeg_header(16000, 16000, 3, 0xC2), "truncated")
    add("jpeg_two", jpeg_header(8, 8, 2), "2 components of unknown colours")
    add("jpeg_lossless", jpeg_header(8, 8, 1, 0xC3), "unsupported JPEG")
    add("jpeg_12bit", jpeg_header(8, 8, 1, 0xC1, 12), "unsupported JPEG")
    whole = jpeg(picture(27, 21, 3))
    add("jpeg_cut", whole[:-100], "truncated JPEG")
    add("jpeg_no_end", whole[:-2], "truncated JPEG")
    add("jpeg_only_start", whole[:2] + b"\xff", "truncated JPEG")
    scan = whole.index(b"\xff\xda") + 14
    add("jpeg_hole", whole[:scan + 10] + whole[-40:], "damaged JPEG")
    slow = jpeg(Image.new("L", (8, 8), 100), progressive=True)
    start = slow.index(b"\xff\xda")
    end = slow.index(b"\xff", start + 2)
    mean = slow[start:start + 9] + b"\0" + slow[start + 10:end]  # the mean, all its bits at once
    add("jpeg_scans", slow[:start] + mean * 600 + b"\xff\xd9", "more than 500 scans")


# --- resizing ---

def resize_cases(pack):
    def add(name, a, size, box=None):
        h, w, c = a.shape
        depth = {"uint8": 8, "uint16": 16, "float32": 32}[str(a.dtype)]
        x0, y0, x1, y1 = box or (0, 0, w, h)
        scaled = a.astype(np.float32) * (np.float32(255 / 4095) if depth == 16 else 1)
        planes = [Image.fromarray(np.ascontiguousarray(scaled[:, :, k]), "F") for k in range(c)]
        out = np.stack([np.asarray(p.resize(size, Image.BILINEAR, (x0, y0, x1, y1))) for p in planes], 2)
        pack.add(name, np.ascontiguousarray(a).tobytes(), out.astype("<f4").tobytes(), w, h, c, depth, *size, x0, y0,
                 x1 - x0, y1 - y0)

    def noise(w, h, c, kind=np.uint8, top=256):
        return rng.integers(0, top, (h, w, c)).astype(kind)

    add("down_grey", noise(41, 29, 1), (17, 13))
    add("down_rgb", noise(41, 29, 3), (17, 13))
    add("down_little", noise(23, 19, 3), (22, 18))
    add("down_much", noise(67, 41, 1), (1, 1))
    add("down_to_line", noise(40, 30, 3), (11, 1))
    add("up_grey", noise(7, 5, 1), (33, 21))
    add("up_rgb", noise(7, 5, 3), (24, 22))
    add("up_and_down", noise(9, 41, 3), (20, 11))
    add("down_and_up", noise(41, 9, 1), (11, 20))
    add("same", noise(12, 9, 3), (12, 9))
    add("from_pixel", noise(1, 1, 3), (6, 5))
    add("from_row", noise(9, 1, 1), (4, 6))
    add("wide16", noise(37, 31, 1, np.uint16, 4096), (12, 15))
    add("rgb16", noise(20, 14, 3, np.uint16, 4096), (9, 30))
    add("float", noise(33, 20, 3).astype(np.float32), (14, 9))
    add("four_channels", noise(15, 11, 4), (6, 7))
    add("box", noise(50, 40, 3), (15, 11), (10.25, 5.5, 43.75, 30.125))
    add("box_up", noise(20, 20, 1), (31, 29), (3.5, 4.25, 9.0, 16.75))
    add("box_corner", noise(30, 30, 1).astype(np.float32), (8, 8), (14, 15, 30, 30))


pictures, bad, resized = Pack("vision_pictures.bin"), Pack("vision_bad.bin"), Pack("vision_resize.bin")
png_cases(pictures)
jpeg_cases(pictures)
bad_cases(bad)
resize_cases(resized)
for p in (pictures, bad, resized):
    p.write()
