#!/bin/sh
# SPDX-License-Identifier: MIT
# Run the simulated executive in a Wine prefix of its own.
# usage: run.sh PREFIX SECONDS NTSIM.exe arguments…      SECONDS is the outer limit; ntsim has its own watchdog inside
set -u
case ${SYSMON_BUILD:-} in */x86)
    [ -d /usr/lib/i386-linux-gnu/wine ] || { echo "1..0 # skipped: this Wine has no 32-bit part"; exit 77; } ;;
esac
. "$(dirname "$0")/../wine/prefix.sh"
prefix=$1 limit=$2
shift 2
wine_new "$prefix" || exit 1
timeout -k 5 "$limit" wine "$@" 2>"$WINEPREFIX/err.txt" | tr -d '\r' | tee "$WINEPREFIX/out.tap"
if ! grep -q '^1\.\.' "$WINEPREFIX/out.tap"; then
    cat "$WINEPREFIX/err.txt"
    echo "Bail out! ntsim ended without a plan (limit $limit seconds)"
    exit 1
fi
! grep -q '^not ok\|^Bail out' "$WINEPREFIX/out.tap"
