#!/bin/sh
# Installs Debian packages where that can be done unasked: as root, with apt-get. Fails quietly elsewhere.
set -eu
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 1
echo "Installing $*" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
apt-get install -qq -y --no-install-recommends "$@" >/dev/null
