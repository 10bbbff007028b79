"""What one hands in, as one archive: poster, paper, page, records, manifests, what ran them, and checksums."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shlex
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from suite import __version__
from suite.paths import ROOT
from suite.records.columns import as_table
from suite.records.plan import Plan
from suite.records.schema import Environment, Record
from suite.records.store import read_plans, read_record, studies

EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's earliest date: an archive of the same content is the same file
READ_ME = """The lottery suite {version}: a study, as it was handed in.

{documents}
records/        one JSON file an experiment, and each study's plan
records.csv     the same as a table, a line a record
manifests/      what each study declared, word for word
environment.json  the machines and versions that made the records
SHA256SUMS      checksums: `sha256sum --check SHA256SUMS`

With the suite at hand (the commit is in environment.json):
{commands}
"""


def build_bundle(documents: Mapping[str, bytes], folders: Iterable[Path]) -> bytes:
    """The archive (zip) of documents and of the results they were printed from.

    Records go in byte for byte; files that could not be believed are left out, as they were in the documents.

    Raises:
        InputError: a folder is not there.
    """
    results = list(folders)
    files = dict(documents)
    environments: dict[str, Environment] = {}
    found: list[Record] = []
    for store in studies(results):
        study = _entry(store.folder.resolve().name)
        for path in store.paths:
            if isinstance(record := read_record(path), Record):
                files[f"records/{study}/{path.name}"] = path.read_bytes()
                found.append(record)
                environments.setdefault(_machine(record.environment), record.environment)
    plans = read_plans(results)
    for plan in plans:
        study = _entry(plan.name)
        files[f"manifests/{study}.yaml"] = plan.manifest.encode()
        files[f"records/{study}/plan.json"] = plan.to_json().encode()
    files["records.csv"] = as_table(sorted(found, key=lambda record: record.id)).encode()
    files["environment.json"] = _environments(environments.values())
    if (ROOT / "requirements.txt").is_file():
        files["requirements.txt"] = (ROOT / "requirements.txt").read_bytes()
    files["README.txt"] = _read_me(documents, plans).encode()
    sums = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    files["SHA256SUMS"] = "".join(sums).encode()
    return _zipped(files)


def _entry(name: str) -> str:
    """A name that leads nowhere and breaks no line, on whatever system the archive is opened."""
    return re.sub(r"[^\w .,+=()-]", "_", name).lstrip(". ") or "_"


def _machine(environment: Environment) -> str:
    """What is the same for all records of one machine and version."""
    return environment.model_dump_json(exclude={"started", "seconds"})


def _environments(found: Iterable[Environment]) -> bytes:
    listed = [e.model_dump(mode="json", exclude={"started", "seconds"}) for e in found]
    listed.sort(key=lambda e: json.dumps(e, sort_keys=True))
    return (json.dumps(listed, indent=1, sort_keys=True) + "\n").encode()


def _read_me(documents: Iterable[str], plans: Iterable[Plan]) -> str:
    names = [_entry(plan.name) for plan in plans]
    quoted = [(shlex.quote(f"{place}/{name}") for place in ("manifests", "results", "records")) for name in names]
    commands = [f"  lottery run {m}.yaml\n  lottery compare {mine} {theirs}" for m, mine, theirs in quoted]
    return READ_ME.format(
        version=__version__,
        documents="\n".join(sorted(documents)),
        commands="\n".join(commands) or "  lottery records records/",
    )


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()
