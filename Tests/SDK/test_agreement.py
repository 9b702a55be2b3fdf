"""The same experiments on simulated and on real clusters: `atoll agree`."""
import json
import os
import re
import signal
import subprocess

import pytest
from conftest import BINARY, ROOT, is_running, port_offset, wait_until

EXPERIMENTS = [
    "leader-kill", "region-cut", "skewed-clocks", "paused-replication", "replica-under-load",
]


def agree(directory, *arguments):
    """Runs `atoll agree` on ports of its own, with its directories below this one."""
    environment = dict(os.environ, ATOLL_HOME=str(ROOT), NO_COLOR="1", TMPDIR=str(directory))
    environment.pop("ATOLL_DIR", None)
    return subprocess.run(
        [BINARY, "agree", *arguments, "--port-offset", str(port_offset())],
        env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_both_hosts_show_the_same(tmp_path, experiment):
    done = agree(tmp_path, experiment)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "simulation and real agree in 1 experiment" in done.stdout
    # Every line has been judged, and nothing of the real cluster is left.
    assert len(re.findall("✓$", done.stdout, re.MULTILINE)) >= 4
    assert "✗" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_every_experiment_is_tested(tmp_path):
    done = agree(tmp_path, "--host", "simulation")
    assert done.returncode == 0
    assert re.findall(r"^([a-z-]+)  ", done.stdout, re.MULTILINE) == EXPERIMENTS


def test_a_simulated_experiment_repeats_itself(tmp_path):
    runs = [
        agree(tmp_path, "leader-kill", "--host", "simulation", "--seed", seed)
        for seed in ("5", "5", "6")]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout != runs[2].stdout


def test_what_is_unknown_is_refused(tmp_path):
    for arguments, word in (
            (["no-such"], "leader-kill"), (["--host", "mars"], "simulation"),
            (["--seed", "x"], "--seed")):
        done = agree(tmp_path, *arguments)
        assert done.returncode == 2
        assert word in done.stderr


@pytest.mark.parametrize("whole_group, number", [(True, signal.SIGINT), (False, signal.SIGKILL)])
def test_an_experiment_that_is_ended_leaves_no_process_behind(tmp_path, whole_group, number):
    """Ctrl-C reaches the command and its cluster alike; kill -9 only the command."""
    environment = dict(os.environ, ATOLL_HOME=str(ROOT), NO_COLOR="1", TMPDIR=str(tmp_path))
    environment.pop("ATOLL_DIR", None)
    process = subprocess.Popen(
        [BINARY, "agree", "leader-kill", "--host", "real", "--port-offset", str(port_offset())],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True)

    def state():
        for path in tmp_path.glob("*/*/cluster.json"):
            state = json.loads(path.read_text())
            if state["phase"] == "ready":
                return state
        return None

    found = wait_until(state, 60, "a real cluster")
    os.killpg(process.pid, number) if whole_group else process.kill()
    process.wait(30)
    pids = [found["pid"], found["gatewayPid"], *(node["pid"] for node in found["nodes"])]
    wait_until(lambda: not any(map(is_running, pids)), 20, "the end of every process")
