#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh SECONDS [TARGET...]            build every target in build/fuzz and run each for SECONDS; keeps what it finds there
# run.sh --once NAME PROGRAM DIRECTORY  one bounded run from generated seeds, as a test
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..

seeds() { # name, directory
    mkdir -p "$2"
    python3 "$here/seeds.py" "$1" "$2"
}

dictionary() { # name
    [ ! -f "$here/$1.dict" ] || echo "-dict=$here/$1.dict"
}

if [ "${1:-}" = --once ]; then
    name=$2 program=$3
    work=$4/$name.corpus
    rm -rf "$work"
    seeds "$name" "$work"
    status=0
    # shellcheck disable=SC2046 # one word or none
    "$program" $(dictionary "$name") -runs=20000 -max_total_time=60 -seed=1 -max_len=8192 -timeout=10 -rss_limit_mb=1024 -verbosity=0 -error_exitcode=1 \
        -artifact_prefix="$4/$name-" "$work" || status=$?
    rm -rf "$work"
    exit $status
fi

seconds=${1:-60}
[ $# -eq 0 ] || shift
build=$root/build/fuzz
[ -f "$build/build.ninja" ] || CC=clang meson setup "$build" "$root" -Dfuzz=true -Dbuildtype=debugoptimized \
    -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
ninja -C "$build" --quiet
failed=0
for program in "$build"/tests/fuzz/fuzz-*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    name=${program##*/fuzz-}
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    seeds "$name" "$build/corpus/$name"
    echo "== $name, $seconds seconds"
    # shellcheck disable=SC2046 # one word or none
    "$program" $(dictionary "$name") -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -verbosity=0 -error_exitcode=1 -print_final_stats=1 \
        -artifact_prefix="$build/$name-" "$build/corpus/$name" || failed=1
done
exit $failed
