#!/bin/sh
# SPDX-License-Identifier: MIT
# Install the Debian packages of the named groups (build, check, windows) that are missing, saying which.
set -eu
here=$(dirname "$0")
missing=
for group in "$@"; do
    for package in $(sed -n "s/^$group  *//p" "$here/debian-packages.txt"); do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0
echo "Installing Debian packages:$missing"
root=
[ "$(id -u)" = 0 ] || root=sudo
if [ -n "$root" ] && ! command -v sudo >/dev/null; then
    echo "dependencies: not root and no sudo; run as root: apt-get install$missing" >&2
    exit 77
fi
$root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends $missing >/dev/null
