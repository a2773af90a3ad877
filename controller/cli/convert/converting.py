"""What `import` and `export` have in common: manifests from files or the cluster, converted and printed."""

import argparse
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
import typer

from controller.cli.cluster import EXIT_FAILED, Cluster, CommandError, failed, reach, read_object, run
from controller.cli.columns import printable
from controller.cli.convert.manifest_yaml import manifests_as_yaml
from controller.cli.documents import Document, Unreadable, read_files, title_of
from controller.cli.flags import add_output, add_where, cron_job_name, timer_name, where_of
from controller.cli.output import coloured
from controller.core.cronjob.conversion import ConversionError, Converted
from controller.core.nesting import without_depths
from controller.core.timer import KIND

Object = dict[str, Any]

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody does to move."""

    text: str
    """`{name}` stands for the name, `{suspended}` for how the manifests are printed that are to be applied."""
    of_running: bool = False
    """Left out where all that was converted did not run anyway."""
    resumes: bool = False
    """Not to be done with what did not run anyway."""


@dataclass(frozen=True, slots=True)
class Way:
    """A direction of conversion."""

    source: str
    """The kind that is read, `CronJob`."""
    target: str
    group: str
    version: str
    plural: str
    convert: Callable[[Mapping[str, Any], str], Converted]
    """The manifest of the other kind; its namespace is used where the first names none. Raises ConversionError."""
    steps: tuple[Step, ...]
    """How to move without running twice."""

    def collection(self, namespace: str | None) -> str:
        """Where the API server has them: in a namespace, or in all."""
        within = "" if namespace is None else f"/namespaces/{quote(namespace, safe='')}"
        return f"/apis/{self.group}/{self.version}{within}/{self.plural}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one object: a manifest with remarks, or problems."""

    title: str
    manifest: Object | None
    remarks: tuple[str, ...]
    problems: tuple[str, ...]
    was_suspended: bool = False
    """Whether what was converted did not run anyway."""


def add_sources(parser: argparse.ArgumentParser, kind: str) -> None:
    """Flags that say which objects, and from where."""
    option = parser.add_argument
    # NAME, in the help of commands, is a RedisTimer, and completed as one.
    metavar = "NAME" if kind == KIND else kind.upper()
    read = timer_name if kind == KIND else cron_job_name
    option(
        "names",
        type=read,
        metavar=metavar,
        nargs="*",
        help=f"a {kind} of the cluster, by its name (all of the namespace)",
    )
    option(
        *("-f", "--filename"),
        dest="files",
        metavar="FILE",
        action="append",
        default=[],
        help=f"a file or folder with {kind}s, - for standard input; may be given several times. No cluster is asked",
    )
    option("-l", "--selector", metavar="SELECTOR", help=f"only {kind}s with these labels, as in app=billing")
    add_output(parser, ("yaml", "json"))
    add_where(parser, all_namespaces=True)


def check_sources(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with a usage error where the flags do not go together."""
    for flag, given in (("-l", options.selector), ("-A", options.all_namespaces)):
        if given and (options.names or options.files):
            parser.error(f"{flag} is accepted only where neither names nor files are given")
    if options.names and options.files:
        parser.error("either names of the cluster or files are accepted, not both")


def convert_all(way: Way, options: argparse.Namespace) -> int:
    """Read, convert and print what the flags ask for; the exit code."""
    return run((_from_files if options.files else _from_cluster)(way, options))


async def _from_files(way: Way, options: argparse.Namespace) -> int:
    answers = []
    for document in read_files(options.files):
        if isinstance(document, Unreadable) or _is_source(way, document):
            answers.append(_answer(way, document, options.namespace))
        else:
            _tell(f"passed over: {printable(_title(document))} is no {way.source}")
    return _print(way, answers, [], options.output, f"in {', '.join(map(title_of, options.files))}")


async def _from_cluster(way: Way, options: argparse.Namespace) -> int:
    answers: list[Answer] = []
    missing: list[CommandError] = []
    async with reach(where_of(options)) as cluster:
        namespace = None if options.all_namespaces else cluster.namespace
        for name in options.names:
            try:
                obj = await read_object(cluster, way.source, way.collection(namespace), name)
            except CommandError as error:
                missing.append(error)
            else:
                answers.append(_answer(way, obj, namespace))
        if not options.names:
            answers = [_answer(way, obj, namespace) async for obj in _listed(way, cluster, namespace, options.selector)]
    where = "in any namespace" if namespace is None else f"in namespace {namespace}"
    return _print(way, answers, missing, options.output, f"{where}{' with these labels' if options.selector else ''}")


async def _listed(way: Way, cluster: Cluster, namespace: str | None, selector: str | None) -> AsyncIterator[Object]:
    parameters = {"labelSelector": selector} if selector else {}
    async for page in cluster.api.pages(way.collection(namespace), **parameters):
        for obj in page:
            yield obj


def _is_source(way: Way, document: Mapping[str, Any]) -> bool:
    group = str(document.get("apiVersion") or f"{way.group}/").rpartition("/")[0]
    return document.get("kind") == way.source and group == way.group


def _title(document: Mapping[str, Any]) -> str:
    kind = document.get("kind")
    return f"{kind}/{_metadata(document).get('name', '')}" if kind else "a document without kind"


def _metadata(document: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = document.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def _answer(way: Way, document: Document, namespace: str | None) -> Answer:
    """Convert one; `namespace` becomes that of a manifest that names none."""
    if isinstance(document, Unreadable):
        return Answer(document.source, None, (), (document.error,))
    metadata = _metadata(document)
    name = metadata.get("name") or metadata.get("generateName")
    if not name:
        return Answer(f"{way.source} without a name", None, (), ("metadata.name is missing: give it one",))
    if namespace and not metadata.get("namespace"):
        metadata = {**metadata, "namespace": namespace}
    title = f"{metadata.get('namespace') or 'default'}/{name}"
    try:
        converted = way.convert(without_depths({**document, "metadata": metadata}), "default")
    except ConversionError as error:
        return Answer(title, None, (), error.problems)
    was_suspended = bool(document["spec"].get("suspend"))
    warning = f"was suspended already: do not resume its {way.target} unless you want it to run"
    remarks = (warning, *converted.remarks) if was_suspended else converted.remarks
    return Answer(title, converted.manifest, remarks, (), was_suspended)


def _print(way: Way, answers: list[Answer], missing: list[CommandError], output: str, where: str) -> int:
    """Manifests on stdout, all the rest on stderr: what is piped into kubectl is nothing but manifests."""
    manifests = [answer.manifest for answer in answers if answer.manifest is not None]
    if output == "json":
        listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
        typer.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    elif manifests:
        typer.echo(manifests_as_yaml(manifests), nl=False)
    for line in _told(answers):
        _tell(line)
    for error in missing:
        failed(error)
    if not answers and not missing:
        raise CommandError(f"there is no {way.source} {where}")
    bad = len(answers) - len(manifests)
    if bad:
        _tell(f"{bad} of {len(answers)} {way.source}s cannot become {way.target}s")
    if manifests:
        _tell(_hint(way, [answer for answer in answers if answer.manifest is not None]))
    return EXIT_FAILED if bad or missing else 0


def _hint(way: Way, answers: list[Answer]) -> str:
    manifests = [answer.manifest for answer in answers if answer.manifest is not None]
    stopped = [answer.title for answer in answers if answer.was_suspended]
    running = len(stopped) < len(answers)
    suspended_before = f"{', '.join(stopped[:_NAMED])}{' and others' if len(stopped) > _NAMED else ''}"
    but_not = f"   but not those that were suspended before: {suspended_before}" if running and stopped else ""
    are_suspended = all(manifest["spec"].get("suspend") for manifest in manifests)
    known = {"name": _which(manifests), "suspended": "this" if are_suspended else "the same with --suspend"}
    steps = [
        step.text.format_map(known) + (but_not if step.resumes else "")
        for step in way.steps
        if running or not step.of_running
    ]
    lines = [
        f"Nothing is applied yet. A {way.source} and its {way.target} both run until the {way.source} is suspended or "
        "deleted."
        if running
        else "Nothing is applied yet.",
        "To move without running twice, between two runs:",
        *(f"  {number}. {step}" for number, step in enumerate(steps, 1)),
    ]
    return "\n".join(lines)


def _which(manifests: list[Object]) -> str:
    """Name and namespace for a command, as far as they are the same for all."""
    name = manifests[0]["metadata"].get("name", "NAME") if len(manifests) == 1 else "NAME"
    namespaces = {manifest["metadata"].get("namespace") for manifest in manifests}
    if namespaces == {None}:
        return str(name)
    return f"{name} -n {'NAMESPACE' if len(namespaces) > 1 else namespaces.pop()}"


def _told(answers: Iterable[Answer]) -> Iterator[str]:
    for answer in answers:
        if answer.remarks or answer.problems:
            yield typer.style(printable(answer.title), bold=True)
        for problem in answer.problems:
            yield f"  {typer.style('error', fg='red')}: {printable(problem)}"
        for remark in answer.remarks:
            yield f"  {typer.style('note', fg='yellow')}: {printable(remark)}"


def _tell(line: str) -> None:
    typer.echo(line, err=True, color=coloured())
