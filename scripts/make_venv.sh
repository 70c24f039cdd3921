#!/bin/sh
# Makes the virtual environment $1 from the first Python, 3.11 or newer, that has venv and tkinter.
# PYTHON names another one. As root on Debian or Ubuntu, what that Python lacks is installed.
set -eu
here=$(dirname "$0")

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

choose() {
    first=
    for name in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        new_enough "$name" || continue
        first=${first:-$name}
        if "$name" "$here/missing.py" >/dev/null; then
            first=$name
            break
        fi
    done
    echo "$first"
}

python=$(choose)
if [ -z "$python" ]; then
    echo "Pullback needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11 …" >&2
    exit 1
fi
packages=$("$python" "$here/missing.py" --apt) || sh "$here/apt_install.sh" $packages || true
"$python" "$here/missing.py" >&2

trap 'rm -rf "$1"' EXIT # no half-made environment stays
trap 'exit 130' INT TERM
"$python" -m venv "$1"
trap - EXIT
