# Scanners' formats through the command: intensity from files, images and options; names without suffix; frames.
. "$(dirname "$0")/common"
command -v python3 >/dev/null || skip "python3 absent"
thaw --version >"$T/version"
if grep -q 'nothing for DICOM' "$T/version"; then skip "built without DICOM"; fi

# Squares that are brighter or darker than what is around them, 12 of each, no library needed.
cat >"$T/make.py" <<'PY'
import os, random, struct, sys
random.seed(3)

def element(group, number, vr, value):
    value += b" " * (len(value) % 2) if vr not in ("OW", "UI") else b"\0" * (len(value) % 2)
    size = struct.pack("<HI", 0, len(value)) if vr == "OW" else struct.pack("<H", len(value))
    return struct.pack("<HH", group, number) + vr.encode() + size + value

def dicom(samples, w, h, window=True, frames=1):
    us = lambda number, value: element(0x28, number, "US", struct.pack("<H", value))
    meta = element(2, 0x10, "UI", b"1.2.840.10008.1.2.1")
    meta = element(2, 0, "UL", struct.pack("<I", len(meta))) + meta
    body = element(8, 0x16, "UI", b"1.2.840.10008.5.1.4.1.1.2") + us(2, 1) + element(0x28, 4, "CS", b"MONOCHROME2")
    body += element(0x28, 8, "IS", str(frames).encode()) if frames > 1 else b""
    body += us(0x10, h) + us(0x11, w) + us(0x100, 16) + us(0x101, 12) + us(0x102, 11) + us(0x103, 0)
    if window:
        body += element(0x28, 0x1050, "DS", b"40") + element(0x28, 0x1051, "DS", b"400")
    body += element(0x28, 0x1052, "DS", b"-1024") + element(0x28, 0x1053, "DS", b"1")
    body += element(0x7fe0, 0x10, "OW", b"".join(struct.pack("<H", v) for v in samples))
    return b"\0" * 128 + b"DICM" + meta + body

def nifti(samples, w, h, slices):
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, w, h, slices, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 16, 32)
    struct.pack_into("<f", head, 108, 352)
    head[344:348] = b"n+1\0"
    return bytes(head) + b"".join(struct.pack("<f", v) for v in samples)

def picture(bright, w=24, h=20):
    x0, y0 = random.randrange(4, 12), random.randrange(4, 10)
    inside, around = (1150, 1000) if bright else (900, 1000)
    return [(inside if x0 <= x < x0 + 8 and y0 <= y < y0 + 7 else around) + random.randrange(20)
            for y in range(h) for x in range(w)]

out = sys.argv[1]
for bright, name in ((True, "bright"), (False, "dark")):
    for kind in ("ct", "plain", "mr"):
        os.makedirs(f"{out}/{kind}/{name}")
    for i in range(12):
        a = picture(bright)
        suffix = ("", ".dcm", ".dcm", f".{i}")[i % 4]
        open(f"{out}/ct/{name}/IM{i:04d}{suffix}", "wb").write(dicom(a, 24, 20))
        open(f"{out}/plain/{name}/IM{i:04d}.dcm", "wb").write(dicom(a, 24, 20, window=i > 5))
        empty = [0.5] * len(a)
        open(f"{out}/mr/{name}/{i}.nii", "wb").write(nifti(empty + [v / 7 for v in a] + empty, 24, 20, 3))
open(f"{out}/three.dcm", "wb").write(dicom(picture(True) * 3, 24, 20, frames=3))
open(f"{out}/cut.dcm", "wb").write(dicom(picture(True), 24, 20)[:-7])
PY
python3 "$T/make.py" "$T"

net=(--backbone random:mobilenet_v2:0.35 --size 32 --threads 1 --batch 8 --stages 'head:epochs=1')
train() {
    thaw train "$@" "${net[@]}" >"$T/out" 2>"$T/err" || {
        cat "$T/err" >&2
        return 1
    }
}

# --- files that state a window: used, and recorded ---
train "$T/ct" -o "$T/ct.h5"
grep -q 'intensity: the window each file states (20 of 20 training images do) becomes 0..255' "$T/err"
prints "each file's window, else samples -" thaw inspect "$T/ct.h5"
thaw predict "$T/ct.h5" "$T/ct/bright/IM0000" "$T/ct/dark" --csv "$T/predicted" >"$T/out"
is 14 "$(wc -l <"$T/predicted")" # and the title
thaw eval "$T/ct.h5" "$T/ct" >/dev/null 2>&1

# --- some do not: the whole range, and a note ---
train "$T/plain" -o "$T/plain.h5"
grep -q 'of deep scans (20 of 20) becomes 0..255' "$T/err"
grep -q 'training images state a window; --intensity window uses it' "$T/err"

# --- chosen ---
train "$T/ct" -o "$T/w.h5" --intensity window:0,300
prints 'deep samples -150..150 as 0..255' thaw inspect "$T/w.h5"
train "$T/mr" -o "$T/mr.h5" --intensity percentile:2,98
grep -q 'percentiles 2 to 98 of each scan' "$T/err"
prints 'percentiles 2..98 of each scan as 0..255' thaw inspect "$T/mr.h5"
train "$T/mr" -o "$T/all.h5" --intensity percentile:2,98,all
grep -q 'intensity: 12[0-9.]*\.\.16[0-9.]* of deep scans\|intensity: 12[0-9.]*\.\.14[0-9.]* of deep scans' "$T/err"
train "$T/mr" -o "$T/frame.h5" --frame 1
grep -q 'intensity: 0.5..1.5 of deep scans' "$T/err"
prints ', frame 1' thaw inspect "$T/frame.h5"
for bad in loud percentile:5 percentile:9,4 percentile:1,101 window:5 window:5,0 percentile:1,99,some; do
    fails 2 '--intensity' thaw train "$T/ct" --intensity "$bad" "${net[@]}" -o "$T/no.h5"
done
fails 2 'one of them' thaw train "$T/ct" --intensity full --range 0,9 "${net[@]}" -o "$T/no.h5"

# --- what cannot be read says why ---
fails 1 'truncated' thaw predict "$T/ct.h5" "$T/cut.dcm"
thaw predict "$T/ct.h5" "$T/three.dcm" >/dev/null 2>&1
