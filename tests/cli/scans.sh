# The generator of demo scans: equal seeds, equal files; several formats; never into a folder in use.
. "$(dirname "$0")/common"

thaw-scans "$T/a" --seed 5 --patients 12 2>/dev/null
thaw-scans "$T/b" --seed 5 --patients 12 2>/dev/null
thaw-scans "$T/c" --seed 6 --patients 12 2>/dev/null
diff -r "$T/a" "$T/b"
if diff -rq "$T/a" "$T/c" >/dev/null; then
    echo "another seed gave the same scans" >&2
    exit 1
fi

is "infarct no_lesion ring_lesion solid_mass" "$(cd "$T/a" && echo */ | tr -d /)"
grep -q synthetic "$T/a/README.txt"
is 12 "$(cd "$T/a" && ls */*_01.* | sed 's,.*/,,; s,_.*,,' | sort -u | wc -l)"
for kind in png jpg; do
    [ "$(find "$T/a" -name "*.$kind" | wc -l)" -gt 3 ]
done
# Byte 25 of a PNG is its bit depth.
depths=$(find "$T/a" -name '*.png' -exec sh -c 'od -An -tu1 -j24 -N1 "$1"' _ {} \; | sort -un | tr -d ' \n')
is 816 "$depths"

fails 2 "not empty" thaw-scans "$T/a"
fails 2 "no folder given" thaw-scans
fails 2 "--patients needs a whole number, 4 to 9999" thaw-scans "$T/d" --patients 3
fails 2 "--seed needs a whole number" thaw-scans "$T/d" --seed
fails 2 "unexpected --colour" thaw-scans "$T/d" --colour
fails 1 "cannot make the folder" thaw-scans /proc/nowhere
