#!/bin/sh
# SPDX-License-Identifier: MIT
# Measure everything: runs each tests/bench/NAME.bench and puts what they print into docs/performance.md.
#
# A .bench file is a shell script that prints one section in Markdown to standard output (progress goes to standard error)
# and exits 0, or exits 77 after saying on standard error why it cannot measure here: then the section it has in the page stays.
# It finds SYSMON_SOURCE, SYSMON_BUILD and SYSMON_CORPUS in its environment. With arguments, only those names are run.
set -u
cd "$(dirname "$0")/../.." || exit 1
SYSMON_SOURCE=$PWD SYSMON_BUILD=${SYSMON_BUILD:-$PWD/build} SYSMON_CORPUS=${SYSMON_CORPUS:-$PWD/../shared/corpus}
export SYSMON_SOURCE SYSMON_BUILD SYSMON_CORPUS
page=docs/performance.md
failed=0

ninja -C "$SYSMON_BUILD" --quiet all bench || exit 1
mkdir -p "$SYSMON_BUILD/bench"
for script in tests/bench/*.bench; do
    name=$(basename "$script" .bench)
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    echo "== $name" >&2
    sh "$script" >"$SYSMON_BUILD/bench/$name.md"
    code=$?
    if [ $code = 0 ]; then
        cat "$SYSMON_BUILD/bench/$name.md"
        python3 tests/bench/page.py "$page" "$name" "$SYSMON_BUILD/bench/$name.md" || failed=1
    elif [ $code != 77 ]; then
        echo "$script failed" >&2
        failed=1
    fi
done
exit $failed
