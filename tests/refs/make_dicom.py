#!/usr/bin/env python3
"""Writes dicom_pictures.bin and dicom_bad.bin beside itself (numpy, Pillow, pydicom >= 3, imagecodecs,
pylibjpeg with libjpeg, openjpeg and rle, pyjpegls).

  pictures: A = a DICOM file, B = its samples (pack.py, add_picture);
            numbers: width height channels depth frame shown inverted window_low window_high tolerance
  bad:      A = a file to refuse, B = what the error must say
The files are put together here with pydicom. Samples of compressed files without loss are those that
went in; of the others, what pydicom's decoders make of them.
"""
import io
import struct
import warnings

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian,
                         ImplicitVRLittleEndian, JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit, JPEGExtended12Bit,
                         JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless, RLELossless)
from PIL import Image

from pack import Pack

warnings.filterwarnings("ignore")
rng = np.random.default_rng(11)
W, H = 13, 10


def smooth(top, channels=1, w=W, h=H, low=0):
    """Something a lossy coder leaves nearly as it is."""
    y, x = np.mgrid[0:h, 0:w]
    planes = [low + (top - low) * (0.5 + 0.5 * np.sin(0.31 * x + 0.23 * y + c)) for c in range(channels)]
    return np.rint(np.stack(planes, 2)).astype(np.int64)


def noise(top, channels=1, low=0, w=W, h=H):
    return rng.integers(low, top + 1, (h, w, channels))


def save(ds, syntax, preamble=True):
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    out = io.BytesIO()
    if preamble:
        pydicom.dcmwrite(out, ds, enforce_file_format=True)
        return out.getvalue()
    del ds.file_meta
    pydicom.dcmwrite(out, ds, implicit_vr=syntax.is_implicit_VR, little_endian=True)
    return out.getvalue()


def dicom(frames, bits, stored=None, syntax=ExplicitVRLittleEndian, signed=False, colours=None, planar=0, pieces=None,
          raw=None, high=None, preamble=True, **tags):
    """frames: [H,W,C] integers, or a list of them; pieces: their compressed forms."""
    frames = frames if isinstance(frames, list) else [frames]
    h, w, c = frames[0].shape
    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.SOPInstanceUID = "1.2.3"
    ds.PatientID = "P7"
    ds.Modality = "OT"
    ds.SamplesPerPixel = c
    ds.PhotometricInterpretation = colours or ("RGB" if c == 3 else "MONOCHROME2")
    if c == 3:
        ds.PlanarConfiguration = planar
    if len(frames) > 1:
        ds.NumberOfFrames = len(frames)
    ds.Rows, ds.Columns = h, w
    ds.BitsAllocated, ds.BitsStored = bits, stored or bits
    ds.HighBit = ds.BitsStored - 1 if high is None else high
    ds.PixelRepresentation = int(signed)
    for name, value in tags.items():
        setattr(ds, name, value)
    if pieces:
        ds.PixelData = encapsulate(pieces)
        ds["PixelData"].is_undefined_length = True
        ds["PixelData"].VR = "OB"
    else:
        order = ">" if syntax == ExplicitVRBigEndian else "<"
        kind = order + ("i" if signed else "u") + str(bits // 8) if bits > 1 else None
        if raw is None:
            raw = b"".join((np.moveaxis(f, 2, 0) if planar else f).astype(kind).tobytes() for f in frames)
        ds.PixelData = raw + b"\0" * (len(raw) % 2)
        ds["PixelData"].VR = "OB" if bits <= 8 else "OW"
    return save(ds, syntax, preamble)


def floats(a):
    return a.astype(np.float32)


def decoded(data, index=None):
    return pixel_array(pydicom.dcmread(io.BytesIO(data)), index=index)


def lut(values, first, bits):
    item = Dataset()
    item.add_new(0x00283002, "US", [len(values) % 65536, first % 65536, bits])
    item.add_new(0x00283006, "US", [int(v) for v in values])
    return Sequence([item])


def plain_cases(add):
    deep, byte = noise(4095), noise(255)
    for name, syntax in (("implicit", ImplicitVRLittleEndian), ("explicit", ExplicitVRLittleEndian),
                         ("big", ExplicitVRBigEndian), ("deflated", DeflatedExplicitVRLittleEndian)):
        add(f"{name}_12", dicom(deep, 16, 12, syntax), deep.astype(np.uint16))
        add(f"{name}_8", dicom(byte, 8, syntax=syntax), byte.astype(np.uint8))
    add("16", dicom(a := noise(65535), 16), a.astype(np.uint16))
    add("32", dicom(a := noise(2**24), 32), floats(a))
    add("32_big", dicom(a, 32, syntax=ExplicitVRBigEndian), floats(a))
    add("signed", dicom(a := noise(32767, low=-32768), 16, signed=True), floats(a))
    add("signed_big", dicom(a, 16, signed=True, syntax=ExplicitVRBigEndian), floats(a))
    add("signed_8", dicom(a := noise(127, low=-128), 8, signed=True), floats(a))
    a = noise(2047, low=-2048)
    dirty = (a & 4095) | rng.integers(0, 16, a.shape) << 12
    add("signed_12_dirty", dicom(dirty, 16, 12, signed=True, raw=dirty.astype("<u2").tobytes()), floats(a))
    high = deep << 4 | rng.integers(0, 16, deep.shape)
    add("high_bits", dicom(deep, 16, 12, high=15, raw=high.astype("<u2").tobytes()), deep.astype(np.uint16))
    bits = noise(1)
    packed = np.packbits(bits.reshape(-1).astype(np.uint8), bitorder="little").tobytes()
    add("1_bit", dicom(bits, 1, raw=packed), (bits * 255).astype(np.uint8))
    add("no_preamble", dicom(byte, 8, preamble=False), byte.astype(np.uint8))
    add("no_preamble_implicit", dicom(byte, 8, syntax=ImplicitVRLittleEndian, preamble=False), byte.astype(np.uint8))
    add("inverted_12", dicom(deep, 16, 12, colours="MONOCHROME1"), deep.astype(np.uint16), inverted=1)
    add("inverted_8", dicom(byte, 8, colours="MONOCHROME1"), byte.astype(np.uint8), inverted=1)
    for i in range(3):  # the middle of four is the second
        frames = [noise(4095) for _ in range(4)]
        add(f"frames_{i}", dicom(frames, 16, 12), frames[(1, 0, 3)[i]].astype(np.uint16), frame=(0, 1, 4)[i])


def colour_cases(add):
    rgb = noise(255, 3)
    add("rgb", dicom(rgb, 8), rgb.astype(np.uint8))
    add("rgb_planes", dicom(rgb, 8, planar=1), rgb.astype(np.uint8))
    add("rgb_16", dicom(a := noise(65535, 3), 16), a.astype(np.uint16))
    add("ybr", data := dicom(a := noise(255, 3), 8, colours="YBR_FULL"), decoded(data), tolerance=1)
    add("ybr_planes", dicom(a, 8, colours="YBR_FULL", planar=1), decoded(data), tolerance=1)
    a = noise(255, 3, w=12)
    a[:, 1::2, 1:] = a[:, ::2, 1:]
    halved = np.stack([a[:, ::2, 0], a[:, 1::2, 0], a[:, ::2, 1], a[:, ::2, 2]], 2).astype(np.uint8).tobytes()
    full = dicom(a, 8, colours="YBR_FULL")
    add("ybr_422", dicom(a, 8, colours="YBR_FULL_422", raw=halved), decoded(full), tolerance=1)
    index = noise(11, low=2)
    table = rng.integers(0, 256, (3, 9))
    for name, bits, words in (("8", 8, table.astype(np.uint8)), ("16", 16, (table * 257).astype("<u2"))):
        tags = {}
        for c, colour in enumerate(("Red", "Green", "Blue")):
            raw = words[c].tobytes()
            tags[f"{colour}PaletteColorLookupTableDescriptor"] = [9, 3, bits]
            tags[f"{colour}PaletteColorLookupTableData"] = raw + b"\0" * (len(raw) % 2)
        want = np.stack([table[c][np.clip(index[:, :, 0] - 3, 0, 8)] for c in range(3)], 2)
        add(f"palette_{name}", dicom(index, 8, colours="PALETTE COLOR", **tags), want.astype(np.uint8))


def rle(frames, bits, **more):
    raw = [f.astype("<u2" if bits == 16 else "u1") for f in frames]
    pieces = []
    for f in raw:
        planes = f.reshape(-1, f.shape[2]).T
        segments = []
        for plane in planes:
            cells = plane.astype(">u2" if bits == 16 else "u1").tobytes()
            for byte in range(bits // 8):
                segments.append(imagecodecs.packbits_encode(cells[byte::bits // 8]))
        offsets, body = [], b""
        for s in segments:
            offsets.append(64 + len(body))
            body += s + b"\0" * (len(s) % 2)
        head = struct.pack("<16I", len(segments), *offsets, *([0] * (15 - len(offsets))))
        pieces.append(head + body)
    return dicom(frames, bits, syntax=RLELossless, pieces=pieces, planar=0, **more)


def compressed_cases(add):
    byte, deep, rgb = smooth(255), smooth(4095), smooth(255, 3)
    a8, a12, a16 = (x[:, :, 0].astype(t) for x, t in ((byte, np.uint8), (deep, np.uint16), (smooth(65535), np.uint16)))
    c8 = rgb.astype(np.uint8)
    flat = byte.copy()
    flat[:, :7] = 90
    add("rle_8", rle([flat], 8), flat.astype(np.uint8))
    add("rle_16", rle([noise(65535)], 16), None)
    add("rle_rgb", rle([rgb], 8), c8)
    add("rle_rgb_16", rle([noise(65535, 3)], 16), None)
    frames = [noise(255) for _ in range(3)]
    add("rle_frames", rle(frames, 8), frames[2].astype(np.uint8), frame=3)

    def pillow(a, **options):
        out = io.BytesIO()
        Image.fromarray(a).save(out, "JPEG", quality=92, **options)
        return out.getvalue()

    add("jpeg", dicom(byte, 8, syntax=JPEGBaseline8Bit, pieces=[pillow(a8)]), None, tolerance=2)
    for sampling in (0, 1):
        data = dicom(rgb, 8, syntax=JPEGBaseline8Bit, colours="YBR_FULL_422" if sampling else "YBR_FULL",
                     pieces=[pillow(c8, subsampling=sampling)])
        want = np.asarray(Image.open(io.BytesIO(pillow(c8, subsampling=sampling))))
        add(f"jpeg_ybr{sampling}", data, want, tolerance=3)
    jpegs = [smooth(200 + 20 * i) for i in range(3)]
    data = dicom(jpegs, 8, syntax=JPEGBaseline8Bit, pieces=[pillow(f[:, :, 0].astype(np.uint8)) for f in jpegs])
    for frame in (1, 2, 3):
        add(f"jpeg_frame{frame}", data, decoded(data, frame - 1), frame=frame, tolerance=2)
    data = dicom(deep, 16, 12, JPEGExtended12Bit, pieces=[imagecodecs.jpeg8_encode(a12, level=95, bitspersample=12)])
    add("jpeg_12", data, None, tolerance=3)
    for name, a, bits, stored, syntax in (("8", a8, 8, 8, JPEGLosslessSV1), ("12", a12, 16, 12, JPEGLosslessSV1),
                                          ("16", a16, 16, 16, JPEGLosslessSV1), ("16_p", a16, 16, 16, JPEGLossless)):
        piece = imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=stored,
                                         predictor=4 if syntax == JPEGLossless else 1)
        add(f"jpeg_lossless_{name}", dicom(a[:, :, None], bits, stored, syntax, pieces=[piece]), a)
    piece = imagecodecs.jpeg8_encode(c8, lossless=True, predictor=1, colorspace="RGB", outcolorspace="RGB")
    add("jpeg_lossless_rgb", dicom(rgb, 8, syntax=JPEGLosslessSV1, pieces=[piece]), c8)
    add("jpegls_8", dicom(byte, 8, syntax=JPEGLSLossless, pieces=[imagecodecs.jpegls_encode(a8)]), a8)
    add("jpegls_16", dicom(smooth(65535), 16, syntax=JPEGLSLossless, pieces=[imagecodecs.jpegls_encode(a16)]), a16)
    near = imagecodecs.jpegls_encode(a12, level=3)
    data = dicom(deep, 16, 12, JPEGLSNearLossless, pieces=[near])
    add("jpegls_near", data, np.minimum(decoded(data), 4095))  # it overshoots
    add("jpegls_rgb", dicom(rgb, 8, syntax=JPEGLSLossless, pieces=[imagecodecs.jpegls_encode(c8)]), c8)

    def j2k(a, **options):
        return imagecodecs.jpeg2k_encode(a, codecformat="j2k", **options)

    add("j2k_16", dicom(smooth(65535), 16, syntax=JPEG2000Lossless, pieces=[j2k(a16, reversible=True)]), a16)
    signed = smooth(900, low=-1000)
    s16 = signed[:, :, 0].astype(np.int16)
    add("j2k_signed", dicom(signed, 16, signed=True, syntax=JPEG2000Lossless, pieces=[j2k(s16, reversible=True)],
                            RescaleSlope=2, RescaleIntercept=-24), floats(signed * 2 - 24))
    add("j2k_rgb", dicom(rgb, 8, syntax=JPEG2000Lossless, colours="YBR_RCT", pieces=[j2k(c8, reversible=True, mct=True)]),
        c8)
    add("j2k_lossy", dicom(byte, 8, syntax=JPEG2000, pieces=[j2k(a8, level=40)]), None, tolerance=1)


def value_cases(add):
    deep, byte = noise(4095), noise(255)
    add("rescaled", dicom(deep, 16, 12, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400),
        floats(deep - 1024), window=(-160, 239))
    add("slope", dicom(deep, 16, 12, RescaleSlope="0.25", RescaleIntercept="3.5"), floats(deep * 0.25 + 3.5))
    add("window_exact", dicom(deep, 16, 12, WindowCenter=[40, 80], WindowWidth=[400, 1],
                              VOILUTFunction="LINEAR_EXACT"), deep.astype(np.uint16), window=(-160, 240))
    sigmoid = dicom(deep, 16, 12, WindowCenter=2000, WindowWidth=900, VOILUTFunction="SIGMOID")
    add("sigmoid", sigmoid, deep.astype(np.uint16), window=(1550, 2450))
    add("sigmoid_shown", sigmoid, floats(255 / (1 + np.exp(-4 * (deep - 2000) / 900))), shown=1, window=(0, 255),
        tolerance=1e-4)
    curve = np.rint(1023 * np.linspace(0, 1, 3000)**2).astype(int)
    voi = dicom(deep, 16, 12, VOILUTSequence=lut(curve[:600], 100, 10))
    add("voi", voi, deep.astype(np.uint16), window=(100, 699))
    mapped = curve[np.clip(deep - 100, 0, 599)]
    add("voi_shown", voi, floats(mapped * 255 / 1023), shown=1, window=(0, 255), tolerance=1e-4)
    table = np.sort(rng.integers(0, 60000, 200))
    modality = dicom(byte, 8, ModalityLUTSequence=lut(table, 20, 16))
    add("modality", modality, floats(table[np.clip(byte - 20, 0, 199)]))
    check = apply_modality_lut(decoded(modality), pydicom.dcmread(io.BytesIO(modality)))
    assert np.array_equal(check, table[np.clip(byte - 20, 0, 199)][:, :, 0])
    signed = noise(500, low=-500)
    data = dicom(signed, 16, signed=True, VOILUTSequence=lut(np.arange(256), -128, 8))
    add("voi_signed", data, floats(np.clip(signed + 128, 0, 255)), shown=1, window=(0, 255), tolerance=1e-4)

    # Enhanced: each frame has its own slope and window, all share an intercept's group where they lack one.
    def frame_group(slope, centre):
        group, value, window = Dataset(), Dataset(), Dataset()
        value.RescaleSlope, value.RescaleIntercept, value.RescaleType = slope, -5, "US"
        window.WindowCenter, window.WindowWidth = centre, 100
        group.PixelValueTransformationSequence = Sequence([value])
        group.FrameVOILUTSequence = Sequence([window])
        return group

    frames = [noise(4095) for _ in range(3)]
    data = dicom(frames, 16, 12, SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1",
                 SharedFunctionalGroupsSequence=Sequence([Dataset()]),
                 PerFrameFunctionalGroupsSequence=Sequence([frame_group(i + 2, 50 * i + 60.5) for i in range(3)]))
    for i in range(3):
        add(f"enhanced_{i}", data, floats(frames[i] * (i + 2) - 5), frame=i + 1,
            window=(50 * i + 10.5, 50 * i + 109.5))


def bad_cases(pack):
    def add(name, data, says):
        pack.add(name, data, says.encode())

    byte = smooth(255)
    whole = dicom(byte, 8)
    add("dicom_cut", whole[:-20], "truncated")
    add("dicom_short", dicom(byte, 8, raw=b"\1" * 100), "100 bytes of samples, 130 are needed")
    add("dicom_frame", dicom([byte] * 3, 8), "has 3 frames; number 9 is wanted")
    jpeg = io.BytesIO()
    Image.fromarray(byte[:, :, 0].astype(np.uint8)).save(jpeg, "JPEG")
    add("dicom_jpeg_cut", dicom(byte, 8, syntax=JPEGBaseline8Bit, pieces=[jpeg.getvalue()[:-30]]), "truncated")
    deflated = dicom(noise(4095), 16, 12, DeflatedExplicitVRLittleEndian)
    add("dicom_deflated_cut", deflated[:-40], "DICOM")
    runs = rle([byte], 8)
    at = runs.index(struct.pack("<2I", 1, 64))
    add("dicom_rle_count", runs[:at] + struct.pack("<2I", 2, 64) + runs[at + 8:], "2 run-length segments, 1 are wanted")
    add("dicom_rle_far", runs[:at] + struct.pack("<2I", 1, 9999) + runs[at + 8:], "run-length segment 1 of 1 is broken")
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID, report.Modality = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3", "SR"
    add("dicom_report", save(report, ExplicitVRLittleEndian), "it holds no picture (modality SR)")
    add("dicom_palette", dicom(byte, 8, colours="PALETTE COLOR"), "without its palette")
    add("dicom_colours", dicom(noise(255, 3), 8, colours="HSV"), "DICOM")
    add("dicom_bomb", dicom(byte, 8, Rows=65535, Columns=65535), "65535 x 65535 pixels declared; at most")
    add("dicom_hollow", dicom(byte, 8, Rows=15000, Columns=15000), "225000000 are needed")
    add("dicom_mpeg", dicom(byte, 8, syntax=pydicom.uid.MPEG2MPML, pieces=[b"\0" * 50]), "DICOM")
    add("dicom_empty", b"\0" * 128 + b"DICM", "DICOM")


def main():
    pictures, bad = Pack("dicom_pictures.bin"), Pack("dicom_bad.bin")

    def add(name, data, want, **more):
        """Without `want`: what pydicom makes of it."""
        if want is None:
            want = decoded(data)
        pictures.add_picture("dicom_" + name, data, want, **more)

    plain_cases(add)
    colour_cases(add)
    compressed_cases(add)
    value_cases(add)
    bad_cases(bad)
    pictures.write()
    bad.write()


main()
