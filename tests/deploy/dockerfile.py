"""Carrying out a Dockerfile without a container engine: its own commands, in folders that stand for its own."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "LABEL", "RUN", "USER", "WORKDIR"}
_COMMAND_S = 300


@dataclass(slots=True)
class Stage:
    """From one FROM to the next."""

    image: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Instruction and what follows it, in order."""

    def last(self, instruction: str) -> str:
        """What follows the last instruction of this kind."""
        return [rest for kind, rest in self.steps if kind == instruction][-1]

    def pairs(self, instruction: str) -> dict[str, str]:
        """The key=value pairs of all instructions of this kind."""
        words = [word for kind, rest in self.steps if kind == instruction for word in shlex.split(rest)]
        return dict(word.split("=", 1) for word in words)


def read_stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile; ValueError for an instruction that nobody here can carry out."""
    stages: list[Stage] = []
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        instruction, rest = line.strip().split(maxsplit=1)
        if instruction not in KNOWN:
            raise ValueError(f"{instruction} is not among {', '.join(sorted(KNOWN))}")
        if instruction == "FROM":
            image, _, name = rest.partition(" AS ")
            stages.append(Stage(image, name))
        elif stages:
            stages[-1].steps.append((instruction, rest))
    return stages


def context_files(checkout: Path) -> list[str]:
    """What .dockerignore lets into the build; of its language only what this one uses: first nothing, then what is
    named, without some folders."""
    first, *rules = [line for line in (checkout / ".dockerignore").read_text().split("\n") if line[:1] not in ("", "#")]
    assert first == "*", first
    named = [rule[1:] for rule in rules if rule.startswith("!")]
    assert {rule for rule in rules if not rule.startswith("!")} == {"**/__pycache__"}
    return named


@dataclass(frozen=True, slots=True)
class Workshop:
    """A folder in which a stage is carried out: /src and /opt are in it."""

    root: Path
    checkout: Path

    def path(self, path: str) -> Path:
        """Where a path of the image is."""
        return self.root / path.lstrip("/")

    def carry_out(self, stage: Stage) -> None:
        """Do all COPY and RUN of a stage; CalledProcessError, with what it printed in the notes, where one fails."""
        programs = self.root / "programs"
        programs.mkdir(parents=True)
        # What an image of Python has on its PATH.
        for name, command in {"python": "", "pip": "-m pip"}.items():
            (programs / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {command} "$@"\n')
            (programs / name).chmod(0o755)
        folder = self.root
        for instruction, rest in stage.steps:
            if instruction == "WORKDIR":
                folder = self.path(rest)
                folder.mkdir(parents=True)
            elif instruction == "COPY":
                self._copy(rest, folder)
            elif instruction == "RUN":
                self._run(rest, folder, programs)

    def _copy(self, rest: str, folder: Path) -> None:
        *sources, target = rest.split()
        allowed = context_files(self.checkout)
        for source in sources:
            assert source in allowed, f"COPY {source}: .dockerignore does not let it in"
            found, place = self.checkout / source, folder / target
            if found.is_dir():
                shutil.copytree(found, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(found, place)

    def _run(self, command: str, folder: Path, programs: Path) -> None:
        here = re.sub(r"(?<![\w.-])/(src|opt)(?=/)", lambda match: f"{self.root}/{match[1]}", command)
        environment = {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_"))}
        environment |= {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(self.root / "home")}
        done = subprocess.run(
            ["sh", "-c", here],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        assert done.returncode == 0, f"RUN {command}:\n{done.stdout}{done.stderr}"


def run_read_only(
    command: list[str | Path], user: int, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str] | None:
    """Run a command as another user, without any capability, where nothing can be written; None where this machine lets
    nobody make such a place."""
    nothing = "setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs"
    inside = (
        "for folder in $(cut -d' ' -f5 /proc/self/mountinfo); do mount -o remount,bind,ro $folder 2>/dev/null; done; "
        f'! touch /tmp/written 2>/dev/null && exec {nothing} -- "$@"; exit 125'
    )
    outside = ["unshare", "--user", f"--map-user={user}", f"--map-group={user}", "--keep-caps", "--mount"]
    try:
        done = subprocess.run(
            [*outside, "sh", "-c", inside, "sh", *command],
            env={**environment, "PATH": f"{environment.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        return None
    refused = done.returncode == 125 or done.stderr.startswith(("unshare:", "setpriv:"))
    return None if refused else done


def exec_form(text: str) -> list[str]:
    """The words of ENTRYPOINT or CMD; ValueError where it is a line for a shell."""
    words = json.loads(text)
    if not isinstance(words, list):
        raise ValueError(f"{text} needs a shell")
    return [str(word) for word in words]
