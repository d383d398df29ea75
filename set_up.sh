#!/bin/sh
# Makes a virtual environment with the pinned packages, and finds ffmpeg. Run again, it does nothing.
#
#   sh set_up.sh [VENV [CONSTRAINTS [EXTRAS]]]      defaults: .venv constraints.txt all,test
#   sh set_up.sh VENV REQUIREMENTS -                the listed packages alone, without keras-d3 and TensorFlow
#   PYTHON=/path/to/python3.11 sh set_up.sh         chooses the interpreter
set -eu
cd "$(dirname "$0")"
venv=${1:-.venv}
constraints=${2:-constraints.txt}
extras=${3:-all,test}

fail() { echo "set_up.sh: $*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }
}

apt_install() {
    echo "set_up.sh: installing $* with apt-get"
    as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq "$@" >/dev/null
}

fits() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-} python3.12 python3.11 python3.10 python3 \
        "$HOME"/.pyenv/versions/3.12.*/bin/python "$HOME"/.pyenv/versions/3.11.*/bin/python \
        "$HOME"/.pyenv/versions/3.10.*/bin/python; do
        if command -v "$candidate" >/dev/null 2>&1 && fits "$candidate"; then echo "$candidate"; return; fi
    done
    return 1
}

# uv takes an eighth of the time, but knows nothing of pip's settings (pip.conf, a mirror); where it fails, pip does it.
# Both compile to bytecode: where Python may not write any (PYTHONDONTWRITEBYTECODE), every start would compile
# TensorFlow again, 20 s instead of 7.
install() {
    if "$venv/bin/python" -m pip install --quiet uv && UV_NATIVE_TLS=true "$venv/bin/uv" pip install --quiet \
        --compile-bytecode --python "$venv/bin/python" ${PIP_FIND_LINKS:+--find-links "$PIP_FIND_LINKS"} "$@"; then return; fi
    echo "set_up.sh: trying again with pip"
    PYTHONWARNINGS=ignore "$venv/bin/python" -m pip install --quiet "$@"
}

# Whoever edits one of these files gets an updated environment at the next run.
wanted=$(cat "$constraints" setup.cfg | cksum)" $extras"
if [ "$(cat "$venv/.installed" 2>/dev/null || true)" != "$wanted" ]; then
    if [ ! -x "$venv/bin/python" ]; then
        python=$(find_python) || fail "Python 3.10, 3.11 or 3.12 is needed (TensorFlow 2.17 runs on these); \
install one, or name it: PYTHON=/path/to/python3.12 sh set_up.sh"
        echo "set_up.sh: making $venv with $("$python" --version)"
        if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
            rm -rf "$venv"
            version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
            may_install || fail "$python cannot make virtual environments: install python$version-venv"
            apt_install "python$version-venv"
            "$python" -m venv "$venv"
        fi
    fi
    echo "set_up.sh: installing the pinned packages into $venv (a minute or two the first time)"
    if [ "$extras" = - ]; then
        install --requirement "$constraints"
    else
        install --constraint "$constraints" --editable ".[$extras]"
    fi
    "$venv/bin/python" -m pip check
    echo "$wanted" > "$venv/.installed"
fi

# Layers and networks alone read no audio files.
if [ "$extras" = - ]; then exit 0; fi
if ! command -v ffmpeg >/dev/null 2>&1 || ! command -v ffprobe >/dev/null 2>&1; then
    may_install || fail "ffmpeg and ffprobe are needed to read .stem.mp4 files and to score with museval: \
install the package ffmpeg"
    apt_install ffmpeg
fi
