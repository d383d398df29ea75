"""Debian packages that the corpus is made from."""

import shutil
import subprocess
from collections.abc import Iterable

MIDI_PACKAGES = ("openttd-openmsx", "freedoom", "planetblupi-music-midi")
RENDERER = "fluidsynth"


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Returns the versions of those packages that are installed, by dpkg's database.

    Raises:
        RuntimeError: there is no dpkg: the system is neither Debian nor based on it.
    """
    program = shutil.which("dpkg-query")
    if program is None:
        raise RuntimeError(
            "The corpus is made from Debian's packages, and `dpkg-query` is not on the PATH: use Debian or "
            "Ubuntu, or a container of it. MIDI files of your own: python -m tfrecords_tools midi"
        )
    versions = {}
    for package in packages:
        command = [program, "--show", "--showformat=${db:Status-Status} ${Version}", package]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        status, _, version = done.stdout.partition(" ")
        if done.returncode == 0 and status == "installed":
            versions[package] = version
    return versions


def require_packages(packages: Iterable[str]) -> dict[str, str]:
    """Returns the versions of packages, all of which must be installed.

    Raises:
        RuntimeError: some are missing; the message is the one command that installs them.
    """
    packages = tuple(packages)
    versions = installed_versions(packages)
    missing = [package for package in packages if package not in versions]
    if missing:
        raise RuntimeError(
            f"{len(missing)} of {len(packages)} packages are missing: "
            f"apt-get install --no-install-recommends {' '.join(missing)}"
        )
    return versions
