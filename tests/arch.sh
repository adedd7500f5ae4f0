#!/usr/bin/env bash
# tests/arch.sh [BUILD]: the rules that keep the parts apart. Prints each breach; exit 1 if there is one.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
breaches=0

breach() {
    printf '%s\n' "$1" >&2
    breaches=$((breaches + 1))
}

# 1. Which folder may include which: apps -> {vision, nn} -> io -> io/base.
declare -A may=(
    [io/base]='io/base'
    [io]='io'
    [vision]='vision io'
    [nn]='nn io'
    [apps]='apps vision nn io'
    [datasets]='datasets io/base'
)
while IFS=: read -r file line; do
    included=${line#*\"}
    included=${included%%\"*}
    part=${file%%/*}
    [[ $file == io/base/* ]] && part=io/base
    allowed=no
    for folder in ${may[$part]}; do
        [[ $included == "$folder"/* ]] && allowed=yes
    done
    [ $allowed = yes ] || breach "$file: $part must not include $included"
done < <(grep -rE --include='*.[ch]' --include='*.cpp' '^ *# *include *"' io vision nn apps datasets)

# 2. Where each foreign header may stand (a regular expression of paths).
only_in() {
    local what=$1 where=$2 hits
    hits=$(grep -rnE --include='*.[ch]' --include='*.cpp' "$what" io vision nn apps datasets tests |
        grep -vE "^($where):" || true)
    [ -z "$hits" ] || breach "$hits
  ^ allowed only in $where"
}
only_in '# *include *<png\.h>' 'vision/codecs/png\.c|vision/png_write\.c|datasets/write_image\.c'
only_in '# *include *<jpeglib\.h>' 'vision/codecs/jpeg\.c|datasets/write_image\.c'
only_in '# *include *<tiff' 'vision/codecs/tiff\.c'
only_in '# *include *<webp/' 'vision/codecs/webp\.c'
only_in '# *include *<zlib\.h>' 'vision/codecs/nifti\.c|vision/dicom_frame\.c'
only_in '# *include *<gdcm' 'vision/codecs/dicom_gdcm\.cpp'
only_in '# *include *<hdf5' 'io/h5_[a-z]*\.c'
only_in '# *include *<zip\.h>' 'io/zip\.c|tests/npz\.c'
only_in '# *include *<curl/' 'io/fetch/curl\.c'
only_in '# *include *<nettle/' 'io/base/hash\.c'
only_in '# *include *<(oneapi/dnnl/)?dnnl' 'nn/dnnl/[a-z0-9_]*\.[ch]'
only_in 'DNNL_VERSION_M|dnnl_memory_desc_(t|init|create)|_desc_init\(' 'nn/dnnl/api(_[23])?\.[ch]'
only_in '# *include *<jansson' 'io/base/json\.h'
only_in '# *include *<omp\.h>' 'io/base/par\.c'
only_in '# *pragma +omp +simd' 'nn/kernels/[a-z0-9_]*\.[ch]'
only_in '# *pragma +omp +(p|f|c|a|t|s[^i]|b|m|o)' 'io/base/par\.c'
only_in '# *include *<CUnit' 'tests/[a-z0-9_]*\.[ch]'

hits=$(find io vision nn apps datasets tests -name '*.cpp' -o -name '*.cc' -o -name '*.hpp' |
    grep -vx 'vision/codecs/dicom_gdcm\.cpp' || true)
[ -z "$hits" ] || breach "$hits
  ^ C++ stands in vision/codecs/dicom_gdcm.cpp alone"

# 3. The library neither prints nor ends the program: that is what apps are for.
hits=$(grep -rnE --include='*.c' --include='*.cpp' '(^|[^_a-zA-Z0-9])((exit|abort|puts|putchar|printf|perror)\(|stdout|stderr)' \
    io vision nn | grep -vE ':[0-9]+: *(/?\*|//)' || true)
[ -z "$hits" ] || breach "$hits
  ^ printing and exiting belong to apps"

# 4. Every symbol the library exports begins with thaw_.
if [ -f "$build/libthaw.a" ]; then
    # Sanitizers add symbols of their own.
    symbols=$(nm -g --defined-only "$build/libthaw.a" 2>/dev/null |
        awk 'NF == 3 && $3 !~ /^(thaw_|__odr_asan|\.)/ { print $3 }' | sort -u)
    [ -z "$symbols" ] || breach "exported without thaw_: $(echo $symbols)"
else
    echo "arch: no $build/libthaw.a, its symbols are not checked" >&2
fi

[ $breaches = 0 ] && echo "arch: clean"
exit $((breaches > 0))
