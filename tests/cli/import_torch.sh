# Networks of torchvision and timm through thaw import. Needs a Python that has torch, torchvision, timm and safetensors, named
# by $THAW_TORCH_PYTHON; $THAW_NETWORKS chooses networks ("all": every one, which takes hours and 8 GB of memory).
. "$(dirname "$0")/common"

python=${THAW_TORCH_PYTHON:-python3}
"$python" -c 'import safetensors, timm, torch, torchvision' >/dev/null 2>&1 ||
    skip "no torch, torchvision, timm and safetensors in $python; THAW_TORCH_PYTHON names another"

networks=${THAW_NETWORKS:-tv:resnet18 timm:mobilenetv3_small_050 timm:tf_efficientnet_b0 timm:convnext_atto}
[ "$networks" = all ] && networks=
"$python" "$ROOT/tests/import_torch.py" "$(command -v thaw)" "$T" $networks 2>"$T/torch.err" || {
    tail -n 5 "$T/torch.err" >&2
    exit 1
}
