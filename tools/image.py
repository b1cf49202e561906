"""The images of docker/Dockerfile, built and run on this machine without a container engine or a registry.

    python -m tools.image          builds both, and runs a command in the first: clipmill --version

buildah builds the Dockerfile as it is, but on stand-ins that carry the names of the public images: Debian's own Python,
Beam's boot program made from its source, and a shell script for Dataflow's template launcher. That proves the
Dockerfile's steps and what they install; the public images themselves are not looked at. Needs root, apt-get and Go.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.processes import CannotStart, cache, install, one_at_a_time

REPOSITORY = Path(__file__).parents[1]
DOCKERFILE = REPOSITORY / "docker" / "Dockerfile"
#: By the name of a stage to build up to; "" is the last one.
IMAGES = {"": "localhost/clipmill", "dataflow": "localhost/clipmill-gcp"}
_PACKAGES = ("buildah", "mmdebstrap")
_LAUNCHER = """#!/bin/sh
exec python "$FLEX_TEMPLATE_PYTHON_PY_FILE" "$@"
"""


class Buildah:
    """buildah with a store of its own.

    Args:
        folder: for the images; gigabytes.
    """

    def __init__(self, folder: Path) -> None:
        self._base = ["buildah", "--root", str(folder / "store"), "--runroot", str(folder / "run")]
        self._mounts = [f"{path}:{path}:ro" for path in ("/etc/ssl/certs", "/etc/pip.conf") if os.path.exists(path)]
        self._layers = self._overlays()
        self._base += ["--storage-driver", "overlay" if self._layers else "vfs"]

    def _overlays(self) -> bool:
        """Whether layers can be laid over each other; without, each is a copy of all below it, and few are better."""
        return not subprocess.run(
            [*self._base, "--storage-driver", "overlay", "images"], capture_output=True
        ).returncode

    def do(self, *words: str) -> str:
        """Run a command of buildah's; returns what it printed.

        Raises:
            CannotStart: it failed; shows its last lines.
        """
        done = subprocess.run([*self._base, *words], capture_output=True, text=True)
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
            raise CannotStart(f"buildah {' '.join(words)} failed:\n{tail}")
        return done.stdout.strip()

    def build(self, dockerfile: Path, context: Path, name: str, target: str = "") -> None:
        """Build an image; its steps may reach the package index, with this machine's certificates."""
        words = ["build", "--pull-never", "--isolation", "chroot", "--network", "host"]
        words += ["--format", "docker"]
        words += ["--layers"] if self._layers else []
        for mount in self._mounts:
            words += ["--volume", mount]
        words += ["--target", target] if target else []
        self.do(*words, "--file", str(dockerfile), "--tag", name, str(context))

    def run(self, image: str, command: Sequence[str], *, env: Sequence[str] = ()) -> str:
        """Run a command in a new container of an image, as the image's own user; returns what it printed."""
        container = self.do("from", "--pull-never", image)
        try:
            words = [word for pair in env for word in ("--env", pair)]
            return self.do("run", "--isolation", "chroot", *words, container, "--", *command)
        finally:
            self.do("rm", container)

    def size(self, image: str) -> int:
        """Bytes of the files in an image."""
        container = self.do("from", "--pull-never", image)
        try:
            folder = Path(self.do("mount", container))
            return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        finally:
            self.do("umount", container)
            self.do("rm", container)


def build_images() -> Buildah:
    """Both images, on stand-ins for what they are built on.

    Raises:
        CannotStart: something is missing, or a step failed.
    """
    _install_buildah()
    folder = cache("images")
    buildah = Buildah(folder)
    names = base_images(DOCKERFILE.read_text())
    with one_at_a_time(folder):
        work = folder / "stand-ins"
        shutil.rmtree(work, ignore_errors=True)
        _make_python(buildah, names["python"], folder, work / "python")
        beam = names["beam"]
        _make_scratch(buildah, beam, work / "beam", "opt/apache/beam/boot", _boot(beam.rpartition(":")[2]))
        script = work / "launcher.sh"
        script.write_text(_LAUNCHER)
        _make_scratch(
            buildah, names["launcher"], work / "launcher", "opt/google/dataflow/python_template_launcher", script
        )
        for target, image in IMAGES.items():
            buildah.build(DOCKERFILE, REPOSITORY, image, target)
    return buildah


def base_images(dockerfile: str) -> dict[str, str]:
    """The public images that a Dockerfile names, with the registry that a bare name means: python, beam, launcher."""
    found = [_full(name) for name in re.findall(r"^FROM (\S+:\S+)", dockerfile, re.MULTILINE)]
    kinds = {"python": "/python:", "beam": "beam_python", "launcher": "template-launcher"}
    return {kind: next(name for name in found if mark in name) for kind, mark in kinds.items()}


def _full(name: str) -> str:
    """An image's name with the registry, as docker would complete it."""
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first else f"docker.io/{name}"


def _install_buildah() -> None:
    if all(map(shutil.which, _PACKAGES)):
        return
    if os.geteuid():
        raise CannotStart(f"{', '.join(_PACKAGES)}: not installed, and only root may; apt-get install them")
    mend = "the image can only be tried on Debian or Ubuntu"
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    install(["apt-get", "update", "-q"], mend, env=quiet)
    install(["apt-get", "install", "-qy", "--no-install-recommends", *_PACKAGES], mend, env=quiet)


def _make_python(buildah: Buildah, name: str, folder: Path, work: Path) -> None:
    """Debian with its Python, under the name of Python's slim image."""
    packed = folder / "bookworm.tar"
    if not packed.exists():
        part = packed.with_suffix(".part.tar")
        packages = "--include=ca-certificates,python3,python3-venv"
        install(["mmdebstrap", "--variant=minbase", packages, "bookworm", str(part)], "apt-get install mmdebstrap")
        part.rename(packed)
    work.mkdir(parents=True)
    (work / packed.name).hardlink_to(packed)
    (work / "Dockerfile").write_text(
        f'FROM scratch\nADD {packed.name} /\nRUN ln -s python3 /usr/bin/python\nCMD ["python"]\n'
    )
    buildah.build(work / "Dockerfile", work, name)


def _make_scratch(buildah: Buildah, name: str, work: Path, path: str, file: Path) -> None:
    """An image of one program."""
    target = work / "files" / path
    target.parent.mkdir(parents=True)
    shutil.copy(file, target)
    target.chmod(0o755)
    (work / "Dockerfile").write_text("FROM scratch\nCOPY files /\n")
    buildah.build(work / "Dockerfile", work, name)


def _boot(version: str) -> Path:
    """Beam's boot program, from the source of that version."""
    folder = cache(f"beam-boot-{version}")
    with one_at_a_time(folder):
        if not (folder / "container").exists():
            source = f"github.com/apache/beam/sdks/v2/python/container@v{version}"
            install(["go", "install", source], "install Go", env={"GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"})
    return folder / "container"


def main() -> int:
    """Build, and show that they run."""
    try:
        buildah = build_images()
    except CannotStart as error:
        print(f"CANNOT TRY THE IMAGE: {error}", file=sys.stderr)
        return 1
    for image in IMAGES.values():
        print(f"{image}: {buildah.size(image) / 1e6:,.0f} MB, {buildah.run(image, ['clipmill', '--version'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
