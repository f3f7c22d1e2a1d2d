"""Submissions: bytes handed in, copied to where nobody changes them, and named by their digest."""

from __future__ import annotations

import contextlib
import hashlib
import lzma
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from evalengine.errors import AgentError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from evalengine.model import AgentSpec

MAX_FILES = 5_000
MAX_BYTES = 512 << 20
_LONGEST_NAME = 255  # bytes, as file systems have it
MAX_RATIO = 200  # of a zip's whole contents to its size
_LEFT_OUT = frozenset({".git", "__pycache__", ".evalengine"})
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
)
_SYSTEM = ("/usr/", "/bin/", "/sbin/", "/lib/", "/opt/", "/nix/")


def snapshots(
    specs: Iterable[AgentSpec],
    folder: Path,
    stand_in: Callable[[AgentSpec, AgentError], AgentSpec] | None = None,
) -> list[AgentSpec]:
    """Copy the bytes of agents below `folder`; return them with their digests as versions, not yet located.

    Args:
        stand_in: what to play for an agent that would raise AgentError; None: it is raised.

    Raises:
        AgentError: they cannot be read, are too many or lead outside; StorageError: they cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # One scratch folder for all: making and removing one each took as long as the copies of 2,000 agents.
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as scratch:
            return [_kept_or(stand_in, spec, folder, Path(scratch) / str(number)) for number, spec in enumerate(specs)]
    except OSError as error:
        msg = f"the agents' folder {str(folder)!r} cannot be written: {error.strerror or error}"
        raise StorageError(msg) from error


def _kept_or(
    stand_in: Callable[[AgentSpec, AgentError], AgentSpec] | None, spec: AgentSpec, folder: Path, copy: Path
) -> AgentSpec:
    try:
        return _kept(spec, folder, copy)
    except AgentError as error:
        if stand_in is None:
            raise
        shutil.rmtree(copy, ignore_errors=True)  # at once: what was unpacked of 200 bombs fills a disk
        return _kept(stand_in(spec, error), folder, copy)


def _kept(spec: AgentSpec, folder: Path, copy: Path) -> AgentSpec:
    if spec.kind == "trusted":
        return replace(spec, version=_trusted_digest(spec))
    copy.mkdir()
    try:
        placed = _place_program(spec, copy) if spec.kind == "program" else _place_python(spec, copy)
    except shutil.Error as error:
        msg = f"{spec.name}: its files cannot be copied: {error.args[0][0][2]}"
        raise AgentError(msg) from error
    except OSError as error:
        if error.filename is None or Path(error.filename).is_relative_to(copy.parent):
            raise
        msg = (
            f"{spec.name}: {os.fsdecode(error.filename)!r} cannot be read: {error.strerror}. "
            "Its bytes are copied before the run: give yourself the right to read it"
        )
        raise AgentError(msg) from error
    digest = digest_of(copy, _words_of(placed))
    _keep(copy, folder / digest)
    return replace(placed, path="", version=digest)


def located(spec: AgentSpec, folder: Path) -> AgentSpec:
    """Return a snapshotted `spec` as it is played: from its place below `folder`, argv with whole paths."""
    if spec.kind == "trusted":
        return spec
    home = (folder / spec.version).resolve()

    def whole(part: str) -> str:
        return str(home / part[2:]) if part.startswith("//") else part

    options = {name: whole(value) for name, value in spec.options.items()}
    return replace(spec, path=str(home), argv=tuple(map(whole, spec.argv)), options=options)


def intact(spec: AgentSpec, folder: Path) -> bool:
    """Say whether the bytes of a stored, not yet located `spec` are still those of its digest."""
    if spec.kind == "trusted":
        return True
    home = folder / spec.version
    return home.is_dir() and digest_of(home, _words_of(spec)) == spec.version


def digest_of(folder: Path, arguments: Sequence[str]) -> str:
    """Return the SHA-256 over the sorted (path, executable, SHA-256) of a folder's files, and the arguments."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        executable = bool(path.stat().st_mode & stat.S_IXUSR)
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            whole.update(f"{name}\0{executable:d}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    for argument in arguments:
        whole.update(argument.encode() + b"\0")
    return whole.hexdigest()


def _words_of(spec: AgentSpec) -> list[str]:
    """Return what belongs to a digest besides files; no two agents have the same."""
    words = [spec.entry, *spec.argv]
    if spec.kind == "program" and (spec.dialect != "json" or spec.options):
        # An entry that is no program's, so that no argument can be taken for an option.
        options = [text for option in spec.options.items() for text in option]
        return [f"{spec.dialect}:{len(options)}", *options, *words]
    return words


def _trusted_digest(spec: AgentSpec) -> str:
    identity = repr((spec.factory, sorted(spec.config.items()), spec.version)).encode() + spec.payload
    return hashlib.sha256(identity).hexdigest()


def _keep(copy: Path, home: Path) -> None:
    """Move `copy` to its place, unless the same bytes are there; make it read-only."""
    if home.is_dir():
        if digest_of(home, []) == digest_of(copy, []):
            return
        _make_writable(home)
        shutil.rmtree(home)
    for path in [*copy.rglob("*"), copy]:
        path.chmod(path.stat().st_mode & ~0o222)
    copy.chmod(0o755)  # a folder that is moved must be writable itself
    try:
        copy.rename(home)
    except OSError:
        if not home.is_dir():  # somebody else was faster with the same bytes
            raise
        _make_writable(copy)
    home.chmod(0o555)


def _make_writable(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        with contextlib.suppress(OSError):
            path.chmod(path.stat().st_mode | 0o700)


# ------------------------------------------------------------------------------------- Python


def _place_python(spec: AgentSpec, copy: Path) -> AgentSpec:
    source = Path(spec.path)
    if source.is_dir():
        copy_folder(source, copy, spec.name)
    elif source.suffix == ".zip":
        unzip(source, copy)
        return replace(spec, entry=_entry_of(copy, spec))
    else:
        _copy_file(source, copy / source.name)
    return spec


def _entry_of(copy: Path, spec: AgentSpec) -> str:
    """Return "file.py[:Name]" within an unpacked zip, which may hold one folder around everything."""
    tops = list(copy.iterdir())
    prefix = f"{tops[0].name}/" if len(tops) == 1 and tops[0].is_dir() else ""
    for name in ("agent.py", "main.py"):
        if (copy / prefix / name).is_file():
            return prefix + name + spec.entry
    msg = f"{Path(spec.path).name} holds no agent.py or main.py at its top"
    raise AgentError(msg)


def copy_folder(source: Path, target: Path, name: str) -> None:
    """Copy the files of a folder, without .git and __pycache__; links only as what they lead to inside it.

    Raises:
        AgentError: a link leads outside, or there are too many files or bytes.
    """
    count = size = 0
    root = source.resolve()
    for path in _files(source):
        if path.is_symlink():
            _check_link(path, root, f"{name}: {path.relative_to(source)}")
        count, size = count + 1, size + path.stat().st_size
        _check_size(name, count, size)
        _copy_file(path, target / path.relative_to(source))


def _check_link(path: Path, root: Path, what: str) -> None:
    if not path.resolve().is_relative_to(root):
        msg = f"{what} is a link that leads outside its folder"
    elif path.is_dir():  # it may lead to a folder that holds it
        msg = f"{what} is a link to a folder: put a copy of the folder there"
    else:
        return
    raise AgentError(msg)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, and its links to folders."""
    for place, folders, files in os.walk(folder, onerror=_fail):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        yield from (Path(place, name) for name in folders if Path(place, name).is_symlink())
        for name in sorted(files):
            path = Path(place) / name
            if path.is_file():  # no sockets, pipes or dangling links
                yield path


def _fail(error: OSError) -> None:
    raise error


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644)


def _check_size(name: str, files: int, size: int) -> None:
    if files > MAX_FILES:
        msg = f"{name}: more than {MAX_FILES} files"
        raise AgentError(msg)
    if size > MAX_BYTES:
        msg = f"{name}: more than {MAX_BYTES >> 20} MiB"
        raise AgentError(msg)


def unzip(archive: Path, target: Path) -> None:
    """Unpack a zip that somebody handed in.

    Raises:
        AgentError: it is broken, encrypted, holds links or paths that lead outside, or is too large for its size.
    """
    name = archive.name
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            _check_members(name, members, archive.stat().st_size)
            for member in members:
                _unpack(opened, member, target)
    except _BROKEN_ZIP as error:
        msg = f"{name}: a broken or unsupported zip: {error}"
        raise AgentError(msg) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        msg = f"{name}: two entries of the zip want the same place"
        raise AgentError(msg) from error


def _check_members(name: str, members: Sequence[zipfile.ZipInfo], packed: int) -> None:
    size = sum(member.file_size for member in members)
    _check_size(name, len(members), size)
    if size > MAX_RATIO * max(packed, 1024):
        msg = f"{name}: unpacks to more than {MAX_RATIO} times its size"
        raise AgentError(msg)
    for member in members:
        path = PurePosixPath(member.filename)
        mode = member.external_attr >> 16
        if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
            msg = f"{name}: {member.filename!r} is a link or a special file"
        elif path.is_absolute() or ".." in path.parts or "\\" in member.filename or "\0" in member.orig_filename:
            msg = f"{name}: {member.filename!r} leads outside"
        elif member.flag_bits & 0x1:
            msg = f"{name}: {member.filename!r} is encrypted"
        else:
            continue
        raise AgentError(msg)


def _unpack(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    path = target / PurePosixPath(member.filename)
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts):
        msg = f"{member.filename[:40]!r}... is too long a name"
        raise ValueError(msg)
    path.parent.mkdir(parents=True, exist_ok=True)
    left = member.file_size
    with opened.open(member) as source, path.open("xb") as file:
        while chunk := source.read(1 << 16):
            left -= len(chunk)
            if left < 0:
                msg = f"{member.filename!r} is larger than it says"
                raise ValueError(msg)
            file.write(chunk)
    path.chmod(0o755 if member.external_attr >> 16 & stat.S_IXUSR else 0o644)


# ------------------------------------------------------------------------------------ programs


def _place_program(spec: AgentSpec, copy: Path) -> AgentSpec:
    """Copy what is the author's own; programs of the system are played in place and known by their bytes.

    In the argv and the options that are returned, `//name` stands for a copied file.
    """
    argv, options = [], {}
    for place, argument in enumerate(spec.argv):
        own = argument in spec.files if place > 0 else _own_program(Path(argument))
        argv.append(_copied(spec, argument, copy, place) if own else argument)
    for place, (name, value) in enumerate(spec.options.items(), len(argv)):
        options[name] = _copied(spec, value, copy, place) if value in spec.files else value
    if not argv[0].startswith("//"):
        with Path(argv[0]).open("rb") as file:
            (copy / "program.sha256").write_text(hashlib.file_digest(file, "sha256").hexdigest())
    return replace(spec, argv=tuple(argv), options=options)


def _copied(spec: AgentSpec, argument: str, copy: Path, place: int) -> str:
    path = Path(argument)
    name = f"{place}/{path.resolve().name if place == 0 else path.name}"
    if path.is_dir():
        copy_folder(path, copy / name, spec.name)
    else:
        _copy_file(path, copy / name)
    return f"//{name}"


def _own_program(path: Path) -> bool:
    # A copied interpreter does not find its library: links (virtual environments') and the system's stay in place.
    return not path.is_symlink() and not str(path.resolve()).startswith(_SYSTEM)
