"""Names what this Python lacks to run Pullback, and how to get it; with --apt, only the names of Debian's packages."""

import sys

version = f"{sys.version_info[0]}.{sys.version_info[1]}"
missing = {}
for module in ("ensurepip", "tkinter"):
    try:
        __import__(module)
    except ImportError as error:
        missing[module] = str(error)

if "--apt" in sys.argv:
    if "ensurepip" in missing:
        print(f"python{version}-venv")
    if "tkinter" in missing:
        # Python's own container images have the module and lack only the library behind it.
        print("libtk8.6" if "libt" in missing["tkinter"] else f"python{version}-tk")
else:
    if "ensurepip" in missing:
        print(f"{sys.executable} has no venv: apt-get install python{version}-venv")
    if "tkinter" in missing:
        print(
            f"{sys.executable} has no tkinter: apt-get install python{version}-tk (Debian, Ubuntu), "
            f"dnf install python3-tkinter (Fedora), pacman -S tk (Arch), brew install python-tk@{version} (Homebrew); "
            "pyenv: install tk-dev (Homebrew: tcl-tk), then build this Python anew"
        )
sys.exit(1 if missing else 0)
