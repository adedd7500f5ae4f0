# thaw check on scanners' files: copies in other formats, units and greys, frames, patients; train and eval with them.
. "$(dirname "$0")/common"
command -v python3 >/dev/null || skip "python3 absent"
thaw --version >"$T/version"
if grep -q 'nothing for DICOM' "$T/version"; then skip "built without DICOM"; fi
ask() { python3 -c "import json, sys; d = json.load(open(sys.argv[1])); print($2)" "$1"; }

# Soft blobs, as DICOM (signed, rescaled, with a window; turned round; of several frames), NIfTI of floats and PNG.
cat >"$T/make.py" <<'PY'
import math, os, random, struct, sys, zlib
W, H = 96, 80

def element(group, number, vr, value):
    value += b" " * (len(value) % 2) if vr not in ("OW", "UI") else b"\0" * (len(value) % 2)
    size = struct.pack("<HI", 0, len(value)) if vr == "OW" else struct.pack("<H", len(value))
    return struct.pack("<HH", group, number) + vr.encode() + size + value

def dicom(frames, patient, inverted=False, deflated=False, window=True):
    us = lambda number, value: element(0x28, number, "US", struct.pack("<H", value))
    meta = element(2, 0x10, "UI", b"1.2.840.10008.1.2.1" + (b".99" if deflated else b""))
    meta = element(2, 0, "UL", struct.pack("<I", len(meta))) + meta
    body = element(8, 0x16, "UI", b"1.2.840.10008.5.1.4.1.1.2") + element(0x10, 0x20, "LO", patient.encode())
    body += us(2, 1) + element(0x28, 4, "CS", b"MONOCHROME1" if inverted else b"MONOCHROME2")
    body += element(0x28, 8, "IS", str(len(frames)).encode()) + us(0x10, H) + us(0x11, W)
    body += us(0x100, 16) + us(0x101, 12) + us(0x102, 11) + us(0x103, 0)
    if window:
        body += element(0x28, 0x1050, "DS", b"-0.5" if inverted else b"0.5") + element(0x28, 0x1051, "DS", b"1001")
    body += element(0x28, 0x1052, "DS", b"-2048") + element(0x28, 0x1053, "DS", b"1")
    samples = [2048 - round(v) if inverted else 2048 + round(v) for frame in frames for v in frame]
    body += element(0x7fe0, 0x10, "OW", b"".join(struct.pack("<H", v) for v in samples))
    if deflated:
        z = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = z.compress(body) + z.flush()
    return b"\0" * 128 + b"DICM" + meta + body

def nifti(slices):
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, W, H, len(slices), 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 16, 32)
    struct.pack_into("<f", head, 108, 352)
    head[344:348] = b"n+1\0"
    return bytes(head) + b"".join(struct.pack("<f", v / 3) for s in slices for v in s)

def png(values):
    grey = [min(255, max(0, round((v + 500) * 255 / 1000))) for v in values]
    rows = b"".join(b"\0" + bytes(grey[y * W:(y + 1) * W]) for y in range(H))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

def picture(seed):
    r = random.Random(seed)
    blobs = [(r.uniform(.1, .9), r.uniform(.1, .9), r.uniform(.04, .2), r.uniform(.04, .2), r.uniform(-300, 300))
             for _ in range(20)]
    def value(x, y):
        sum = 0
        for bx, by, a, b, level in blobs:
            sum += level / (1 + math.exp(-8 * (1 - math.hypot((x - bx) / a, (y - by) / b))))
        return min(2000, max(-2000, sum))
    return [value((x + .5) / W, (y + .5) / H) for y in range(H) for x in range(W)]

out = sys.argv[1]
def put(path, data):
    os.makedirs(os.path.dirname(f"{out}/{path}"), exist_ok=True)
    open(f"{out}/{path}", "wb").write(data)

# train: 8 patients with 2 scans each; val: 3 others, and copies of train/a/p0 in every form.
for p in range(8):
    for k in range(2):
        put(f"leaky/train/{'ab'[p % 2]}/IM{p}{k}", dicom([picture(10 * p + k)], f"P{p}", deflated=p == 3))
for p in range(8, 11):
    put(f"leaky/val/{'ab'[p % 2]}/IM{p}0.dcm", dicom([picture(10 * p)], f"P{p}"))
put("leaky/val/a/exported.png", png(picture(0)))
put("leaky/val/a/turned.dcm", dicom([picture(0)], "Q1", inverted=True))
put("leaky/val/a/volume.nii", nifti([picture(900), picture(0), picture(901)]))
put("leaky/val/a/frames.dcm", dicom([picture(902), picture(0), picture(903)], "Q2", window=False))
put("leaky/val/b/same.dcm", dicom([picture(1010)], "P3"))
put("leaky/val/b/cut.dcm", dicom([picture(1011)], "Q3")[:-900])
for p in range(12):
    put(f"flat/{'ab'[p % 2]}/E{p}", dicom([[40] * (W * H)], f"P{p}"))
    for k in range(3):
        put(f"flat/{'ab'[p % 2]}/IM{p}{k}", dicom([picture(5000 + 10 * p + k)], f"P{p}"))
PY
python3 "$T/make.py" "$T"

# --- copies, though units, windows, greys and containers differ ---
fails 1 'severe findings (unreadable 1' thaw check "$T/leaky" --json --sheet "$T/pairs.png"
mv "$T/.out" "$T/c.json"
[ "$(head -c4 "$T/pairs.png" | tail -c3)" = PNG ]
for copy in exported.png turned.dcm volume.nii frames.dcm; do
    is True "$(ask "$T/c.json" "any(p['leak'] and p['a'].endswith('train/a/IM00') and p['b'].endswith('/$copy') for p in d['pairs'])")"
done
is 4 "$(ask "$T/c.json" "sum(p['leak'] for p in d['pairs'] if 'train' in p['a'])")"
is cut.dcm "$(ask "$T/c.json" "[u['file'].split('/')[-1] for u in d['unreadable']][0]")"
ask "$T/c.json" "d['unreadable'][0]['reason']" | grep -q truncated
# ... and another frame is another picture.
fails 1 'severe findings' thaw check "$T/leaky" --frame 1 --json
mv "$T/.out" "$T/c1.json"
is False "$(ask "$T/c1.json" "any(p['b'].endswith(('volume.nii', 'frames.dcm')) for p in d['pairs'])")"

# --- patients as the files state them ---
is 1 "$(ask "$T/c.json" "d['parts'][1]['patients_of_earlier_parts']")" # same.dcm: P3, of deflated files
ask "$T/c.json" "d['patients']" | grep -q 'from DICOM (PatientID): 8 in 16 of 16 images'
ask "$T/c.json" "[v['value'] for p in d['properties'] if p['property'] == 'depth' for v in p['values']]" | grep -q float

# --- slices without anything on them are told, and are no copies ---
thaw check "$T/flat" --json >"$T/f.json" 2>"$T/err"
is '(12, 0, 0)' "$(ask "$T/f.json" "(d['blank'], d['repeated'], len(d['pairs']))")"
prints '^-- blank: 12 images show nothing' thaw check "$T/flat" 2>"$T/err"

net=(--backbone random:mobilenet_v2:0.35 --size 32 --threads 1 --batch 8 --stages 'head:epochs=1')
thaw train "$T/flat" "${net[@]}" -o "$T/flat.h5" >/dev/null 2>"$T/err"
grep -q 'groups: patients from DICOM (PatientID): 12 in 48 of 48 images' "$T/err"
python3 - "$T/flat.run/split.csv" <<'PY'
import csv, sys
side = {}
for r in csv.DictReader(open(sys.argv[1])):
    assert r["group"].startswith("P"), r
    assert side.setdefault(r["group"], r["side"]) == r["side"], r
assert set(side.values()) == {"train", "val"}
PY

# --- train and eval know them, too ---
thaw train "$T/leaky" "${net[@]}" -o "$T/leaky.h5" --max-bad 0.2 >/dev/null 2>"$T/err"
grep -q 'warning: 4 of 9 validation images look like training images' "$T/err"
grep -q 'warning: 1 groups stand both in' "$T/err"
thaw eval "$T/leaky.h5" "$T/leaky" --max-bad 0.2 --json >"$T/e.json" 2>"$T/err"
is "['exported.png', 'frames.dcm', 'turned.dcm', 'volume.nii']" \
    "$(ask "$T/e.json" "sorted(f.split('/')[-1] for f in d['known_files'])")"
prints '^leaks: none of these 48 images looks like one of the 16 ' thaw eval "$T/leaky.h5" "$T/flat" 2>"$T/err"
