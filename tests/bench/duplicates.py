#!/usr/bin/env python3
"""How many planted copies `thaw check` finds, and how many pairs it finds that are none.

    tests/bench/duplicates.py SCANS [--thaw build/thaw] [--alike R]

SCANS is a folder of classes, or one with train/ and val/. For each change every image of the training
side (a fifth of an undivided folder, whole patients, becomes val) is changed and planted into val, and
`thaw check` is asked for pairs. Printed are, per change: the planted copies that were paired with their
origin, and false pairs per 100 images: pairs of two images that come from different classes (folders
with train/ and val/) or from different patients by the file names PATIENT_NUMBER (undivided folders).
Needs Pillow. Nothing is written beside the temporary folder."""
import argparse, csv, io, os, random, re, shutil, subprocess, sys, tempfile
from PIL import Image, ImageEnhance


def resized(im, rng):
    f = rng.uniform(0.4, 1.5)
    return im.resize((max(16, round(im.width * f)), max(16, round(im.height * f))), Image.BICUBIC)


def recompressed(im, rng):
    data = io.BytesIO()
    im.save(data, "JPEG", quality=60)
    return Image.open(data).convert("RGB")


def brightened(im, rng):
    return ImageEnhance.Brightness(im).enhance(rng.uniform(1.15, 1.4))


def cropped(im, rng):
    x, y = round(im.width * 0.03), round(im.height * 0.03)
    return im.crop((x, y, im.width - x, im.height - y))


def mirrored(im, rng):
    return im.transpose(Image.FLIP_LEFT_RIGHT)


def everything(im, rng):
    for change in (mirrored, cropped, brightened, resized, recompressed):
        im = change(im, rng)
    return im


CHANGES = (resized, recompressed, brightened, cropped, mirrored, everything)


def patient(name):
    match = re.fullmatch(r"(\d+)_\d+\.\w+", name)
    return match.group(1) if match else None


def listing(root):
    """(class, path) of every image, training side first; the number on the training side; divided?"""
    divided = os.path.isdir(os.path.join(root, "train"))
    sides = []
    for part in ("train", "val") if divided else ("",):
        folder = os.path.join(root, part)
        sides.append([(c, os.path.join(folder, c, f)) for c in sorted(os.listdir(folder))
                      if os.path.isdir(os.path.join(folder, c)) for f in sorted(os.listdir(os.path.join(folder, c)))])
    if divided:
        return sides[0], sides[1], True
    train, val, turn, last = [], [], 0, None
    for c, path in sides[0]:
        who = patient(os.path.basename(path)) or path
        turn += who != last
        last = who
        (val if turn % 5 == 0 else train).append((c, path))
    return train, val, False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scans")
    parser.add_argument("--thaw", default="build/thaw")
    parser.add_argument("--alike", default=None)
    options = parser.parse_args()
    train, val, divided = listing(options.scans)
    print(f"{options.scans}: {len(train)} images to train, {len(val)} to validate")
    for change in CHANGES:
        with tempfile.TemporaryDirectory() as work:
            run(change, train, val, divided, work, options)


def run(change, train, val, divided, work, options):
    rng = random.Random(1)
    origin, identity = {}, {}

    def place(part, c, path, name):
        target = os.path.join(work, "data", part, c, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        identity[target] = c if divided else patient(os.path.basename(path))
        return target

    for part, images in (("train", train), ("val", val)):
        for c, path in images:
            shutil.copy(path, place(part, c, path, os.path.basename(path)))
    for i, (c, path) in enumerate(train):
        im = change(Image.open(path).convert("RGB"), rng)
        jpeg = change in (recompressed, everything)
        target = place("val", c, path, f"planted{i}.{'jpg' if jpeg else 'png'}")
        im.save(target, **({"quality": 60} if jpeg else {"compress_level": 1}))
        origin[target] = os.path.join(work, "data", "train", c, os.path.basename(path))
    table = os.path.join(work, "pairs.csv")
    more = ["--alike", options.alike] if options.alike else []
    subprocess.run([options.thaw, "check", os.path.join(work, "data"), "--csv", table, *more],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pairs = [(row["a"], row["b"], float(row["correlation"])) for row in csv.DictReader(open(table))]
    found = {b for a, b, _ in pairs if origin.get(b) == a} | {a for a, b, _ in pairs if origin.get(a) == b}
    false = [p for p in pairs if identity[p[0]] and identity[p[1]] and identity[p[0]] != identity[p[1]]]
    # A false pair shows up again between each one's copies; it is one error.
    plain = {tuple(sorted((origin.get(a, a), origin.get(b, b)))) for a, b, _ in false}
    print(f"  {change.__name__:14} found {len(found)} of {len(train)} ({100 * len(found) / len(train):.1f} %), "
          f"{len(pairs)} pairs, false {len(false)} ({len(plain)} of originals): "
          f"{100 * len(false) / len(identity):.2f} per 100 images")
    for target in sorted(set(origin) - found)[:5]:
        print(f"    missed: copy of {origin[target].split('/data/')[1]}")
    for a, b, r in false[:5]:
        print(f"    false: {a.split('/data/')[1]} {b.split('/data/')[1]} {r}")


main()
