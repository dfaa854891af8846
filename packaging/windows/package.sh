#!/bin/sh
# SPDX-License-Identifier: MIT
# Windows packages from a finished `make windows`: a zip of both architectures and one MSI for each, signed with a test certificate.
#
# usage: package.sh BUILD VERSION        output: BUILD/windows/package/
#   CERTIFICATE, KEY   PEM files of a real code-signing certificate; without them a test certificate is made in the output folder,
#                      which only machines that trust it accept (docs/windows.md)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) version=$2
out=$build/windows/package
rm -rf "$out"
mkdir -p "$out/stage"

# A test certificate: its own authority, and a leaf for code signing.
if [ -z "${CERTIFICATE:-}" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=OpenSysmon Test Authority' \
        -keyout "$out/ca.key" -out "$out/test-authority.pem" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj '/CN=OpenSysmon Test' -keyout "$out/leaf.key" -out "$out/leaf.csr" 2>/dev/null
    printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=codeSigning\n' >"$out/leaf.ext"
    openssl x509 -req -days 3650 -in "$out/leaf.csr" -CA "$out/test-authority.pem" -CAkey "$out/ca.key" -CAcreateserial \
        -extfile "$out/leaf.ext" -out "$out/leaf.pem" 2>/dev/null
    cat "$out/leaf.pem" "$out/test-authority.pem" >"$out/chain.pem"
    openssl x509 -in "$out/test-authority.pem" -outform der -out "$out/test-authority.cer"
    CERTIFICATE=$out/chain.pem KEY=$out/leaf.key
fi

sign() { # source, destination
    osslsigncode sign -h sha256 -certs "$CERTIFICATE" -key "$KEY" -n OpenSysmon -in "$1" -out "$2" >/dev/null
}

for arch in x64 x86; do
    program=Sysmon64.exe
    [ $arch = x64 ] || program=Sysmon.exe
    sign "$build/windows/$arch/$program" "$out/stage/$program"
    # wixl takes relative sources only
    (cd "$out/stage" && cp "$here/OpenSysmon.wxs" . &&
        wixl -a $arch -D Version="$version" -D Program="$program" -D Source="$program" -o "$out/unsigned-$arch.msi" OpenSysmon.wxs &&
        rm OpenSysmon.wxs)
    # An MSI sums up its tables in what wixl writes; a signed one is a changed one, so signing comes last.
    sign "$out/unsigned-$arch.msi" "$out/OpenSysmon-$version-$arch.msi" || cp "$out/unsigned-$arch.msi" "$out/OpenSysmon-$version-$arch.msi"
done
cp "$here/../../docs/windows.md" "$here/../../LICENSE" "$out/stage/"
[ ! -f "$out/test-authority.cer" ] || cp "$out/test-authority.cer" "$out/stage/"
(cd "$out/stage" && python3 -m zipfile -c "../OpenSysmon-$version-windows.zip" ./*)
rm -rf "$out/stage" "$out"/unsigned-*.msi "$out"/leaf.* "$out/ca.key" "$out"/*.srl "$out/chain.pem"
ls -l "$out" | awk 'NR > 1 { print $NF, $5 }'
