# Measuring: what thaw bench prints and refuses. How fast anything is, nobody asks here.
. "$(dirname "$0")/common"

small=(--size 64 --batch 2 --repeats 1)
thaw bench random:mobilenet_v2:0.35 "${small[@]}" --precision f32 >"$T/text" 2>"$T/err"
grep -q '^random:mobilenet_v2:0.35: 64 x 64 x 3 to 1000 outputs; batch 2, median of 1$' "$T/text"
grep -Eq '^forward  f32 +[0-9.]+ ' "$T/text"
grep -Eq '^train    f32 +[0-9.]+ ' "$T/text"
grep -q '^slow primitives ' "$T/text"
grep -Eq '^decoding: [0-9.]+ images/s ' "$T/text"
grep -Eq '^peak memory: [0-9.]+ MB$' "$T/text"
is "measuring forward, f32" "$(head -1 "$T/err")"

# A file without a classifier gets one; without training; decoding of the user's images.
thaw export random:mobilenet_v2:0.35 --size 64 -o "$T/m.h5" >/dev/null
thaw-scans "$T/scans" --seed 4 --patients 4 2>/dev/null
thaw bench "$T/m.h5" "${small[@]}" --no-train --classes 7 --micro-batch 1 --data "$T/scans" --json >"$T/json" 2>"$T/err"
is "" "$(grep training "$T/err" || :)"

fails 2 "one model is needed, not 0" thaw bench
fails 2 "one model is needed, not 2" thaw bench a b
fails 2 "f32, bf16, int8" thaw bench random:squeezenet --precision f32,f16
fails 2 "--precision : " thaw bench random:squeezenet --precision ''
fails 2 "--precision ,: " thaw bench random:squeezenet --precision ,
fails 2 "--repeats 0: needs a whole number" thaw bench random:squeezenet --repeats 0
fails 2 "--micro-batch 3 is more than the batch of 2" thaw bench random:squeezenet --batch 2 --micro-batch 3
fails 2 "known are:" thaw bench random:alexnet
ONEDNN_MAX_CPU_ISA=AVX2 fails 1 "--precision bf16: this machine lacks AVX-512" thaw bench random:squeezenet --precision bf16
fails 1 "no such model file" thaw bench "$T/none.h5"
fails 1 "no image in this folder" bash -c 'mkdir -p "$1" && thaw bench random:squeezenet --size 64 --batch 1 --repeats 1 --precision f32 --no-train --data "$1"' - "$T/empty"

command -v python3 >/dev/null || skip "python3 absent, the JSON is not checked"
thaw bench random:squeezenet "${small[@]}" --threads 1 --json >"$T/all" 2>/dev/null
python3 - "$T/json" "$T/all" "$T/scans" <<'PY'
import json, sys
one, both = (json.load(open(p)) for p in sys.argv[1:3])
def check(p, batch):
    lo, hi = p["images_per_s_range"]
    assert 0 < lo <= p["images_per_s"] <= hi and p["bare_images_per_s"] > 0, p
    assert 1 <= p["micro_batch"] <= batch, p
    assert 0 < p["in_primitives"] < 1 and 0 < p["in_kernels"] < 1 and 0 < p["other"] < 1, p
    assert abs(p["in_primitives"] + p["in_kernels"] + p["other"] - 1) < 1e-9, p
for d in one, both:
    assert d["batch"] == 2 and d["repeats"] == 1 and d["input"] == [64, 64, 3], d
    assert "f32" in d["forward"] and set(d["forward"]) | set(d["unavailable"]) == {"f32", "bf16", "int8"}, d
    assert all(d["unavailable"].values())
    for name, p in list(d["forward"].items()) + list(d["train"].items()):
        check(p, 2)
        assert p["computed_in"] == name or (name, p["computed_in"]) == ("bf16", "f32"), p
    for s in d["slow_primitives"]:
        assert s["pass"] in ("forward", "train") and s["layer"] and s["seconds"] > 0, s
        assert "gemm" in s["implementation"] or "ref" in s["implementation"], s
    assert d["decode_images_per_s"] > 0 and d["peak_memory_bytes"] > 1 << 20
    assert d["versions"]["onednn"] and d["machine"]["threads"] >= 1
assert one["train"] == {} and one["outputs"] == 7 and one["forward"]["f32"]["micro_batch"] == 1
assert one["decode"]["from"] == sys.argv[3] and one["decode"]["images"] > 0 and len(one["sha256"]) == 64
assert "f32" in both["train"] and both["outputs"] == 1000 and both["machine"]["threads"] == 1
PY
