"""The AWS SDK for Go, version 2, as Debian has it: clients/go is compiled and run."""
import os
import subprocess

import pytest

from conftest import ROOT

SOURCES = ROOT / "Tests" / "SDK" / "clients" / "go"
TESTS = [
    "TestItemsKeepTheirTypes", "TestFailedConditionsAreTyped", "TestBuiltUpdates", "TestBatches",
    "TestQueryPaginator", "TestIndexQuery", "TestScanPaginatorInParallel",
    "TestTableThroughItsLife", "TestListTablesPaginator", "TestGlobalTable",
    "TestChecksumsAndCompression", "TestErrorsOfTheService", "TestConcurrentCounters",
]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The compiled program; a first time compiles the SDK too, which Go then keeps."""
    path = tmp_path_factory.mktemp("go") / "clients"
    # Debian's Go libraries are sources below one GOPATH, without modules.
    environment = {
        **os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    done = subprocess.run(
        ["go", "test", "-c", "-o", path, "."], cwd=SOURCES, env=environment,
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return path


def run(program, *arguments, environment=None):
    return subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, timeout=120,
        stdin=subprocess.DEVNULL)


def test_no_go_test_is_left_out(program):
    assert run(program, "-test.list", ".").stdout.split() == TESTS


@pytest.mark.parametrize("name", TESTS)
def test_go(three_regions, program, name):
    done = run(
        program, "-test.run", f"^{name}$", "-test.v",
        environment=three_regions.client_environment())
    assert done.returncode == 0 and f"--- PASS: {name} " in done.stdout, done.stdout + done.stderr
    # The SDK warns here of checksums that differ.
    assert done.stderr == ""


def test_the_sources_are_formatted():
    done = subprocess.run(["gofmt", "-l", SOURCES], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
