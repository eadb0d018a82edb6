"""Real operating-system commits for ostree, tiny and deployable; sysroots for them, made and taken away again."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

_DIRECTORIES = (
    "boot", "dev", "proc", "run", "sys", "sysroot", "tmp", "var", "usr/etc", "usr/lib/bootc/bound-images.d",
)  # fmt: skip
_QUADLETS = "usr/share/containers/systemd"
_BOUND = "usr/lib/bootc/bound-images.d"


def make_os_commit(
    repo: Path,
    branch: str,
    *,
    version: str,
    bound: Mapping[str, str],
    extra: Mapping[str, str | bytes] | None = None,
    links: Mapping[str, str] | None = None,
    parent: str | None = None,
    kernel: bool = True,
) -> str:
    """Commit a deployable tree that binds these images (quadlet file name → Image=, or whole content); its checksum.

    The repository is made (archive mode) where there is none. `extra`: further files, path → content; `links`: path →
    target. Without a `kernel` ostree refuses to deploy the commit. The same arguments give the same checksum.
    """
    if not (repo / "config").exists():
        make_repo(repo)
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        write_tree(tree, version, bound, extra or {}, links or {}, kernel=kernel)
        return _ostree(
            "commit", f"--repo={repo}", f"--branch={branch}", f"--subject={version}", f"--tree=dir={tree}",
            f"--add-metadata-string=version={version}", "--timestamp=2026-01-01 00:00:00 +0000",
            "--owner-uid=0", "--owner-gid=0", f"--parent={parent or 'none'}",
        ).strip()  # fmt: skip


def write_tree(
    tree: Path,
    version: str,
    bound: Mapping[str, str],
    extra: Mapping[str, str | bytes],
    links: Mapping[str, str] | None = None,
    *,
    kernel: bool = True,
) -> None:
    """The root file system itself, in a directory."""
    for name in _DIRECTORIES:
        (tree / name).mkdir(parents=True, exist_ok=True)
    modules: dict[str, str | bytes] = {
        "usr/lib/modules/6.1.0/vmlinuz": f"kernel of {version}\n",
        "usr/lib/modules/6.1.0/initramfs.img": "initramfs\n",
    }
    files: dict[str, str | bytes] = {
        **(modules if kernel else {}),
        "usr/lib/os-release": f'ID=demo\nVERSION_ID="{version}"\nPRETTY_NAME="Demo {version}"\n',
        **{f"{_QUADLETS}/{name}": quadlet(name, image) for name, image in bound.items()},
        **extra,
    }
    for path, content in files.items():
        place = _below(tree, path)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    for name in bound:
        _below(tree, f"{_BOUND}/{name}").symlink_to(f"/{_QUADLETS}/{name}")
    for path, target in (links or {}).items():
        _below(tree, path).symlink_to(target)


def quadlet(name: str, image: str) -> str:
    """The smallest quadlet of this name that names this image; a text of several lines is taken as it is."""
    return image if "\n" in image else f"[{'Image' if name.endswith('.image') else 'Container'}]\nImage={image}\n"


def make_repo(repo: Path, mode: str = "archive") -> Path:
    """An empty repository that does not wait for the disk."""
    repo.mkdir(parents=True, exist_ok=True)
    _ostree("init", f"--repo={repo}", f"--mode={mode}")
    _ostree("config", f"--repo={repo}", "set", "core.fsync", "false")
    return repo


def make_sysroot(path: Path, *stateroots: str) -> Path:
    """A sysroot as an installer leaves it, with these stateroots (`os` if none is named). End with `remove_sysroot`."""
    path.mkdir(parents=True, exist_ok=True)
    _ostree("admin", "init-fs", "--modern", str(path))
    _ostree("config", f"--repo={path}/ostree/repo", "set", "core.fsync", "false")
    for stateroot in stateroots or ("os",):
        _ostree("admin", "os-init", f"--sysroot={path}", stateroot)
    return path


def remove_sysroot(path: Path) -> None:
    """Take a sysroot away; deployments' roots carry the immutable flag."""
    roots = [str(root) for root in path.glob("ostree/deploy/*/deploy/*") if root.is_dir()]
    if roots:
        subprocess.run(["chattr", "-i", *roots], check=False, capture_output=True, stdin=subprocess.DEVNULL)
    shutil.rmtree(path, ignore_errors=True)


def _below(tree: Path, path: str) -> Path:
    place = tree / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _ostree(*words: str) -> str:
    done = subprocess.run(["ostree", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, f"ostree {' '.join(words)}: {done.stderr}"
    return done.stdout
