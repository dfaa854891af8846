#!/bin/sh
# SPDX-License-Identifier: MIT
# Pack the built program as a Debian package: deb.sh BUILD [DIRECTORY]   (VERSION overrides the version)
# The result is DIRECTORY/opensysmon_VERSION_ARCHITECTURE.deb; the same build gives the same bytes.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
out=${2:-$build}
name=opensysmon
version=${VERSION:-$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$root/meson.build" | head -1)}
architecture=$(dpkg --print-architecture)
# One time stamp for all files: that of the sources.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || stat -c %Y "$root/meson.build")}
export SOURCE_DATE_EPOCH
program=/usr/sbin/sysmon
store=/opt/sysmon

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
umask 022

install_expanded() { # from, to, mode
    sed -e "s|@PROGRAM@|$program|g" -e "s|@STORE@|$store|g" "$root/packaging/linux/$1" >"$work/expanded"
    install -D -m "$3" "$work/expanded" "$tree/$2"
}

install -D -m 0755 -s "$build/sysmon" "$tree$program"
install_expanded sysmon.service.in lib/systemd/system/sysmon.service 0644
install_expanded sysmon.init.in etc/init.d/sysmon 0755
install -d -m 0755 "$tree/etc/sysmon"
install -m 0600 "$root/packaging/linux/default.xml" "$tree/etc/sysmon/config.xml"
install -m 0600 "$root/packaging/linux/outputs.conf" "$tree/etc/sysmon/outputs.conf"
install -D -m 0644 "$root/LICENSE" "$tree/usr/share/doc/$name/copyright"
for page in service output configuration events exit-codes; do
    install -m 0644 "$root/docs/$page.md" "$tree/usr/share/doc/$name/$page.md"
done
install -D -m 0644 "$root/packaging/linux/sysmon.8" "$tree/usr/share/man/man8/sysmon.8"
gzip -9n "$tree/usr/share/man/man8/sysmon.8" "$tree/usr/share/doc/$name/events.md"

# dpkg-shlibdeps wants to be in a source package.
mkdir -p "$work/debian" "$tree/DEBIAN"
printf 'Source: %s\nPackage: %s\nArchitecture: any\n' "$name" "$name" >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O -e"tree$program" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$libraries" ] || { echo "deb.sh: dpkg-shlibdeps names no libraries" >&2; exit 1; }
sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$architecture|" -e "s|@LIBRARIES@|$libraries|" \
    -e "s|@SIZE@|$(du -sk "$tree" | cut -f1)|" "$root/packaging/deb/control.in" >"$tree/DEBIAN/control"
for script in postinst prerm postrm; do
    install -m 0755 "$root/packaging/deb/$script" "$tree/DEBIAN/$script"
done
printf '%s\n' /etc/init.d/sysmon /etc/sysmon/config.xml /etc/sysmon/outputs.conf >"$tree/DEBIAN/conffiles"
(cd "$tree" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$out"
package=$out/${name}_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$tree" "$package" >/dev/null
echo "$package"
