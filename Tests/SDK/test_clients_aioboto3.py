"""aioboto3: a program of its own environment, as it asks for an older botocore than boto3 does."""
import subprocess

import pytest

from conftest import ROOT

PYTHON = ROOT / ".venv-aioboto3" / "bin" / "python"
PROGRAM = ROOT / "Tests" / "SDK" / "clients" / "aioboto3" / "program.py"
CHECKS = ["resource", "concurrent", "paginators", "waiters", "regions", "errors"]


def run(*arguments, environment=None):
    return subprocess.run(
        [PYTHON, PROGRAM, *arguments], env=environment, capture_output=True, text=True,
        timeout=120, stdin=subprocess.DEVNULL)


def test_no_check_is_left_out():
    assert run().stdout.split() == CHECKS


@pytest.mark.parametrize("check", CHECKS)
def test_aioboto3(three_regions, check):
    done = run(check, environment=three_regions.client_environment())
    assert done.returncode == 0 and done.stderr == "", done.stderr
