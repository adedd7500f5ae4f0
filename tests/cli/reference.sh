# Features and first classes of published networks against an independent implementation, through the command.
. "$(dirname "$0")/common"
shared models/reference.json models/cat_224.png
command -v python3 >/dev/null || skip "python3 absent"

models=$SHARED/models
cat >"$T/wave.py" <<'PY'
# wave[h,w,c] = sin(0.05h + 0.031w + 1.7c) as float32 .npy, without numpy.
import array, math, sys
x = array.array("f", (math.sin(0.05 * h + 0.031 * w + 1.7 * c) for h in range(224) for w in range(224) for c in range(3)))
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 224, 224, 3), }"
head += " " * (63 - (len(head) + 10) % 64) + "\n"
with open(sys.argv[1], "wb") as f:
    f.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + x.tobytes())
PY
python3 "$T/wave.py" "$T/wave.npy"

cat >"$T/check.py" <<'PY'
import csv, json, sys
reference, net, which, features, answers = sys.argv[1:]
want = json.load(open(reference))["nets"][net]
got = [float(v) for v in list(csv.reader(open(features)))[1][1:]]
ref = want["features_" + which]
assert len(got) == len(ref), (len(got), len(ref))
difference = max(abs(a - b) for a, b in zip(got, ref)) / max(abs(b) for b in ref)
print(f"{net} {which}: features differ by {difference:.1e}")
assert difference <= 2e-5, difference
if "top5_" + which in want:
    top = json.load(open(answers))["predictions"][0]["top"]
    ref = want["top5_" + which]
    assert [int(t["class"]) for t in top[:len(ref)]] == [k for k, _ in ref], (top, ref)
    digits = 1e-3 if "how" in want else 1e-5
    assert all(abs(t["probability"] - p) <= digits for t, (_, p) in zip(top, ref)), (top, ref)
PY

# check NET MODEL
check() {
    thaw features "$2" "$models/cat_224.png" -o "$T/cat.csv" 2>/dev/null
    thaw predict "$2" "$models/cat_224.png" -k 5 --json >"$T/cat.json" 2>/dev/null || true # not every one has a top
    python3 "$T/check.py" "$models/reference.json" "$1" cat "$T/cat.csv" "$T/cat.json"
    [[ $1 == *.pth ]] && return # the reference holds the cat alone
    thaw features "$2" --tensor "$T/wave.npy" -o "$T/wave.csv" 2>/dev/null
    thaw predict "$2" --tensor "$T/wave.npy" -k 5 --json >"$T/wave.json" 2>/dev/null || true
    python3 "$T/check.py" "$models/reference.json" "$1" wave "$T/wave.csv" "$T/wave.json"
}

for net in teachable_machine_mobilenet_v2_0.35_224.h5 mobilenet_v1_0.25_224.h5 mobilenet_2_5_224_tf_no_top.h5 \
    squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5; do
    check $net "$models/$net"
done
if [ -e "$ROOT/models/efficientnet_lite0.h5" ]; then
    check efficientnet-lite0-57934424.pth "$ROOT/models/efficientnet_lite0.h5"
else
    echo "reference: models/efficientnet_lite0.h5 absent, the default backbone is not checked"
fi
