#!/bin/sh
# SPDX-License-Identifier: MIT
# Run the simulated executive in a Wine prefix of its own; prints one TAP stream.
# usage: run.sh PREFIX SECONDS NTSIM.exe DRIVER.sys PROFILE run|sweep SCENARIO…
#   SCENARIO may end in `*`. SECONDS is the outer limit of each scenario pattern; ntsim has its own watchdog inside
set -u
case ${SYSMON_BUILD:-} in */x86)
    [ -d /usr/lib/i386-linux-gnu/wine ] || { echo "1..0 # SKIP this Wine has no 32-bit part"; exit 0; } ;;
esac
. "$(dirname "$0")/../wine/prefix.sh"
prefix=$1 limit=$2 ntsim=$3 driver=$4 profile=$5 mode=$6
shift 6
wine_new "$prefix" || exit 1
sweep=
[ "$mode" = sweep ] && sweep=--sweep
set -f # the patterns are ntsim's

for scenario in "$@"; do
    # shellcheck disable=SC2086 # $sweep is one word or none
    timeout -k 5 "$limit" wine "$ntsim" "$driver" --profile "$profile" --scenario "$scenario" $sweep 2>"$WINEPREFIX/err.txt" |
        tr -d '\r' >"$WINEPREFIX/one.tap"
    if ! grep -q '^1\.\.' "$WINEPREFIX/one.tap"; then
        sed 's/^/# /' "$WINEPREFIX/err.txt"
        sed 's/^/# /' "$WINEPREFIX/one.tap"
        echo "Bail out! $profile, $scenario: ntsim ended without a plan (limit $limit seconds)"
        exit 1
    fi
    cat "$WINEPREFIX/one.tap"
done | awk '
    /^(not )?ok / { n++; sub(/[0-9]+/, n) }
    /^Bail out|^not ok/ { bad = 1 }
    !/^1\.\./ { print }
    END { print "1.." n + 0; exit bad || !n }'
