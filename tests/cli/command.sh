# The command itself: help, versions, unknown words, exit codes, where output goes.
. "$(dirname "$0")/common"

thaw --help >"$T/help"
for command in train eval predict features export import inspect bench; do
    grep -q "^  $command " "$T/help"
    thaw $command --help >"$T/one"
    grep -q "^usage: thaw $command " "$T/one"
    awk -v c=$command 'length > 100 { print c ": too long: " $0; bad = 1 } / $/ { print c ": blank at the end: " $0; bad = 1 }
        END { exit bad }' "$T/one"
    is "$(cat "$T/one")" "$(thaw help $command)"
done
prints '^oneDNN [0-9]' thaw --version
prints '^HDF5 [0-9]' thaw --version

fails 2 "usage: thaw COMMAND" thaw
fails 2 "did you mean 'predict'?" thaw perdict
fails 2 "unknown command 'dance'" thaw dance
fails 2 "did you mean --threads?" thaw inspect x --thread 3
fails 2 "--threads 0: needs a whole number, 1 to 1024" thaw inspect x --threads 0
fails 2 "usage: thaw inspect MODEL" thaw inspect
fails 2 "one model file is needed" thaw inspect a b
fails 2 "--size: needs a side such as 224" thaw inspect random:squeezenet --size big
fails 2 "known are:" thaw inspect random:alexnet
fails 2 "one width only" thaw inspect random:squeezenet:0.5
fails 1 "no such model file" thaw inspect "$T/none.h5"
fails 1 "looked in the folder at hand, $T, " thaw inspect nothing --models "$T"
fails 1 "random:vgg16 makes one with random weights" thaw inspect vgg16 --models "$T"
fails 1 "is no file" thaw inspect "$T"
echo 'no model' >"$T/text.h5"
fails 1 "$T/text.h5: " thaw inspect "$T/text.h5"

# Names: the folder given first, then the environment's.
mkdir "$T/a" "$T/b"
thaw export random:mobilenet_v2:0.35 --size 64 -o "$T/a/one.h5" >/dev/null
thaw export random:squeezenet --size 64 -o "$T/b/one.h5" >/dev/null
prints '^family: mobilenet_v2$' thaw inspect one --models "$T/a"
THAW_MODELS=$T/b prints '^family: squeezenet$' thaw inspect one
THAW_MODELS=$T/b prints '^family: mobilenet_v2$' thaw inspect one.h5 --models "$T/a"

# Results that cannot be written are a failure.
fails 1 "standard output could not be written" bash -c 'thaw inspect random:squeezenet >/dev/full'
