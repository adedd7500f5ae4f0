#!/usr/bin/env python3
"""dicom_peer.py THAW_TOOLS_PIXELS: decodes every DICOM file that pydicom carries for its own tests with Thaw and
with pydicom, and compares each value. Needs numpy, pydicom >= 3 and, for compressed files, its decoders (pylibjpeg
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


def ours(tool, path):
    out = subprocess.run([tool, "-f", "1", path], stdout=subprocess.PIPE, check=True).stdout
    line, _, body = out.partition(b"\n")
    told = json.loads(line)
    if "error" in told:
        return None, told["error"]
    kind = {8: "u1", 16: "<u2", 32: "<f4"}[told["depth"]]
    return np.frombuffer(body, kind).reshape(told["height"], told["width"], told["channels"]).astype(float), ""


def theirs(ds):
    """Values of the first frame, after rescaling; colours as RGB of 8 bits."""
    a = pixel_array(ds, index=0).astype(float) if ds.PhotometricInterpretation != "PALETTE COLOR" else None
    if a is None:
        a = apply_color_lut(pixel_array(ds, index=0), ds).astype(int)
        return (a >> 8 if a.max() > 255 else a).astype(float)
    if ds.SamplesPerPixel == 1:
        a = apply_rescale(a, ds) * float(ds.get("DoseGridScaling", 1))
        a = a * 255 if ds.BitsAllocated == 1 else a
    return a.reshape(a.shape[0], a.shape[1], -1)


def main():
    agree, unread, wrong = 0, 0, []
    for name in sorted(f for f in os.listdir(FILES) if f.endswith(".dcm")):
        path = os.path.join(FILES, name)
        try:
            ds = pydicom.dcmread(path, force=True)
            want = theirs(ds)
        except Exception:
            unread += 1
            continue
        got, error = ours(sys.argv[1], path)
        limit = LOSSY.get(str(ds.file_meta.TransferSyntaxUID), 0)
        if got is None and REFUSED.get(name, "\0") in error:
            agree += 1
        elif got is None:
            wrong.append(error)
        elif got.shape != want.shape:
            wrong.append(f"{name}: {got.shape}, pydicom has {want.shape}")
        elif np.abs(got - want).max() > limit + 1e-6 * np.abs(want).max():
            wrong.append(f"{name}: differs by {np.abs(got - want).max()}, {limit} is allowed")
        else:
            agree += 1
    print(f"dicom_peer: {agree} files agree with pydicom {pydicom.__version__}, {len(wrong)} do not; pydicom "
          f"takes no picture from {unread} others")
    for line in wrong:
        print(line)
    if agree < 20:
        print("skipped: dicom_peer: pydicom has too few decoders here")
        return 77
    return 1 if wrong else 0


sys.exit(main())
