"""What `import` and `export` have in common: manifests from files or the cluster, converted and printed."""

import argparse
import difflib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
import typer

from controller.cli.cluster import EXIT_FAILED, Cluster, reach, run
from controller.cli.columns import printable
from controller.cli.convert.manifest_yaml import manifests_as_yaml
from controller.cli.documents import Document, Unreadable, read_files, title_of
from controller.cli.flags import add_output, add_where, where_of
from controller.cli.output import coloured
from controller.core.cronjob.conversion import ConversionError, Converted
from controller.core.timer import KIND
from controller.kube.errors import ApiError

Object = dict[str, Any]


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
    steps: tuple[str, str, str]
    """Commands that suspend what was there, resume what is new, and delete what was there; `{}` stands for the name."""

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


def add_sources(parser: argparse.ArgumentParser, kind: str) -> None:
    """Flags that say which objects, and from where."""
    option = parser.add_argument
    # NAME, in the help of commands, is a RedisTimer, and completed as one.
    metavar = "NAME" if kind == KIND else kind.upper()
    option("names", metavar=metavar, nargs="*", help=f"a {kind} of the cluster, by its name (all of the namespace)")
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
    return _print(way, answers, options.output, f"in {', '.join(map(title_of, options.files))}")


async def _from_cluster(way: Way, options: argparse.Namespace) -> int:
    async with reach(where_of(options)) as cluster:
        namespace = None if options.all_namespaces else cluster.namespace
        if options.names:
            answers = [await _named(way, cluster, name) for name in options.names]
        else:
            answers = [_answer(way, obj, namespace) async for obj in _listed(way, cluster, namespace, options.selector)]
    where = "in any namespace" if namespace is None else f"in namespace {namespace}"
    return _print(way, answers, options.output, f"{where}{' with these labels' if options.selector else ''}")


async def _listed(way: Way, cluster: Cluster, namespace: str | None, selector: str | None) -> AsyncIterator[Object]:
    parameters = {"labelSelector": selector} if selector else {}
    async for page in cluster.api.pages(way.collection(namespace), **parameters):
        for obj in page:
            yield obj


async def _named(way: Way, cluster: Cluster, name: str) -> Answer:
    collection = way.collection(cluster.namespace)
    try:
        return _answer(way, await cluster.api.get(f"{collection}/{quote(name, safe='')}"), cluster.namespace)
    except ApiError as error:
        # The same status where the cluster has no such kind at all.
        if error.status != 404 or "could not find the requested resource" in error.message:
            raise
    try:
        there = [obj["metadata"]["name"] async for obj in _listed(way, cluster, cluster.namespace, None)]
    except ApiError:
        # Who may read one need not be allowed to list them.
        there = []
    near = difflib.get_close_matches(name, there, n=1)
    hint = f": did you mean {near[0]}?" if near else ""
    return Answer(f"{cluster.namespace}/{name}", None, (), (f"there is no such {way.source}{hint}",))


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
        converted = way.convert({**document, "metadata": metadata}, "default")
    except ConversionError as error:
        return Answer(title, None, (), error.problems)
    return Answer(title, converted.manifest, converted.remarks, ())


def _print(way: Way, answers: list[Answer], output: str, where: str) -> int:
    """Manifests on stdout, all the rest on stderr: what is piped into kubectl is nothing but manifests."""
    manifests = [answer.manifest for answer in answers if answer.manifest is not None]
    if output == "json":
        listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
        typer.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    elif manifests:
        typer.echo(manifests_as_yaml(manifests), nl=False)
    for line in _told(answers):
        _tell(line)
    if not answers:
        _tell(f"error: there is no {way.source} {where}")
        return EXIT_FAILED
    failed = len(answers) - len(manifests)
    if failed:
        _tell(f"{failed} of {len(answers)} {way.source}s cannot become {way.target}s")
    if manifests:
        _tell(_hint(way, manifests))
    return EXIT_FAILED if failed else 0


def _hint(way: Way, manifests: list[Object]) -> str:
    metadata = manifests[0]["metadata"]
    namespace = f" -n {metadata['namespace']}" if metadata.get("namespace") else ""
    which = f"{metadata.get('name', 'NAME')}{namespace}" if len(manifests) == 1 else "NAME"
    suspended = all(manifest["spec"].get("suspend") for manifest in manifests)
    suspend, resume, delete = (step.format(which) for step in way.steps)
    return f"""\
Nothing is applied yet. A {way.source} and its {way.target} both run until the {way.source} is suspended or deleted.
To move without running twice, between two runs:
  1. {"pipe this" if suspended else "pipe the same with --suspend"} into kubectl apply -f -
  2. {suspend}
  3. {resume}
  4. {delete}   when its Jobs are done: they go with it"""


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
