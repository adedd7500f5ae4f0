#!/usr/bin/env bash
# tests/valgrind.sh [BUILD [SUITE...]]: the unit tests under valgrind; an invalid access, a use of memory
# that was never set, or a leak fails.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
# Memcheck takes the vector code of libjpeg-turbo for a use of unset memory; the plain code gives the same.
export OMP_WAIT_POLICY=passive # valgrind runs one thread at a time: nobody must wait by spinning
export JSIMD_FORCENONE=1
# It computes fused multiply-adds number by number, so oneDNN does better without them: whole networks in minutes.
export ONEDNN_MAX_CPU_ISA=SSE41
# Forked children, which read model files and scans, are checked as well. Without the C library's own clean-up: at a
# child's end it would move the position of files that the parent is reading. In short pieces: valgrind's own memory does
# not suffice for a whole one of oneDNN's unrolled loops.
exec valgrind --quiet --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite,possible \
    --trace-children=no --run-libc-freeres=no --vex-guest-max-insns=25 \
    --suppressions=tests/valgrind.supp "$build/thaw-tests" "${@:2}"
