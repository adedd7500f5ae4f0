# Tables in place of folders: train, eval, check; columns, roots, parts, rows that cannot be used.
. "$(dirname "$0")/common"

thaw-scans "$T/scans" --seed 5 --patients 20 2>/dev/null
rm -f "$T/scans/README.txt"
net=(--backbone random:squeezenet --size 32 --threads 1 --batch 16 --head-only --epochs 2)

# table FILE SEPARATOR: header, then file, class and patient of every image; patients end in parts by their number.
table() {
    (cd "$T/scans" && find . -type f | sort -R --random-source=<(yes)) | sed 's|^\./||' |
        awk -F/ -v s="$2" 'BEGIN { printf "File%sDiagnosis%sPatient%sSet%sage\r\n", s, s, s, s }
            { split($2, name, "_"); n = substr(name[1], 2) % 10
              part = n < 7 ? "train" : n < 9 ? "val" : "test"
              printf "\"%s/%s\"%s%s%s%s%s%s%s42\r\n", $1, $2, s, $1, s, name[1], s, part, s }' >"$1"
}
table "$T/all.csv" ';'
names='path=file,label=diagnosis,group=patient'
images=$(($(wc -l <"$T/all.csv") - 1))

# --- not divided: divided here, by the patients of the column ---
train() {
    thaw train "$@" "${net[@]}" >"$T/out" 2>"$T/err" || { cat "$T/err" >&2 && return 1; }
}
train "$T/all.csv" --columns "$names" --root "/nowhere:$T/scans" -o "$T/a.h5"
grep -q '^groups: column Patient: [0-9]* in' "$T/err"
grep -q 'columns not used: Set, age' "$T/err"
is "$images" "$(($(wc -l <"$T/a.run/split.csv") - 1))"
both=$(awk -F, 'NR > 1 { print $4, $3 }' "$T/a.run/split.csv" | sort -u | cut -d' ' -f1 | uniq -d)
is "" "$both"
# The folder itself gives the same images.
is "$(cut -d, -f1,2 "$T/a.run/split.csv" | sort)" "$( (echo file,class; cd "$T/scans" && find . -type f |
    sed 's|^\./||' | awk -F/ '{ print $0 "," $1 }') | sort)"
# The same rows in another order, with commas, beside the images: the same bits.
(head -1 "$T/all.csv"; tail -n +2 "$T/all.csv" | sort) | tr ';' ',' | tr -d '\r' >"$T/scans/all.csv"
train "$T/scans/all.csv" --columns "$names" -o "$T/b.h5"
cmp "$T/a.h5" "$T/b.h5"
rm "$T/scans/all.csv"

# --- divided by a column; test is not touched ---
train "$T/all.csv" --columns "$names,split=set" --root "$T/scans" -o "$T/d.h5"
grep -q 'images for testing, not touched here' "$T/err"
tests=$(grep -c ';test;' "$T/all.csv")
grep -q "\"test\": $tests" "$T/d.run/run.json"
is "" "$(cut -d, -f1 "$T/d.run/split.csv" | grep -Fx -f <(grep ';test;' "$T/all.csv" | cut -d'"' -f2))"
is "$(grep -c ';val;' "$T/all.csv")" "$(grep -c ',val,' "$T/d.run/split.csv")"
thaw eval "$T/d.h5" "$T/all.csv" --columns "$names,split=set" --root "$T/scans" --split test --json \
    >"$T/e.json" 2>"$T/err"
grep -q "\"images\":$tests," "$T/e.json"
grep -qF "$T/all.csv (test) is evaluated" "$T/err"
thaw eval "$T/d.h5" "$T/all.csv" --columns "$names" --root "$T/scans" --json 2>/dev/null | grep -q "\"images\":$images,"
# A folder is evaluated, and a table says what the model was trained on.
thaw eval "$T/d.h5" "$T/scans" --against "$T/all.csv" --columns "$names" --root "$T/scans" --json \
    2>/dev/null | grep -q "\"copies\":$images,"
fails 2 'has no split column' thaw eval "$T/d.h5" "$T/all.csv" --columns "$names" --root "$T/scans" --split test
fails 2 '--root is for a table' thaw eval "$T/d.h5" "$T/scans" --root "$T"
# split.csv is such a table itself.
thaw eval "$T/a.h5" "$T/a.run/split.csv" --columns path=file,label=class,split=side --root "$T/scans" --json \
    >"$T/e.json" 2>/dev/null
grep -q "\"images\":$(grep -c ',val,' "$T/a.run/split.csv")," "$T/e.json"

# --- check ---
thaw check "$T/all.csv" --columns "$names,split=set" --root "$T/scans" --alike 0.97 >"$T/text" 2>/dev/null ||
    { cat "$T/text" >&2 && exit 1; }
grep -q '^ok patients of test who are in train or val too: none' "$T/text"
sed 's/;test;/;train;/2; 0,/;train;/s//;test;/' "$T/all.csv" >"$T/leak.csv"
fails 1 'patients across parts' thaw check "$T/leak.csv" --columns "$names,split=set" --root "$T/scans" --alike 0.97

# --- rows that cannot be used: told with their lines, counted, limited ---
first=$(sed -n 2p "$T/all.csv")
(cat "$T/all.csv"; printf 'infarct/gone.png;infarct;p1;train;1\r\n%s\r\n;infarct;p1;train;1\r\n' "${first%?}") >"$T/bad.csv"
bad=(--columns "$names" --root "$T/scans")
train "$T/bad.csv" "${bad[@]}" -o "$T/c.h5"
grep -qF "skipped: $T/bad.csv:$((images + 2)): there is no file infarct/gone.png in $T/scans" "$T/err"
grep -q "skipped: .*bad.csv:$((images + 3)): .* stands in line 2 already" "$T/err"
grep -q "skipped: .*bad.csv:$((images + 4)): File is empty" "$T/err"
grep -q "bad.csv:$((images + 2))" "$T/c.run/run.json"
cmp <(cut -d, -f1-3 "$T/a.run/split.csv") <(cut -d, -f1-3 "$T/c.run/split.csv")
fails 1 "$T/bad.csv:$((images + 2))" thaw train "$T/bad.csv" "${bad[@]}" "${net[@]}" --max-bad 0 -o "$T/no.h5"
fails 1 'unreadable 3' thaw check "$T/bad.csv" "${bad[@]}" --alike 0.97

# --- tables that are wrong ---
wrong() {
    local says=$1 columns=$2
    printf '%b' "$3" >"$T/w.csv"
    fails "${4:-1}" "$says" thaw train "$T/w.csv" --columns "$columns" --root "$T/scans" -o "$T/no.h5"
}
wrong "w.csv:1: no column 'path'; there are: file, label; --columns path=NAME" label=label 'file,label\na,b\n'
wrong "w.csv:2: 3 cells, but the header has 2" path=path 'path,label\na,b,c\n'
wrong "w.csv:2: Set is 'hold'; wanted is train, val or test" split=set 'path,label,Set\na,b,hold\n'
wrong 'w.csv:2: the quote that begins a field is not closed' path=path 'path,label\n"a,b\n'
wrong '--columns who=x: needs path=NAME' who=x 'path,label\n' 2
wrong 'none of 1 rows can be used' path=path 'path,label\nnowhere.png,x\n'
wrong 'is written in UTF-16' path=path '\xff\xfep\x00'
fails 2 'lies in the data folder' thaw train "$T/all.csv" "${bad[@]}" -o "$T/all.csv"
[ ! -e "$T/no.h5" ]
