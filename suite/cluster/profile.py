"""A site's settings: where jobs run, with what, and how the suite is started there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from suite import declared
from suite.errors import InputError
from suite.machine import Gpu, Machine, this_machine

PROFILES = Path(__file__).parent / "profiles"
Line = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]  # it becomes part of a line of a script
KINDS = {  # what `--gres gpu:KIND:1` means; of a kind that comes in sizes the largest
    "t4": Gpu("Tesla T4", 16_000_000_000, (7, 5)),
    "v100": Gpu("Tesla V100", 32_000_000_000, (7, 0)),
    "a100": Gpu("NVIDIA A100", 80_000_000_000, (8, 0)),
    "l4": Gpu("NVIDIA L4", 24_000_000_000, (8, 9)),
    "h100": Gpu("NVIDIA H100", 80_000_000_000, (9, 0)),
    "h200": Gpu("NVIDIA H200", 141_000_000_000, (9, 0)),
}


class Profile(BaseModel):
    """What is asked of a site for each task; what is None is left to the site, or to the forecast.

    `time` in minutes, `memory` in GB (of the host). `image` is an Apptainer image, `binds` are folders it sees beside
    the working directory; without one, `python` is the interpreter (this one by default). `modules` and `setup` (lines
    of shell) come before it on the node.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: Line | None = None
    account: Line | None = None
    qos: Line | None = None
    constraint: Line | None = None
    gres: Annotated[str, Field(pattern=r"^[\w.:,*-]+$")] | None = None
    time: Annotated[int, Field(ge=1)] | None = None
    memory: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    cpus: Annotated[int, Field(ge=1)] | None = None
    tasks: Annotated[int, Field(ge=1, le=1000)] | None = None
    image: Line | None = None
    binds: tuple[Line, ...] = ()
    modules: tuple[Line, ...] = ()
    setup: tuple[str, ...] = ()
    environment: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Line] = {}
    python: Line | None = None

    @property
    def gpus(self) -> int:
        """How many GPUs a task asks for."""
        kind, *rest = (self.gres or "").split(",")[0].split(":")
        if kind != "gpu":
            return 0
        return int(rest[-1]) if rest and rest[-1].isdecimal() else 1

    @property
    def machine(self) -> Machine:
        """The machine a task will find, as far as can be known here; a GPU of no known kind passes for a slow one."""
        here = this_machine()
        memory = round(self.memory * 1e9) if self.memory else here.memory
        kind = next((name for name in KINDS if name in (self.gres or "").lower().split(":")), "t4")
        gpus = (KINDS[kind],) * self.gpus
        return Machine(here.processor, self.cpus or here.cores, memory, gpus)

    @property
    def known(self) -> bool:
        """Whether the GPU's kind is known, and with it its memory."""
        return any(name in (self.gres or "").lower().split(":") for name in KINDS)


def read_profile(name: str | None, options: dict[str, Any]) -> Profile:
    """A profile by its name (`rosie`) or file, with what the command line says laid over it.

    Raises:
        InputError: there is none of that name, or something in it is wrong.
    """
    data: Any = {}
    positions = declared.Positions(Path("the command line"))
    if name is not None:
        path = Path(name) if Path(name).suffix in (".yaml", ".yml") else PROFILES / f"{Path(name).name}.yaml"
        if path.parent == PROFILES and not path.is_file():
            known = ", ".join(sorted(one.stem for one in PROFILES.glob("*.yaml")))
            raise InputError(f"no profile is called {name!r}; known: {known}, or name a file of your own (site.yaml)")
        data, positions = declared.load(path)
        declared.parse(Profile, data or {}, positions, "a profile")
    given = {key: value for key, value in options.items() if value not in (None, ())}
    return declared.parse(Profile, {**(data or {}), **given}, positions, "a profile")
