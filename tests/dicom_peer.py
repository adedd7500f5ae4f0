#!/usr/bin/env python3
"""dicom_peer.py [--list] THAW_TOOLS_PIXELS: decodes every DICOM file that pydicom carries for its own tests with Thaw
and with pydicom, the first frame and the last, and compares each value. --list tells what came out for each file,
and why Thaw takes no picture from files of which pydicom takes none. Needs numpy, pydicom >= 3 and, for compressed files, its decoders (pylibjpeg
with libjpeg, openjpeg and rle, pyjpegls). Exit 0 when all agree, 77 when too little is installed."""
import json
import os
import subprocess
import sys
import warnings

try:
    import logging

    import numpy as np
    import pydicom
    from pydicom.pixels import apply_color_lut, apply_rescale, pixel_array
except ImportError as e:
    print(f"skipped: dicom_peer: {e}")
    sys.exit(77)

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
FILES = os.path.join(os.path.dirname(pydicom.__file__), "data", "test_files")
# Lossy decoders round differently, and conversions to RGB add to that; all else is equal to the bit.
LOSSY = {"1.2.840.10008.1.2.4.50": 3, "1.2.840.10008.1.2.4.51": 1}
REFUSED = {"SC_rgb_rle_32bit.dcm": "colours of 32 bits", "SC_rgb_rle_32bit_2frame.dcm": "colours of 32 bits"}


def ours(tool, path, frame):
    out = subprocess.run([tool, "-f", str(frame + 1), path], stdout=subprocess.PIPE, check=True).stdout
    line, _, body = out.partition(b"\n")
    told = json.loads(line)
    if "error" in told:
        return None, told["error"]
    kind = {8: "u1", 16: "<u2", 32: "<f4"}[told["depth"]]
    return np.frombuffer(body, kind).reshape(told["height"], told["width"], told["channels"]).astype(float), ""


def theirs(ds, frame):
    """Values of a frame, after rescaling; colours as RGB of 8 bits."""
    a = pixel_array(ds, index=frame).astype(float) if ds.PhotometricInterpretation != "PALETTE COLOR" else None
    if a is None:
        a = apply_color_lut(pixel_array(ds, index=frame), ds).astype(int)
        return (a >> 8 if a.max() > 255 else a).astype(float)
    if ds.SamplesPerPixel == 1:
        a = apply_rescale(a, ds) * float(ds.get("DoseGridScaling", 1))
        a = a * 255 if ds.BitsAllocated == 1 else a
    return a.reshape(a.shape[0], a.shape[1], -1)


def compare(tool, path, ds, frame):
    """What came of one frame: a word, and what there is to say; None where pydicom takes no picture."""
    name = os.path.basename(path)
    got, error = ours(tool, path, frame)
    try:
        want = theirs(ds, frame)
    except Exception:
        return None, "decoded by Thaw alone" if got is not None else error.replace(path + ": ", "")
    limit = LOSSY.get(str(ds.file_meta.TransferSyntaxUID), 0)
    if got is None:
        known = REFUSED.get(name, "\0") in error
        return "refused" if known else "WRONG", error.replace(path + ": ", "")
    if got.shape != want.shape:
        return "WRONG", f"{got.shape}, pydicom has {want.shape}"
    worst = np.abs(got - want).max()
    if worst > limit + 1e-6 * np.abs(want).max():
        return "WRONG", f"differs by {worst}, {limit} is allowed"
    return "equal", f"{got.shape[1]} x {got.shape[0]} x {got.shape[2]}" + (f", lossy, differs by {worst:.0f}" if worst >= 1 else "")


def main():
    tool, listed = sys.argv[-1], "--list" in sys.argv
    count, wrong = {"equal": 0, "refused": 0, None: 0, "WRONG": 0}, []
    paths = [os.path.join(folder, f) for folder, _, files in os.walk(FILES) for f in files]
    for path in sorted(paths):
        short = os.path.relpath(path, FILES)
        try:
            ds = pydicom.dcmread(path, force=True)
            frames = int(ds.get("NumberOfFrames", 1) or 1)
        except Exception:
            ds, frames = None, 1
        for frame in sorted({0, frames - 1}):
            verdict, text = compare(tool, path, ds, frame)
            count[verdict] += 1
            line = f"{short}{f' frame {frame + 1}' if frame else ''}: {verdict or 'pydicom takes no picture'}: {text}"
            wrong += [line] if verdict == "WRONG" else []
            if listed:
                print(line)
    print(f"dicom_peer: {count['equal']} pictures are equal to those of pydicom {pydicom.__version__}, {count['WRONG']} are "
          f"not, {count['refused']} are refused for good reasons; pydicom takes no picture from {count[None]} others")
    for line in wrong:
        print(line)
    if count["equal"] < 20:
        print("skipped: dicom_peer: pydicom has too few decoders here")
        return 77
    return 1 if wrong else 0


sys.exit(main())
