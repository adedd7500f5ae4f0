# What thaw import says of files that are no network, and of those it cannot tell apart.
. "$(dirname "$0")/common"

# tensors NAME:SHAPE...: a safetensors file of zeros in $T/x.safetensors. A shape is "64,3,7,7".
tensors() {
    local at=0 header= one name shape side count
    for one; do
        name=${one%%:*} shape=${one#*:} count=4
        for side in ${shape//,/ }; do count=$((count * side)); done
        header+="${header:+,}\"$name\":{\"dtype\":\"F32\",\"shape\":[$shape],\"data_offsets\":[$at,$((at + count))]}"
        at=$((at + count))
    done
    header="{$header}"
    {
        printf "\\x$(printf %02x $((${#header} & 255)))\\x$(printf %02x $((${#header} >> 8)))\0\0\0\0\0\0%s" "$header"
        head -c "$at" /dev/zero
    } >"$T/x.safetensors"
}

tensors conv.weight:8,3,3,3
fails 1 "fits no family that can be imported" thaw import "$T/x.safetensors" -o "$T/o.h5"

# The residual network is recognised; all that it lacks is listed on lines of their own.
tensors module.layer1.0.bn1.weight:64 module.layer4.0.conv2.weight:512,512,3,3 module.odd:3,2
fails 1 "tensors missing" thaw import "$T/x.safetensors" -o "$T/o.h5"
grep -qF "missing: module.conv1.weight [64, 3, 7, 7], for layer conv1_conv" "$T/.err"
grep -qF "no use for: module.odd [3, 2]" "$T/.err"
[ ! -e "$T/o.h5" ]

printf '\xff\xff\0\0\0\0\0\0{' >"$T/long.safetensors"
fails 1 "its header claims 65535 bytes, the file has 9" thaw import "$T/long.safetensors" -o "$T/o.h5"
fails 1 "not nothing_50" thaw import "$T/x.safetensors" --arch nothing_50 -o "$T/o.h5"

# timm's config.json beside the file is read, and refused when it is damaged.
echo '{"architecture": "resnet50", "pretrained_cfg": {"input_size": [3, 0, 0]}}' >"$T/config.json"
fails 1 "config.json: input_size is not" thaw import "$T/x.safetensors" -o "$T/o.h5"
