"""apt with a configuration of its own: it fetches from any suite as an ordinary user, and changes no system.

The system's apt configuration is read first, so that its proxies, certificates and logins hold; then a file
of ours puts sources, indexes and caches in a folder of ours, and takes out what the system does after an
update (an image of a container may delete packages then).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from downlaw.study.sources.debian import DebianArchive

from ..errors import CorpusError

ALTERNATIVES = (
    "use another source (pypi, files, mtdata, huggingface), or fetch on a machine that has it and copy "
    "results/corpora/packages here"
)

_CONFIGURATION = """\
#clear APT::Update;
#clear Acquire::Languages;
#clear Acquire::IndexTargets;
#clear DPkg;
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Update::Error-Mode "any";
APT::Get::List-Cleanup "false";
Dir::State "{folder}/state";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Cache::pkgcache "packages.bin";
Dir::Cache::srcpkgcache "";
Dir::Log "{folder}/log";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "{languages}";
Acquire::Check-Valid-Until "false";
Acquire::GzipIndexes "false";
Acquire::Retries "2";
Acquire::IndexTargets::deb::Packages {{
  MetaKey "$(COMPONENT)/binary-$(ARCHITECTURE)/Packages";
  ShortDescription "Packages";
  Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Packages";
  DefaultEnabled "{packages}";
}};
Acquire::IndexTargets::deb::Translations {{
  MetaKey "$(COMPONENT)/i18n/Translation-$(LANGUAGE)";
  ShortDescription "Translation-$(LANGUAGE)";
  Description "$(RELEASE)/$(COMPONENT) Translation-$(LANGUAGE)";
}};
"""


class Apt:
    """A private apt over one component of one suite.

    Args:
        folder: where its configuration, indexes and caches lie; absolute, and made if it is not there.
        language: the one language of package descriptions that it reads; without it, packages.

    Raises:
        CorpusError: naming `key`, where there is no apt or none of the archive's keys.
    """

    def __init__(
        self,
        folder: Path,
        archive: DebianArchive,
        suite: str,
        component: str,
        key: str,
        language: str | None = None,
    ) -> None:
        if shutil.which("apt-get") is None:
            raise CorpusError(f"{key}: source debian needs apt-get, and there is none here: {ALTERNATIVES}")
        corpus = key.split(".collections")[0]
        if not Path(archive.keyring).is_file():
            raise CorpusError(
                f"{corpus}.keyring: no such file: {archive.keyring}; install debian-archive-keyring, or name "
                "the keys of your archive"
            )
        if any(sign in str(folder) for sign in '"[]#\n'):
            raise CorpusError(f"{key}: apt cannot work in a folder with such a name: {folder}")
        self.folder, self.key = folder, key
        self._where = f"{suite} of {archive.archive}"
        for name in ("lists/partial", "cache/archives/partial", "state", "log"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._configuration = folder / "apt.conf"
        _write_new(folder / "status", "")
        _write_new(
            folder / "sources.list",
            f"deb [signed-by={archive.keyring} arch={archive.architecture}] "
            f"{archive.archive} {suite} {component}\n",
        )
        _write_new(
            self._configuration,
            _CONFIGURATION.format(
                folder=folder,
                architecture=archive.architecture,
                languages=language or "none",
                packages="false" if language else "true",
            ),
        )

    def _run(self, program: str, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "-c", str(self._configuration), *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )

    def update(self) -> None:
        """Read the archive's indexes anew, and check that its keys have signed them.

        Raises:
            CorpusError: where it cannot be reached, is not signed, or has no such suite.
        """
        done = self._run("apt-get", ["-q", "update"], self.folder)
        if done.returncode:
            raise CorpusError(
                f"{self.key}: apt could not read {self._where}: {_said(done)} (is there a network, the suite "
                "right, and the keyring the one that this archive is signed with?)"
            )

    def versions(self, package: str) -> list[str]:
        """The versions of a package that the indexes know, newest first."""
        done = self._run("apt-cache", ["madison", package], self.folder)
        rows = (line.split("|") for line in done.stdout.splitlines())
        return [row[1].strip() for row in rows if len(row) == 3 and row[0].strip() == package]

    def download(self, package: str, version: str, folder: Path) -> Path:
        """Download a package into `folder`.

        Raises:
            CorpusError: where apt cannot.
        """
        done = self._run("apt-get", ["-q", "download", f"{package}={version}"], folder)
        found = sorted(folder.glob("*.deb"))
        if done.returncode or len(found) != 1:
            raise CorpusError(f"{self.key}: apt could not download {package} {version}: {_said(done)}")
        return found[0]

    def index(self) -> Path | None:
        """The file of package descriptions, uncompressed; None where the suite has none in this language."""
        target = ["indextargets", "--format", "$(FILENAME)", "Created-By: Translations"]
        done = self._run("apt-get", target, self.folder)
        paths = [Path(line) for line in done.stdout.splitlines() if line]
        return next((path for path in paths if path.is_file()), None)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One job at a time in a folder, which is made if it is not there: others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_new(path: Path, text: str) -> None:
    """Write a file unless it is so already: apt rebuilds its cache, which takes seconds, for a newer one."""
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)


def _said(done: subprocess.CompletedProcess[str]) -> str:
    """The first error of apt, else its last line."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "Err:"))]
    return (errors or lines[-1:] or ["it said nothing"])[0].removeprefix("E: ")
