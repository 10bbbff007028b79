"""What is handed to SLURM, and what its answers are taken to mean; a real SLURM is in ci/slurm."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from suite.cluster import jobs, slurm
from suite.cluster.profile import Profile
from suite.cluster.submission import Submission, TaskEntry
from suite.errors import InputError
from suite.paths import model_cache


def script(tmp_path: Path, tasks: int = 3, **fields: object) -> list[str]:
    return slurm.script("study", Profile.model_validate(fields), tmp_path / "jobs", tasks).splitlines()


def test_a_script_asks_for_what_the_profile_says(tmp_path: Path) -> None:
    lines = script(tmp_path, partition="dgx", gres="gpu:v100:1", account="us", time=90, memory=20.5, cpus=8)
    for line in ("partition=dgx", "gres=gpu:v100:1", "account=us", "time=90", "mem=20992M", "cpus-per-task=8"):
        assert f"#SBATCH --{line}" in lines
    assert "#SBATCH --array=0-2%3" in lines and "#SBATCH --requeue" in lines
    # By default ignored: SLURM sends it to every process of a task, also to the one that holds an image mounted.
    assert "#SBATCH --signal=URG@120" in lines


def test_a_task_that_asks_for_it_is_put_back_into_the_queue_by_the_script(tmp_path: Path) -> None:
    lines = script(tmp_path)
    after = next(i for i, line in enumerate(lines) if line.startswith("srun "))
    assert 'if [ "$code" = 75 ]; then scontrol requeue "$SLURM_JOB_ID"; fi' in lines[after:]
    assert lines[after:].index("code=$?") < lines[after:].index('exit "$code"')


def test_in_an_image_the_task_sees_results_and_binds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    data = tmp_path / "texts"
    data.mkdir()
    monkeypatch.setenv("LOTTERY_DATA", f"{data}:{tmp_path / 'not here'}")
    lines = script(
        tmp_path, image="lottery.sif", gres="gpu:1", binds=["/a b"], modules=["apptainer"], setup=["ulimit -c 0"]
    )
    (run,) = (line for line in lines if line.startswith("srun "))
    words = shlex.split(run.replace("$(command -v apptainer || command -v singularity)", "RUNTIME"))
    image = words[words.index("RUNTIME") :]
    assert image[:3] == ["RUNTIME", "run", "--nv"]
    assert [image[i + 1] for i, word in enumerate(image) if word == "--bind"] == [str(tmp_path), str(data), "/a b"]
    assert image[image.index("python") - 1] == str(Path("lottery.sif").absolute())
    assert {"module load apptainer", "ulimit -c 0", f"export HF_HOME={tmp_path}"} <= set(lines)
    assert f"export LOTTERY_DATA='{data}:{tmp_path / 'not here'}'" in lines


def test_a_task_reads_from_the_folders_this_process_reads_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    monkeypatch.setenv("LOTTERY_DATA", "tmp:/usr")  # a task starts elsewhere: the folders are absolute
    assert slurm.environment(Profile())["LOTTERY_DATA"] == "/tmp:/usr"
    assert slurm.environment(Profile(environment={"LOTTERY_DATA": "/there"}))["LOTTERY_DATA"] == "/there"
    monkeypatch.delenv("LOTTERY_DATA")
    assert "LOTTERY_DATA" not in slurm.environment(Profile())


def test_one_task_is_no_array(tmp_path: Path) -> None:
    lines = script(tmp_path, tasks=1)
    assert not any("--array" in line for line in lines)
    assert f"#SBATCH --output={tmp_path}/jobs/%j/%j_0_log.out" in lines


def test_without_slurm_one_is_told_what_else_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"SLURM's commands \(sbatch, srun\) are not here.*--dry-run.*--local"):
        slurm.submit("study", Profile(), tmp_path, [])


def test_what_sbatch_refuses_is_said_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sbatch", "srun"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'sbatch: error: invalid partition specified: gpux' >&2; exit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(InputError, match="SLURM does not take it: invalid partition specified: gpux"):
        slurm.submit("study", Profile(partition="gpux"), tmp_path / "jobs", [test_one_task_is_no_array])


def submission(*names: str, kind: str = "slurm", host: str = "here") -> Submission:
    tasks = tuple(TaskEntry(job=name, models=("m",), cells={}, searches={}) for name in names)
    return Submission.model_validate(
        {"kind": kind, "host": host, "submitted": "2026-01-01", "manifest": "m.yaml", "tasks": tasks}
    )


def answers(monkeypatch: pytest.MonkeyPatch, **lines: list[str] | None) -> None:
    monkeypatch.setattr(jobs, "_ask", lambda command, *_: lines[command])


def test_the_queue_corrects_what_accounting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(
        monkeypatch,
        sacct=[
            "7_0|TIMEOUT|n1|0:0",
            "7_1|CANCELLED by 0|n2|0:15",
            "7_2|FAILED|n1|137:0",
            "7_[3-4,6]|PENDING|None assigned|0:0",
        ],
        squeue=["7_0|PENDING|", "7_3|RUNNING|n2"],
    )
    found = jobs.look([(Path("f"), submission(*(f"7_{i}" for i in range(8))))])
    states = {name: job.state for (_, name), job in found.items()}
    assert states == {
        "7_0": "PENDING",  # requeued
        "7_1": "CANCELLED",
        "7_2": "FAILED",
        "7_3": "RUNNING",
        "7_4": "PENDING",
        "7_5": "GONE",
        "7_6": "PENDING",
        "7_7": "GONE",
    }
    assert found[Path("f"), "7_2"].code == 137


def test_what_ended_a_task_is_accounted_with_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, sacct=["7|FAILED|n1|9:0|0:9"], squeue=[])  # a script whose Python was killed, of SLURM 22.05
    (job,) = jobs.look([(Path("f"), submission("7"))]).values()
    assert job.signal == 9


def test_where_slurm_cannot_be_asked_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, sacct=None, squeue=None)
    (job,) = jobs.look([(Path("f"), submission("7"))]).values()
    assert job.state == "UNKNOWN" and not job.ended
    answers(monkeypatch, sacct=None, squeue=[])
    (job,) = jobs.look([(Path("f"), submission("7"))]).values()
    assert job.state == "GONE" and job.ended


def test_a_local_task_on_another_machine_is_not_taken_for_dead(tmp_path: Path) -> None:
    (job,) = jobs.look([(tmp_path, submission("12", kind="local", host="elsewhere"))]).values()
    assert not job.ended


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            "a warning\nlottery: cannot read x.yaml\nsrun: error: node1: task 0: Exited with exit code 2\n",
            "cannot read x.yaml",
        ),
        ("Traceback\n  File\nFileNotFoundError: no such file\n", "FileNotFoundError: no such file"),
        ("slurmstepd: error: *** STEP 7.0 CANCELLED ***\n", "slurmstepd: error: *** STEP 7.0 CANCELLED ***"),
        ("", None),
    ],
)
def test_the_reason_is_the_last_line_that_is_not_slurms(tmp_path: Path, log: str, words: str | None) -> None:
    (tmp_path / "7_0_log.err").write_text(log)
    assert jobs.last_words(tmp_path, "7") == words
    assert jobs.last_words(tmp_path, "8") is None


def test_nodes_look_where_the_suite_and_the_hub_s_client_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value, home in (
        ("XDG_CACHE_HOME", str(tmp_path), tmp_path / "huggingface"),
        ("HF_HOME", "~/hf", tmp_path / "hf"),
        ("HF_HOME", "$HOME/other", tmp_path / "other"),
    ):
        home.mkdir()
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("HF_HOME", raising=False)
        monkeypatch.setenv(name, value)
        assert slurm.environment(Profile())["HF_HOME"] == str(home) and model_cache() == home / "lottery"
