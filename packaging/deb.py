"""Builds the Debian package: the locked environment below /opt, units, manual pages, scripts.

Run as ``make deb``. The environment is one for the build host's own ``/usr/bin/python3``, so a
package is for the release of Debian that it was built on.
"""

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tflited import __version__

REPOSITORY = Path(__file__).resolve().parent.parent
DEBIAN = REPOSITORY / "packaging" / "debian"
PYTHON = Path("/usr/bin/python3")
PREFIX = Path("/opt/tflited")
SCRIPTS = ("postinst", "prerm", "postrm")
LAUNCHER = f"""\
#!{PREFIX}/bin/python -I
import sys

from tflited.cli import main

sys.exit(main())
"""


def main() -> None:
    """Builds the package and prints its path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", default=__version__, help="of the package")
    parser.add_argument("--compression", default="zstd", help="of dpkg-deb: zstd, xz, gzip, none")
    parser.add_argument("--directory", type=Path, default=REPOSITORY / "build" / "deb")
    arguments = parser.parse_args()
    tree = arguments.directory / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    environment(tree)
    system_files(tree)
    control(tree, version=arguments.version)
    architecture = output("dpkg", "--print-architecture")
    package = arguments.directory / f"tflited_{arguments.version}_{architecture}.deb"
    run("dpkg-deb", "--root-owner-group", f"-Z{arguments.compression}", "--build", tree, package)
    sys.stdout.write(f"{package}\n")


def environment(tree: Path) -> None:
    """Puts the locked packages and the project where the package has its prefix."""
    home = tree / PREFIX.relative_to("/")
    run(PYTHON, "-I", "-m", "venv", "--without-pip", home)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    install = (*pip, "--python", home / "bin/python", "install", "--quiet", "--no-compile")
    lock = REPOSITORY / "requirements" / "cluster.txt"
    run(*install, "--require-hashes", "--only-binary", ":all:", "--requirement", lock)
    wheels = tree.parent / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    wheel = (*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*wheel, "--wheel-dir", wheels, REPOSITORY)
    run(*install, "--no-deps", "--no-index", *wheels.glob("*.whl"))
    relocate(home)
    for headers in home.glob("lib/*/site-packages/tensorflow/include"):
        shutil.rmtree(headers)  # half of all files; they are for those who compile operators
    compiled = ("-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash")
    # Some packages ship templates and tests that are no valid Python; they stay as they are.
    run(home / "bin/python", *compiled, "-s", tree, "-p", "/", home / "lib", may_fail=True)


def relocate(home: Path) -> None:
    """Removes every trace of the folder that the environment was made in."""
    programs = home / "bin"
    for program in programs.iterdir():
        if not program.name.startswith("python"):
            program.unlink()
    (programs / "tflited").write_text(LAUNCHER)
    (programs / "tflited").chmod(0o755)
    lines = (home / "pyvenv.cfg").read_text().splitlines()
    kept = [line for line in lines if not line.startswith("command")]
    (home / "pyvenv.cfg").write_text("\n".join(kept) + "\n")
    for record in home.glob("lib/*/site-packages/tflited-*.dist-info/direct_url.json"):
        record.unlink()


def system_files(tree: Path) -> None:
    """Units, users, folders, configuration, manual pages and documents."""
    units = tree / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for unit in sorted((REPOSITORY / "systemd").glob("tflited*.*")):
        shutil.copy(unit, units)
    for kind in ("sysusers.d", "tmpfiles.d"):
        (tree / "usr/lib" / kind).mkdir(parents=True)
        shutil.copy(REPOSITORY / "systemd" / kind / "tflited.conf", tree / "usr/lib" / kind)
    configuration = tree / "etc/tflited"
    configuration.mkdir(parents=True)
    shutil.copy(DEBIAN / "tflited.toml", configuration)
    (tree / "usr/bin").mkdir()
    (tree / "usr/bin/tflited").symlink_to(PREFIX / "bin/tflited")
    documents = tree / "usr/share/doc/tflited"
    documents.mkdir(parents=True)
    shutil.copy(DEBIAN / "copyright", documents)
    changes = (REPOSITORY / "CHANGELOG.md").read_bytes()
    (documents / "changelog.gz").write_bytes(gzip.compress(changes, mtime=0))
    for folder in ("docs", "config", "systemd/drop-ins"):
        (documents / folder).parent.mkdir(exist_ok=True)
        run("cp", "--recursive", "--no-target-directory", REPOSITORY / folder, documents / folder)
    # Prometheus may load them from there; dpkg can be told to leave out what lies below doc.
    shared = tree / "usr/share/tflited"
    shared.mkdir()
    for folder in ("prometheus", "grafana"):
        shutil.move(documents / "config" / folder, shared)
    manual(tree)


def manual(tree: Path) -> None:
    """Makes the manual pages from the command line itself."""
    folder = tree / "usr/share/man/man1"
    folder.mkdir(parents=True)
    run(sys.executable, REPOSITORY / "packaging" / "manual.py", folder)
    for page in folder.glob("*.1"):
        page.with_name(f"{page.name}.gz").write_bytes(gzip.compress(page.read_bytes(), mtime=0))
        page.unlink()


def control(tree: Path, *, version: str) -> None:
    """Writes what dpkg reads."""
    folder = tree / "DEBIAN"
    folder.mkdir()
    installed = sum(each.lstat().st_size for each in tree.rglob("*") if not each.is_dir())
    minor = output(PYTHON, "-c", "import sys; print('python3.%d' % sys.version_info[1])")
    text = (DEBIAN / "control").read_text()
    text = text.format(
        version=re.sub(r"\.?(dev|rc|a|b)", r"~\1", version),
        architecture=output("dpkg", "--print-architecture"),
        installed_kib=installed // 1024,
        python=minor,
    )
    (folder / "control").write_text(text)
    (folder / "conffiles").write_text("/etc/tflited/tflited.toml\n")
    for script in SCRIPTS:
        shutil.copy(DEBIAN / script, folder)
        (folder / script).chmod(0o755)


def run(*command: str | os.PathLike[str], may_fail: bool = False) -> None:
    """Runs a program; one that fails ends the build unless it may."""
    subprocess.run(command, check=not may_fail, stdout=sys.stderr)  # noqa: S603 - constants


def output(*command: str | os.PathLike[str]) -> str:
    """What a program prints."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return done.stdout.strip()


if __name__ == "__main__":
    main()
