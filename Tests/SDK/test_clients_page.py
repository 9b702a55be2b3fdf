"""The programs of docs/CLIENTS.md, run as printed, print what the page says."""
import os
import re
import subprocess
import sys

from conftest import ROOT

PAGE = (ROOT / "docs" / "CLIENTS.md").read_text()
SECTION = re.compile(r"^## (.+?)\n.*?```(\w+)\n(.*?)```\n\n```\n(.*?)```", re.DOTALL | re.MULTILINE)
PROGRAMS = {name: found for name, *found in SECTION.findall(PAGE)}
TOOLS = {
    "boto3": [sys.executable],
    "AWS CLI": ["sh", "-e"],
    "PynamoDB": [sys.executable],
    "aioboto3": [ROOT / ".venv-aioboto3" / "bin" / "python"],
    "AWS SDK for Go v2": ["go", "run"],
}


def test_each_client_has_a_program():
    assert list(PROGRAMS) == list(TOOLS) == re.findall(r"^## (.+)", PAGE, re.MULTILINE)
    for name in TOOLS:
        assert f"\n| {name} | " in PAGE


def test_the_versions_are_those_installed():
    packages = ROOT / "Tests" / "SDK"
    pinned = dict(re.findall(
        r"^(\w+)==(\S+)", (packages / "requirements.txt").read_text()
        + (packages / "clients" / "aioboto3" / "requirements.txt").read_text(), re.MULTILINE))
    for name, package in (("boto3", "boto3"), ("AWS CLI", "awscli"), ("PynamoDB", "pynamodb"),
                          ("aioboto3", "aioboto3")):
        assert f"\n| {name} | {pinned[package]} " in PAGE


def test_the_programs_print_what_the_page_says(three_regions, tmp_path):
    environment = three_regions.client_environment(
        GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="", CGO_ENABLED="0")
    environment["PATH"] = f"{os.path.dirname(sys.executable)}:{environment['PATH']}"
    for region in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        del environment[region]
    # In the page's order: the first one makes the table of all.
    for name, tool in TOOLS.items():
        language, program, printed = PROGRAMS[name]
        path = tmp_path / f"main.{language.replace('python', 'py')}"
        path.write_text(program)
        done = subprocess.run(
            [*tool, path], env=environment, cwd=tmp_path, capture_output=True, text=True,
            stdin=subprocess.DEVNULL)
        assert (done.returncode, done.stdout) == (0, printed), f"{name}: {done.stderr}"
