"""The places that a model's file may come from, as a manifest writes them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any

from packaging.utils import canonicalize_name
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from suite.package_index import PackageSource
from suite.weights import HubFileSource, Source

REPOSITORY = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"  # folders of the hub's cache
PACKAGE = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"  # PEP 508's, so neither an option of pip nor an address
VERSION = (  # PEP 440's, in its normal form
    r"^([0-9]+!)?[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?(\+[a-z0-9]+([._-][a-z0-9]+)*)?$"
)
SHA256 = "^[0-9a-fA-F]{64}$"
MOST_PARTS = 1_000


def _unread(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError(f"version: YAML reads {value} as a number, in which 1.10 is 1.1; write it in quotes")
    return value


def listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Package = Annotated[str, Field(pattern=PACKAGE, max_length=128)]
Packages = Annotated[
    list[Package],
    BeforeValidator(listed, json_schema_input_type=Package | list[Package]),
    Field(min_length=1, max_length=MOST_PARTS),
]
Version = Annotated[str, Field(pattern=VERSION, max_length=64), BeforeValidator(_unread, json_schema_input_type=str)]
Repository = Annotated[str, Field(pattern=REPOSITORY, max_length=128)]
Revision = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
FileName = Annotated[str, Field(min_length=1, max_length=300)]


class Place(BaseModel):
    """One place of a model's file (GGUF): a `file` of a `package` at a `version`, or of a `repository` of the hub at a
    pinned `revision`. Several packages hold its parts in their order, and `file` is then a pattern such as
    `*/data/*.part*`, which fits one file of each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: Packages | None = None
    version: Version | None = None
    repository: Repository | None = None
    revision: Revision | None = None
    file: FileName | None = None

    def source(self, of: str) -> Source:
        """The place itself.

        Raises:
            ValueError: keys of it are missing, or do not go together; `of` is what it is a place of.
        """
        given = [key for key in ("package", "repository") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError(f"{of}: a source has either `package` or `repository`, and this one has {len(given)}")
        key, pin = ("package", "version") if self.package else ("repository", "revision")
        other = "revision" if self.package else "version"
        if getattr(self, other) is not None:
            raise ValueError(f"{of}: `{other}` does not go with `{key}`, which has a `{pin}`")
        if self.file is None or getattr(self, pin) is None:
            raise ValueError(f"{of}: `{key}` needs `{pin}` and `file`")
        _check_file(of, self.file, several=self.package is not None and len(self.package) > 1)
        if self.package and self.version:
            if len(set(map(canonicalize_name, self.package))) < len(self.package):
                raise ValueError(f"{of}: a package is listed twice; every part is a package's own")
            return PackageSource(tuple(self.package), self.version, self.file)
        return HubFileSource(self.repository or "", self.revision or "", self.file)


def _check_file(of: str, file: str, *, several: bool) -> None:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or "\\" in file or not file.isprintable():
        raise ValueError(f"{of}: `file` is a path inside the package or repository, and {file!r} leads out of it")
    if several:
        return  # parts have any name; what they are together, the file's header says
    if any(character in file for character in "*?["):
        raise ValueError(f"{of}: `file` {file!r} is a pattern, which is for parts in several packages; name the file")
    if not file.lower().endswith(".gguf"):
        raise ValueError(f"{of}: `file` names a GGUF file (.gguf), and {file!r} is none")
