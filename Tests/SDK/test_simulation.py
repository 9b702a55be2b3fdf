"""`atoll sim`: the same seed is the same run in every process; failures replay, shrink and exit with 1."""
import json
import os
import pathlib
import signal
import subprocess

import pytest
from conftest import BINARY, wait_until

SEEDS = [1, 3, 4, 7, 10]


def sim(*words, cwd=None):
    return subprocess.run(
        [str(BINARY), "sim", *map(str, words)], capture_output=True, text=True, timeout=300, cwd=cwd)


def run(seed, *words):
    result = sim("--seed", seed, "--for", "5s", "--json", *words)
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def first_difference(one, other):
    """The first lines of two traces that are not alike."""
    for left, right in zip(one.splitlines(), other.splitlines()):
        if left != right:
            return f"\n{left}\n{right}"
    return "one trace ends before the other"


@pytest.mark.parametrize("seed", SEEDS)
def test_two_processes_run_a_seed_alike(seed):
    one, other = run(seed), run(seed)
    if one["traceHash"] != other["traceHash"]:
        traces = [sim("--seed", seed, "--for", "5s", "--trace").stdout for _ in range(2)]
        pytest.fail(f"seed {seed}: {first_difference(*traces)}")
    assert one["events"] == other["events"]
    assert one["operations"] > 0


def test_seeds_differ():
    assert len({run(seed)["traceHash"] for seed in SEEDS[:3]}) == 3


def test_jobs_print_what_one_process_prints():
    words = ["--seeds", "1..4", "--for", "3s", "--keep-going"]

    def hashes(output):
        return [word for line in output.splitlines() if line.startswith("seed ")
                for word in line.split() if len(word) == 16]

    alone, shared = sim(*words), sim(*words, "--jobs", 2)
    assert alone.returncode == shared.returncode == 0, alone.stdout + shared.stdout
    assert hashes(alone.stdout) == hashes(shared.stdout)
    assert len(hashes(alone.stdout)) == 4


def test_a_process_that_dies_fails_only_its_seed():
    words = [str(BINARY), "sim", "--seeds", "1..6", "--for", "3s", "--keep-going", "--jobs", "2"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        children = pathlib.Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        first = wait_until(lambda: children.read_text().split(), what="a child")[0]
        os.kill(int(first), signal.SIGKILL)
        output = parent.communicate(timeout=300)[0]
    lines = [line for line in output.splitlines() if line.startswith("seed ")]
    assert [int(line.split()[1]) for line in lines] == [1, 2, 3, 4, 5, 6]
    assert "its process ended by signal 9 WRONG" in lines[0]
    assert all(line.endswith(" good") for line in lines[1:]), output
    assert output.endswith("6 seeds: 5 good, 1 wrong\n")
    assert parent.returncode == 1


def test_a_failure_is_told_shrunk_and_replayed(tmp_path):
    bug = ["--bug", "acknowledged-before-commit", "--seed", 4, "--for", "10s"]
    found = sim(*bug)
    assert found.returncode == 1
    assert "WRONG" in found.stdout and "--seed 4" in found.stdout
    shrunk = sim(*bug, "--shrink", "--output", "small", cwd=tmp_path)
    assert shrunk.returncode == 1
    scenario = json.loads((tmp_path / "small.json").read_text())
    assert len(scenario["faults"]) <= 2
    replayed = sim("--replay", "small.json", cwd=tmp_path)
    assert replayed.returncode == 1, replayed.stdout
    assert scenario["failure"].split(":")[0] in replayed.stdout


def test_a_history_can_be_judged_again(tmp_path):
    file = tmp_path / "h.jsonl"
    assert sim("--seed", 3, "--for", "5s", "--history", file).returncode == 0
    checked = subprocess.run([str(BINARY), "check", str(file)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("words, text", [
    (["--seeds", "5"], "no range of seeds"),
    (["--seed", "x"], "no seed"),
    (["--faults", "gremlins"], "unknown fault"),
    (["--for", "1"], "no duration"),
    (["--bug", "none"], "unknown bug"),
    (["--shrink", "--seeds", "1..2"], "one seed"),
    (["nowhere"], "unknown"),
    (["--replay", "/nowhere.json"], "cannot read"),
])
def test_what_is_not_understood_is_told(words, text):
    result = sim(*words)
    assert result.returncode == 2
    assert text in result.stderr
