"""Running the commands of documents: which are run as they are, which a little differently, and which cannot be."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.cluster.stack import CHECKOUT
from tests.docs.commands import Command
from tests.docs.shapes import differences

NO_PODS = "the stack has no controllers for Deployments and StatefulSets, so no Pods of the chart run here"
EXCUSED = (
    (r"docker ", "there is no container engine here; tests/deploy/test_image.py does what the Dockerfile says"),
    (r"helm (test|uninstall) ", "tests/deploy/test_chart.py and test_installed.py do that"),
    (r"kubectl -n redistimer-system (rollout (status|undo)|logs|exec|port-forward|top|delete pod) ", NO_PODS),
    (r"kubectl -n redistimer-system get pod NAME", NO_PODS),
    (r"kubectl -n \S+ logs job/", "Pods are on no node that could be asked for logs"),
    (r"kubectl top ", "needs metrics-server"),
    (r"kubectl delete crd ", "takes the timers of all other examples with it"),
    (r"kubectl annotate rt report \S+ --as=", "tests/deploy/test_admission.py has the policy, and shows it"),
)  # fmt: skip
"""Commands that are not run, by how they begin, and why."""

CHANGED = (
    (r"^make( .*)?$", r'make -n -C "$CHECKOUT"\1', "only whether there is such a target"),
    (
        r"^(sed .*deploy/install.yaml \| kubectl apply --server-side)",
        r"\1 --dry-run=server --force-conflicts",
        "the release has these objects",
    ),
    (r"^helm install ", "helm upgrade --install ", "the release is there"),
    (r"^kubectl logs -f (\$\(.*\))$", r"kubectl get \1", "Pods are on no node that could be asked for logs"),
    (r"^(kubectl .*)--watch(.*)$", r"timeout 2 \1--watch\2; test $? = 124", "does not end by itself"),
)
"""Commands that are run as something else, and why."""

_MODULE = re.compile(r"^(?:\.venv/bin/)?python -m (tests\.[\w.]+)")
_MARK = "\x1e"
_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that was run."""

    command: Command
    code: int
    printed: str
    """What it has printed, errors included."""


def faults_of(ran: Ran) -> Iterator[str]:
    """What is wrong with a command that was run."""
    found_nothing = ran.code == 1 and "| grep " in ran.command.text
    if found_nothing and not re.search("error", ran.printed, re.IGNORECASE):
        # It looks for what is bad, and finds none.
        return
    if (ran.code == 0) == ran.command.should_fail:
        yield f"{ran.command.text!r} ended with {ran.code}:\n{ran.printed}"
    elif missing := differences(ran.command.text, ran.command.shown, ran.printed):
        lines = "\n".join(missing)
        yield f"{ran.command.text!r} is shown with\n{lines}\nbut printed\n{ran.printed}"


def excuse_of(command: Command) -> str | None:
    """Why a command is not run; None where it is."""
    return next((why for pattern, why in EXCUSED if re.match(pattern, command.text)), None)


def line_of(command: Command) -> str:
    """What is run in the place of a command."""
    if match := _MODULE.match(command.text):
        # Whether its flags exist is looked at with all others.
        path = f"$CHECKOUT/{match[1].replace('.', '/')}"
        return f'test -e "{path}" -o -e "{path}.py"'
    text = command.text
    for pattern, replacement, _ in CHANGED:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    return text


def run_block(
    commands: Sequence[Command],
    folder: Path,
    environ: Mapping[str, str],
    words: Mapping[str, str] = MappingProxyType({}),
) -> list[Ran]:
    """Run commands one after the other in one bash, until one ends otherwise than it should.

    `words` are put in the place of those that readers have to replace, such as NAME.
    """
    lines = ["set -o pipefail"]
    for number, command in enumerate(commands):
        wanted = "-ne" if command.should_fail else "-eq"
        lines += [f"printf '{_MARK}{number} '", _with_words(line_of(command), words)]
        found_nothing = "-o $code -eq 1 " if "| grep " in command.text else ""
        lines += ["code=$?", f"printf '{_MARK}= %s' $code", f"[ $code {wanted} 0 {found_nothing}] || exit 1"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env={**environ, "CHECKOUT": str(CHECKOUT), "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return _parse(commands, done.stdout, done.returncode)


def _with_words(text: str, words: Mapping[str, str]) -> str:
    for word, meant in words.items():
        # Not in front of a colon: there it is the title of a column.
        text = re.sub(rf"\b{word}\b(?!:)", meant, text)
    return text


def programs(folder: Path) -> str:
    """A PATH with `redistimer` of this checkout and this Python in front, as if it were installed."""
    folder.mkdir()
    for name, module in (("redistimer", "controller"), ("kubectl-redistimer", "controller")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH="{CHECKOUT}" exec "{sys.executable}" -m {module} "$@"\n')
        script.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def lay_out(folder: Path, files: Mapping[str, str]) -> None:
    """Make a folder look like a checkout, with some files beside."""
    for name in ("crds", "deploy", "docs"):
        (folder / name).symlink_to(CHECKOUT / name)
    for name, text in files.items():
        (folder / name).write_text(text)


def _parse(commands: Sequence[Command], output: str, code: int) -> list[Ran]:
    ran: list[Ran] = []
    for part in output.split(_MARK)[1:]:
        head, _, text = part.partition(" ")
        if head == "=":
            ran[-1] = Ran(ran[-1].command, int(text.split()[0]), ran[-1].printed)
        else:
            # One that ends the shell leaves no code of its own.
            ran.append(Ran(commands[int(head)], code, text))
    return ran
