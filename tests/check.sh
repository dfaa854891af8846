#!/bin/sh
# SPDX-License-Identifier: MIT
# Build every configuration and run every test; the last line counts them.
#   gcc: everything that runs natively.  sanitize: unit tests and short fuzzing with clang, ASan and UBSan.
#   windows: both architectures, the simulated executive and Wine.
set -u
cd "$(dirname "$0")/.."
logs=
failed=0

stage() { # name, build directory, meson setup arguments…; extra test arguments in $tests
    name=$1 dir=$2
    shift 2
    echo "== $name"
    [ -f "$dir/build.ninja" ] || meson setup "$dir" "$@" >"/tmp/setup.$$" 2>&1 || {
        cat "/tmp/setup.$$"; failed=1; return; }
    rm -f "/tmp/setup.$$"
    ninja -C "$dir" --quiet || { failed=1; return; }
    # shellcheck disable=SC2086 # a list of words
    meson test -C "$dir" --no-rebuild --logbase "$name" ${tests:-} || true
    logs="$logs $dir/meson-logs/$name.json"
}

tests= stage native build --werror
tests='--suite unit --suite fuzz' CC=clang stage sanitize build/sanitize --werror -Dfuzz=true \
    -Db_sanitize=address,undefined -Db_lundef=false
tests= stage windows-x64 build/windows/x64 --cross-file cross/windows-x64.ini --werror
tests= stage windows-x86 build/windows/x86 --cross-file cross/windows-x86.ini --werror

# shellcheck disable=SC2086 # a list of words
exec python3 tests/summary.py $failed $logs
