#!/bin/sh
# Runs a command on a virtual display of its own, so that tests neither need nor disturb anyone's screen.
# Where there is no Xvfb (macOS, Windows), the command gets the screen there is.
set -eu

# The last two open what was exported, for tests that compare it with the screen.
for pair in Xvfb:xvfb pdftoppm:poppler-utils rsvg-convert:librsvg2-bin; do
    command -v "${pair%:*}" >/dev/null || [ "$(uname)" != Linux ] || sh "$(dirname "$0")/apt_install.sh" "${pair#*:}" || true
done
if ! command -v Xvfb >/dev/null; then
    if [ "$(uname)" = Linux ] && [ -z "${DISPLAY:-}" ]; then
        echo "The tests need a display: install Xvfb (Debian, Ubuntu: apt-get install xvfb; Fedora: dnf install xorg-x11-server-Xvfb)" >&2
        exit 1
    fi
    exec "$@"
fi

number=$(mktemp)
Xvfb -displayfd 3 -screen 0 1920x1200x24 -nolisten tcp 3>"$number" >/dev/null 2>&1 &
server=$!
trap 'rm -f "$number"; kill $server 2>/dev/null && wait $server' EXIT
trap 'exit 130' INT TERM
until read -r display <"$number"; do
    kill -0 $server 2>/dev/null || { echo "Xvfb did not start" >&2; exit 1; }
    sleep 0.1
done
DISPLAY=:$display "$@"
