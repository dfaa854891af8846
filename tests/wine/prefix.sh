#!/bin/sh
# SPDX-License-Identifier: MIT
# Private Wine prefixes for tests, below build/wine of the source tree; sourced by the runners.
#
#   . tests/wine/prefix.sh
#   wine_new NAME      an empty prefix of that name (copied from a template that is made once), selected
#   wine_boot          as after switching the machine on: boot drivers and automatic services start; driver text goes to kernel.log
#   wine_off           everything of the selected prefix ends
#   run SECONDS …      a Windows program with a time limit, without \r in its output
#
# Every prefix has its own wineserver. A runner that ends, however it ends, takes its server with it.

WINE_ROOT=${WINE_ROOT:-${SYSMON_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}/build/wine}
export WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
unset DISPLAY

# Once: Windows 10, no crash dialogs. Several runners may come at the same time.
wine_template() {
    mkdir -p "$WINE_ROOT"
    (
        flock 9
        [ -f "$WINE_ROOT/template/.complete" ] && exit 0
        rm -rf "$WINE_ROOT/template"
        export WINEPREFIX="$WINE_ROOT/template"
        timeout 180 wineboot -i >"$WINE_ROOT/template.log" 2>&1 9>&-
        timeout 60 wine winecfg -v win10 >>"$WINE_ROOT/template.log" 2>&1 9>&-
        timeout 60 wine reg add 'HKCU\Software\Wine\WineDbg' /v ShowCrashDialog /t REG_DWORD /d 0 /f \
            >>"$WINE_ROOT/template.log" 2>&1 9>&-
        timeout 60 wineserver -k 9>&-
        timeout 60 wineserver -w 9>&-
        touch "$WINE_ROOT/template/.complete"
    ) 9>"$WINE_ROOT/template.lock"
    [ -f "$WINE_ROOT/template/.complete" ] || { cat "$WINE_ROOT/template.log"; echo "cannot make a Wine prefix"; return 1; }
}

# System files are hard links: Wine replaces files, it never writes into them. The registry is copied.
wine_new() {
    wine_template || return 1
    export WINEPREFIX="$WINE_ROOT/$1"
    wine_off
    rm -rf "$WINEPREFIX"
    cp -al "$WINE_ROOT/template" "$WINEPREFIX"
    for file in "$WINEPREFIX"/*.reg; do
        cp "$file" "$file.new" && mv "$file.new" "$file"
    done
    windows="$WINEPREFIX/drive_c/windows"
    trap wine_off EXIT
    trap 'exit 1' INT TERM
}

wine_off() {
    [ -d "$WINEPREFIX" ] || return 0
    timeout 30 wineserver -k 2>/dev/null
    timeout 60 wineserver -w 2>/dev/null
    return 0
}

# `wineserver -p` keeps services alive between commands; services inherit the first program's environment.
wine_boot() {
    wine_off
    timeout 30 wineserver -p
    WINEDEBUG=-all,warn+debugstr timeout 120 wine wineboot >>"$WINEPREFIX/kernel.log" 2>&1
}

run() {
    limit=$1
    shift
    timeout -k 5 "$limit" wine "$@" >"$WINEPREFIX/out.txt" 2>"$WINEPREFIX/err.txt"
    code=$?
    tr -d '\r' <"$WINEPREFIX/out.txt" >"$WINEPREFIX/out"
    tr -d '\r' <"$WINEPREFIX/err.txt" >"$WINEPREFIX/err"
    cat "$WINEPREFIX/err.txt" >>"$WINEPREFIX/all-errors.txt"
    return $code
}
