#!/usr/bin/env python3
"""Writes formats_pictures.bin and formats_bad.bin beside itself (numpy, Pillow >= 10, tifffile, imagecodecs,
nibabel).

  pictures: A = a TIFF, NIfTI, BMP or WebP file, B = its samples (pack.py, add_picture);
            numbers: width height channels depth frame shown inverted window_low window_high tolerance
  bad:      A = a file to refuse, B = what the error must say
Files of kinds that no library here writes are put together by hand. Samples of files without loss are
those that went in; of the others, Pillow's.
"""
import gzip
import io
import struct

import nibabel
import numpy as np
import tifffile
from PIL import Image

from pack import Pack

rng = np.random.default_rng(13)
W, H = 19, 14


def noise(kind=np.uint8, channels=1, w=W, h=H, low=0, top=None):
    top = np.iinfo(kind).max if top is None else top
    a = rng.integers(low, top, (h, w, channels), endpoint=True).astype(kind)
    return a if channels > 1 else a[:, :, 0]


def smooth(channels=3, w=W, h=H):
    y, x = np.mgrid[0:h, 0:w]
    planes = [127 + 120 * np.sin(0.21 * x + 0.17 * y + c) for c in range(channels)]
    return np.rint(np.stack(planes, 2)).astype(np.uint8)


def pillow(a, kind, **options):
    out = io.BytesIO()
    (a if isinstance(a, Image.Image) else Image.fromarray(a)).save(out, kind, **options)
    return out.getvalue()


def seen(data, mode=None):
    image = Image.open(io.BytesIO(data))
    return np.asarray(image.convert(mode) if mode else image)


# --- TIFF ---


def tiff(*pages, **options):
    out = io.BytesIO()
    with tifffile.TiffWriter(out, byteorder=options.pop("order", "<"), bigtiff=options.pop("big", False)) as writer:
        for page in pages:
            page = page if isinstance(page, tuple) else (page, {})
            writer.write(page[0], metadata=None, software="", **{**options, **page[1]})
    return out.getvalue()


def bare_tiff(w, h, bits, samples, photometric, body, extra=(), order="<"):
    """One strip, uncompressed; extra: (tag, type, values)."""
    entries = [(256, 4, [w]), (257, 4, [h]), (258, 3, [bits] * samples), (259, 3, [1]), (262, 3, [photometric]),
               (273, 4, [0]), (277, 3, [samples]), (278, 4, [h]), (279, 4, [len(body)])] + list(extra)
    entries = sorted({e[0]: e for e in entries}.values())
    at, table, tail = 8, b"", b""
    begin = at + 2 + 12 * len(entries) + 4
    codes = {1: "B", 3: "H", 4: "I"}

    def packed(kind, values):
        return struct.pack(order + str(len(values)) + codes[kind], *values)

    later = sum(len(p) for p in (packed(k, v) for _, k, v in entries) if len(p) > 4)
    for tag, kind, values in entries:
        data = packed(kind, [begin + later] if tag == 273 else values)
        if len(data) > 4:
            tail, data = tail + data, struct.pack(order + "I", begin + len(tail))
        table += struct.pack(order + "HHI", tag, kind, len(values)) + data.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return head + struct.pack(order + "H", len(entries)) + table + b"\0" * 4 + tail + body


def packed_bits(a, bits):
    rows = []
    for row in a:
        cells = ((row.reshape(-1)[:, None].astype(int) >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
        rows.append(np.packbits(cells.reshape(-1)).tobytes())
    return b"".join(rows)


def tiff_cases(add):
    grey, rgb, deep = noise(), noise(channels=3), noise(np.uint16)
    for order in "<>":
        end = "big" if order == ">" else "little"
        add(f"{end}_8", tiff(grey, order=order), grey)
        add(f"{end}_16", tiff(deep, order=order), deep)
        real = noise(np.int32, low=-9000, top=9000).astype(np.float32) / 16
        add(f"{end}_float", tiff(real, order=order), real)
        for kind in (np.int8, np.int16, np.int32, np.uint32):
            a = noise(kind, low=max(np.iinfo(kind).min, -2**23), top=min(np.iinfo(kind).max, 2**24))
            add(f"{end}_{np.dtype(kind).name}", tiff(a, order=order), a.astype(np.float32))
    half = (noise(np.int16, low=-4000, top=4000) / 8).astype(np.float16)
    half[0, :3] = [6e-8, np.inf, -0.0]
    add("half", tiff(half), half.astype(np.float32))
    double = noise(np.int32, low=-9000, top=9000) / 7
    add("double", tiff(double), double.astype(np.float32))
    gaps = real.copy()
    gaps[3, 4:9] = np.nan
    filled = np.where(np.isnan(gaps), np.nanmin(gaps), gaps)
    add("gaps", tiff(gaps), filled.astype(np.float32))
    add("rgb", tiff(rgb), rgb)
    add("rgb_16", tiff(a := noise(np.uint16, 3)), a)
    add("rgb_planes", tiff(np.ascontiguousarray(np.moveaxis(rgb, 2, 0)), planarconfig="separate", photometric="rgb"), rgb)
    add("rgb_float", tiff(a := noise(np.int16, 3).astype(np.float32), photometric="rgb"), a)
    alpha = np.concatenate([rgb, noise()[:, :, None]], 2)
    add("rgba", tiff(alpha, photometric="rgb", extrasamples=["unassalpha"]), rgb)
    add("big_tiff", tiff(grey, big=True), grey)
    wide = noise(w=70, h=50)
    wide_rgb = noise(channels=3, w=50, h=40)
    add("tiled", tiff(wide, tile=(32, 48)), wide)
    add("tiled_rgb", tiff(wide_rgb, tile=(16, 32), compression="deflate"), wide_rgb)
    add("tiled_planes", tiff(np.ascontiguousarray(np.moveaxis(wide_rgb, 2, 0)), tile=(16, 16), planarconfig="separate",
                             photometric="rgb"), wide_rgb)
    add("strips", tiff(wide, rowsperstrip=7), wide)
    for name in ("lzw", "deflate", "packbits", "lzma", "zstd"):
        add(name, tiff(grey, compression=name), grey)
        if name in ("lzw", "deflate"):
            add(name + "_predicted", tiff(deep, compression=name, predictor=2), deep)
            add(name + "_float", tiff(real, compression=name, predictor=3), real)
    pages = [noise() for _ in range(3)]
    three = tiff(*pages)
    for frame in (0, 1, 2, 3):
        add(f"page_{frame}", three, pages[frame - 1 if frame else 1], frame=frame)
    small = noise(w=5, h=4)
    add("thumbnail", tiff((small, {"subfiletype": 1}), (grey, {"subfiletype": 0})), grey)
    add("one_page_of_one", tiff(grey), grey, frame=7)
    add("white_is_zero", tiff(grey, photometric="miniswhite"), grey, inverted=1)
    for bits in (1, 2, 4, 6, 10, 12, 14):
        a = noise(np.uint16, top=2**bits - 1)
        want = (a * 255 // (2**bits - 1)).astype(np.uint8) if bits <= 8 else a
        add(f"bits_{bits}", bare_tiff(W, H, bits, 1, 1, packed_bits(a, bits)), want)
    a = noise(np.uint16, 3, top=15)
    add("bits_4_rgb", bare_tiff(W, H, 4, 3, 2, packed_bits(a, 4)), (a * 17).astype(np.uint8))
    table = rng.integers(0, 256, (3, 256))
    for bits in (1, 4, 8):
        a = noise(top=2**bits - 1)
        part = table[:, :2**bits]
        for name, scale in (("", 257), ("_narrow", 1)):
            colours = (320, 3, [int(v) * scale for v in part.reshape(-1)])
            data = bare_tiff(W, H, bits, 1, 3, packed_bits(a, bits), [colours])
            add(f"palette_{bits}{name}", data, np.moveaxis(part[:, a], 0, 2).astype(np.uint8))
    fax = Image.fromarray(grey > 128)
    add("fax", pillow(fax, "TIFF", compression="group4"), np.asarray(fax).astype(np.uint8) * 255, inverted=None)
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[274] = turn
        data = bare_tiff(W, H, 8, 1, 1, grey.tobytes(), [(274, 3, [turn])])
        flips = {1: grey, 2: grey[:, ::-1], 3: grey[::-1, ::-1], 4: grey[::-1], 5: grey.T, 6: grey[::-1].T,
                 7: grey[::-1, ::-1].T, 8: grey[:, ::-1].T}
        add(f"turned{turn}", data, np.ascontiguousarray(flips[turn]))
    photo = smooth(w=40, h=32)
    data = pillow(photo, "TIFF", compression="jpeg")
    add("jpeg", data, seen(data, "RGB"), tolerance=2)
    add("jpeg_grey", tiff(photo[:, :, 0], compression="jpeg", compressionargs={"level": 95}), photo[:, :, 0], tolerance=5)
    inks = smooth(4)
    cmyk = tiff(inks, photometric="separated")
    want = (255 - inks[:, :, :3].astype(int)) * (255 - inks[:, :, 3:].astype(int)) / 255
    add("cmyk", cmyk, want.astype(np.uint8), tolerance=1)


# --- NIfTI ---


def nifti(a, affine, kind=nibabel.Nifti1Image, packed=False, form="s", **fields):
    image = kind(a, affine)
    image.header.set_data_dtype(a.dtype)
    image.set_sform(affine if "s" in form else None, int("s" in form))
    image.set_qform(affine if "q" in form else None, int("q" in form))
    for name, value in fields.items():
        image.header[name] = value
    data = image.to_bytes()
    return gzip.compress(data, mtime=0) if packed else data


def axial(a, affine):
    """Slices from the feet up, the patient's right on the left, the front on top."""
    volume = nibabel.as_closest_canonical(nibabel.Nifti1Image(a, affine)).get_fdata()
    return [volume[::-1, ::-1, k].T for k in range(volume.shape[2])]


def nifti_cases(add):
    shape, plain = (11, 9, 6), np.diag([1.0, 1, 1, 1])

    def volume(kind, low=0, top=None, size=shape):
        return rng.integers(low, np.iinfo(kind).max if top is None else top, size, endpoint=True).astype(kind)

    def middle(a, affine, kind):
        return np.ascontiguousarray(axial(a, affine)[(a.shape[2] - 1) // 2 if affine is plain else -1].astype(kind))

    byte, short = volume(np.uint8), volume(np.int16, -32768)
    add("u8", nifti(byte, plain), middle(byte, plain, np.uint8))
    add("u8_gz", nifti(byte, plain, packed=True), middle(byte, plain, np.uint8))
    add("u16", nifti(a := volume(np.uint16), plain), middle(a, plain, np.uint16))
    for kind in (np.int8, np.int16, np.int32, np.uint32):
        info = np.iinfo(kind)
        a = volume(kind, max(info.min, -2**23), min(info.max, 2**24))
        add(np.dtype(kind).name, nifti(a, plain), middle(a, plain, np.float32))
    real = (volume(np.int16, -999, 999) / 7).astype(np.float32)
    add("float", nifti(real, plain), middle(real, plain, np.float32))
    add("double", nifti(real.astype(np.float64), plain, packed=True), middle(real, plain, np.float32))
    gaps = real.copy()
    gaps[2:5, 3, 2] = np.nan
    add("gaps", nifti(gaps, plain), np.nan_to_num(middle(gaps, plain, np.float32), nan=np.nanmin(gaps[:, :, 2])))
    big = nibabel.Nifti1Image(short, plain, nibabel.Nifti1Header(endianness=">"))
    big.header.set_data_dtype(">i2")
    data = io.BytesIO()
    big.file_map["image"].fileobj = data
    big.to_file_map()
    add("big", data.getvalue(), middle(short, plain, np.float32))
    add("two", nifti(short, plain, nibabel.Nifti2Image), middle(short, plain, np.float32))
    add("two_gz", nifti(short, plain, nibabel.Nifti2Image, packed=True), middle(short, plain, np.float32))
    for frame in (1, 4, 6):
        add(f"slice_{frame}", nifti(byte, plain), axial(byte, plain)[frame - 1].astype(np.uint8), frame=frame)
    add("unplaced", nifti(byte, plain, form=""), np.ascontiguousarray(byte[:, :, 2].T))
    add("scaled", nifti(short, plain, scl_slope=0.5, scl_inter=-3),
        (middle(short, plain, np.float64) * 0.5 - 3).astype(np.float32), tolerance=0.01)
    add("window", nifti(byte, plain, cal_min=10, cal_max=99), middle(byte, plain, np.uint8), window=(10, 99))
    # All ways a volume may lie, a little askew, by sform and by qform.
    turn = 0.2
    askew = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    for i, order in enumerate(orders):
        for signs in ((1, 1, 1), (-1, 1, -1), (1, -1, -1), (-1, -1, 1)):
            affine = np.eye(4)
            affine[:3, :3] = askew @ np.eye(3)[:, list(order)] @ np.diag(signs) @ np.diag([1.5, 2, 0.7])
            slices = axial(byte, affine)
            form = "q" if (i + signs[0]) % 3 else "s"
            name = f"placed_{i}_{''.join('+' if s > 0 else '-' for s in signs)}"
            add(name, nifti(byte, affine, form=form), slices[1].astype(np.uint8), frame=2)
    four = volume(np.uint8, size=(7, 6, 4, 3))
    slices = [four[::-1, ::-1, k, t].T for t in range(3) for k in range(4)]
    for frame in (0, 4, 5, 12):
        add(f"times_{frame}", nifti(four, plain, packed=frame > 4), np.ascontiguousarray(slices[frame - 1 if frame else 1]),
            frame=frame)
    colours = rng.integers(0, 256, (7, 6, 4, 3)).astype(np.uint8)
    cells = np.ascontiguousarray(colours).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    add("rgb", nifti(cells, plain), np.ascontiguousarray(colours[::-1, ::-1, 1].transpose(1, 0, 2)))
    flat = volume(np.uint8, size=(8, 5))
    add("flat", nifti(flat, plain), np.ascontiguousarray(flat[::-1, ::-1].T))


# --- BMP ---


def bmp(w, h, bits, body, palette=b"", coding=0, masks=b"", top_down=False, core=False, used=0):
    if core:
        head = struct.pack("<IHHHH", 12, w, h, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", 40, w, -h if top_down else h, 1, bits, coding, len(body), 0, 0, used, 0)
    at = 14 + len(head) + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", at + len(body), 0, 0, at) + head + masks + palette + body


def rows_of(a, bits):
    """Rows from the bottom up, each filled up to four bytes."""
    out = b""
    for row in a[::-1]:
        data = packed_bits(row[None], bits) if bits < 8 else row.tobytes()
        out += data + b"\0" * (-len(data) % 4)
    return out


def bmp_cases(add):
    grey, rgb = noise(), noise(channels=3)
    add("grey", data := pillow(grey, "BMP"), grey)
    add("rgb", pillow(rgb, "BMP"), rgb)
    add("rgba", pillow(np.concatenate([rgb, noise()[:, :, None]], 2), "BMP"), rgb)
    add("two", pillow(Image.fromarray(grey > 128), "BMP"), np.where(grey > 128, 255, 0).astype(np.uint8))
    table = rng.integers(0, 256, (256, 3)).astype(np.uint8)
    palette = np.concatenate([table[:, ::-1], np.zeros((256, 1), np.uint8)], 1)
    for bits in (1, 4, 8):
        a, n = noise(top=2**bits - 1), 2**bits
        add(f"palette_{bits}", bmp(W, H, bits, rows_of(a, bits), palette[:n].tobytes()), table[a])
        add(f"core_{bits}", bmp(W, H, bits, rows_of(a, bits), palette[:n, :3].tobytes(), core=True), table[a])
    a = noise(top=8)
    add("palette_9", bmp(W, H, 8, rows_of(a, 8), palette[:9].tobytes(), used=9), table[a])
    add("top_down", bmp(W, H, 8, rows_of(a[::-1], 8), palette[:9].tobytes(), used=9, top_down=True), table[a])
    for name, masks in (("555", (0x7C00, 0x3E0, 0x1F)), ("565", (0xF800, 0x7E0, 0x1F)), ("444", (0xF00, 0xF0, 0xF))):
        a = noise(np.uint16)
        planes = []
        for mask in masks:
            low = (mask & -mask).bit_length() - 1
            planes.append(np.floor(((a & mask) >> low) * 255 / (mask >> low) + 0.5))
        given = b"" if name == "555" else struct.pack("<III", *masks)
        data = bmp(W, H, 16, rows_of(a, 16), masks=given, coding=3 if given else 0)
        add("rgb" + name, data, np.stack(planes, 2).astype(np.uint8))
        if name != "444":
            assert np.abs(seen(data, "RGB").astype(int) - np.stack(planes, 2)).max() <= 4, name
    # 5 x 3 by runs: a run, a stretch of three, a jump, ends of lines
    table5 = bytes(palette[:16].tobytes())
    want = np.array([[0, 0, 0, 7, 7], [1, 2, 3, 0, 0], [9, 9, 9, 9, 4]])
    runs = bytes([4, 9, 1, 4, 0, 0, 0, 3, 1, 2, 3, 0, 0, 2, 0, 1, 2, 7, 0, 1])
    add("runs_8", bmp(5, 3, 8, runs, table5, coding=1, used=16), table[want])
    runs = bytes([4, 0x99, 1, 0x40, 0, 0, 0, 3, 0x12, 0x30, 0, 2, 0, 1, 2, 0x77, 0, 1])
    add("runs_4", bmp(5, 3, 4, runs, table5, coding=2), table[want])


# --- WebP ---


def webp_cases(add):
    photo, rgb = smooth(w=40, h=32), noise(channels=3)
    add("lossless", pillow(rgb, "WEBP", lossless=True), rgb)
    add("lossy", data := pillow(photo, "WEBP", quality=80), seen(data), tolerance=1)
    alpha = np.concatenate([photo, noise(w=40, h=32)[:, :, None]], 2)
    add("alpha", data := pillow(alpha, "WEBP", quality=80), seen(data)[:, :, :3], tolerance=1)
    for turn in (3, 6):
        exif = Image.Exif()
        exif[274] = turn
        add(f"turned{turn}", pillow(rgb, "WEBP", lossless=True, exif=exif.tobytes()),
            np.ascontiguousarray(rgb[::-1, ::-1] if turn == 3 else rgb[::-1].transpose(1, 0, 2)))


# --- what must be refused ---


def bad_cases(pack):
    def add(name, data, says):
        pack.add(name, data, says.encode())

    grey, deep = noise(), noise(np.uint16)
    whole = tiff(grey)
    add("tiff_head", whole[:4], "damaged or unsupported TIFF")
    add("tiff_bomb", bare_tiff(60000, 60000, 8, 1, 1, b"\1" * 50), "60000 x 60000 pixels declared; at most")
    add("tiff_wide", bare_tiff(70000, 1, 8, 1, 1, b"\1" * 50), "each side must be 1 to 65535")
    add("tiff_hollow", bare_tiff(9000, 9000, 16, 3, 2, b"\1" * 50), "truncated")
    add("tiff_none", bare_tiff(0, 5, 8, 1, 1, b"\1" * 50), "TIFF")
    add("tiff_five", tiff(noise(channels=5), photometric="minisblack", planarconfig="contig"), "5 samples a pixel")
    complex_ = tiff(np.ones((4, 4), np.complex64))
    add("tiff_complex", complex_, "complex samples of 64 bits")
    add("tiff_24", bare_tiff(4, 4, 24, 1, 1, b"\1" * 48), "unsigned samples of 24 bits")
    add("tiff_page", tiff(grey, grey), "has 2 pages; number 9 is wanted")
    jpeg = tiff(smooth(1, 64, 64)[:, :, 0], compression="jpeg")
    cut = jpeg.rindex(b"\xff\xd9")
    add("tiff_jpeg_hole", jpeg[:cut - 60] + b"\0" * 60 + jpeg[cut:], "TIFF")
    add("tiff_no_palette", bare_tiff(W, H, 4, 1, 3, grey.tobytes()), "TIFF")
    volume = rng.integers(0, 255, (9, 8, 12)).astype(np.uint8)
    good = nifti(volume, np.eye(4))
    add("nifti_cut", good[:-1], "truncated NIfTI")
    packed = gzip.compress(good, mtime=0)
    add("nifti_gz_cut", packed[:-40], "NIfTI")
    add("nifti_gz_sum", packed[:-8] + b"\1\2\3\4" + packed[-4:], "its gzip stream is broken")
    add("nifti_slice", nifti(volume[:, :, :7], np.eye(4)), "has 7 slices; number 9 is wanted")
    add("nifti_pair", good[:344] + b"ni1\0" + good[348:], "header of a NIfTI pair")
    add("nifti_complex", good[:70] + struct.pack("<h", 32) + good[72:], "data type 32")
    add("nifti_bomb", good[:42] + struct.pack("<3h", 32767, 32767, 3) + good[48:], "32767 x 32767 pixels declared")
    add("nifti_dims", good[:42] + struct.pack("<3h", 9, -8, 12) + good[48:], "a dimension of -8")
    add("nifti_rank", good[:40] + struct.pack("<h", 9) + good[42:], "number of dimensions")
    add("nifti_size", struct.pack("<i", 347) + good[4:], "damaged NIfTI")
    add("nifti_begin", good[:108] + struct.pack("<f", -3) + good[112:], "samples that begin at byte")
    image = bmp(W, H, 24, rows_of(noise(channels=3), 24))
    add("bmp_cut", image[:-1], "truncated")
    add("bmp_head", image[:20], "truncated BMP")
    add("bmp_bomb", bmp(60000, 60000, 24, b"\0" * 40), "60000 x 60000 pixels declared; at most")
    add("bmp_hollow", bmp(9000, 9000, 24, b"\0" * 40), "truncated")
    add("bmp_bits", bmp(W, H, 7, b"\0" * 999), "BMP of 7 bits")
    add("bmp_jpeg", bmp(W, H, 24, b"\0" * 999, coding=4), "compression 4")
    add("bmp_colour", bmp(2, 1, 8, b"\0\5\0\0", b"\0" * 12, used=3), "the palette has 3 colours")
    add("bmp_runs", bmp(5, 3, 8, bytes([6, 1, 0, 1]), b"\0" * 64, coding=1, used=16), "a run that leaves the picture")
    add("bmp_runs_cut", bmp(5, 3, 8, bytes([2, 1]), b"\0" * 64, coding=1, used=16), "truncated BMP")
    add("bmp_mask", bmp(2, 2, 16, b"\0" * 8, coding=3, masks=struct.pack("<3I", 5, 2, 8)), "a colour mask with holes")
    picture = pillow(smooth(), "WEBP", quality=70)
    add("webp_cut", picture[:-30], "truncated WebP")
    frames = [Image.fromarray(smooth()), Image.fromarray(smooth()[::-1])]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    add("webp_animated", out.getvalue(), "animated WebP")
    at = picture.index(b"VP8 ")
    add("webp_broken", picture[:at + 8] + b"\xff" * 12 + picture[at + 20:], "WebP")


def main():
    pictures, bad = Pack("formats_pictures.bin"), Pack("formats_bad.bin")

    def adder(kind):
        def add(name, data, want, **more):
            if more.get("inverted", 0) is None:  # as Pillow chose
                more["inverted"] = int(tifffile.TiffFile(io.BytesIO(data)).pages[0].photometric == 0)
                want = 255 - want if more["inverted"] else want
            pictures.add_picture(f"{kind}_{name}", data, want, **more)
        return add

    tiff_cases(adder("tiff"))
    nifti_cases(adder("nifti"))
    bmp_cases(adder("bmp"))
    webp_cases(adder("webp"))
    bad_cases(bad)
    pictures.write()
    bad.write()


main()
