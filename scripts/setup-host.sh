#!/bin/sh
# Installs the Debian packages that building clusters on this host takes, each only when it is missing. Does nothing when
# none is; never fails because it is not root: what needs root says so itself.
set -eu

# What must be there (a program on the PATH, or a file) and the package that brings it.
needs='
systemd-nspawn       systemd-container
mmdebstrap           mmdebstrap
ip                   iproute2
nft                  nftables
nsenter              util-linux
modprobe             kmod
gcc                  gcc
/usr/include/stdio.h libc6-dev
/usr/include/seccomp.h libseccomp-dev
age                  age
rclone               rclone
/etc/ssl/certs/ca-certificates.crt ca-certificates
'

missing=$(printf '%s' "$needs" | while read -r what package; do
  case $what in
    '') ;;
    /*) [ -e "$what" ] || echo "$package" ;;
    *) PATH=$PATH:/usr/sbin:/sbin command -v "$what" >/dev/null 2>&1 || echo "$package" ;;
  esac
done | sort -u | tr '\n' ' ')

[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: this is no Debian; install what corresponds to: $missing" >&2
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "setup: not root, so these packages stay missing: $missing" >&2
  echo "setup: local clusters need them: sudo apt-get install $missing" >&2
  exit 0
fi
echo "setup: installing $missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # one argument a package
apt-get install -y -q --no-install-recommends $missing
