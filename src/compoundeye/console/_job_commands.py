"""From a request to the arguments of `eye`. Every value is checked here, and none can become an option.

Options are written ``--name=value`` and places stand behind ``--``: whatever begins with a dash is a value there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from compoundeye.console._live_start import WatchRequest, watch_again, watch_command
from compoundeye.console._refusals import Forbidden, NotFound, Unprocessable
from compoundeye.console._roots import LONGEST, folder, located, source
from compoundeye.console._state import Console
from compoundeye.models import catalogue

Place = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]
Workers = Annotated[int, Field(ge=1, le=256)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
DEFAULT_MODEL = "efficientnet-lite0"
"""As `eye categorise` has it."""
MOST_SOURCES, MOST_CATEGORIES = 100, 1_000


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    corpus: str
    """A corpus that is served, by its name."""
    workers: Workers | None = None
    """Processes; null for one a core."""


class IngestRequest(_Request):
    """Put pictures of the server's disk or of a bucket into a corpus."""

    kind: Literal["ingest"]
    sources: list[Place] = Field(min_length=1, max_length=MOST_SOURCES)
    """Folders, pictures, tar and zip files below the roots that the console was given, or addresses below one."""
    retry_failed: bool = False


class CategoriseRequest(_Request):
    """Say what each picture of a corpus shows."""

    kind: Literal["categorise"]
    way: Literal["labels", "examples", "corrections", "words"] = "labels"
    """The model's own labels; a folder of examples; what people corrected; categories in words."""
    model: str = DEFAULT_MODEL
    """A name of the catalogue."""
    examples: Place | None = None
    """For ``examples``: a folder below the roots with one subfolder of pictures a category."""
    use_corrections: bool = False
    """With ``examples``: learn from what people corrected too."""
    categories: list[Words] = Field(default=[], max_length=MOST_CATEGORIES)
    """For ``words``."""
    precision: float | None = Field(default=None, ge=0.5, lt=1.0)
    """Share of the labelled pictures that has to be right; null answers whatever is likelier than not."""
    calibrate: bool = False
    name: str = Field(default="category", pattern=r"^[a-z][a-z0-9_]{0,62}$")
    """Of the columns that the result becomes."""
    replace_embeddings: bool = False


JobRequest = Annotated[IngestRequest | CategoriseRequest | WatchRequest, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Command:
    """What a job is to run."""

    kind: str
    title: str
    corpus: str
    """The whole path, or the address; of a watch, its name."""
    arguments: tuple[str, ...]
    asked: dict[str, Any]
    """The request with ``corpus_path`` instead of a name, which may mean another corpus in another console."""


def command(console: Console, asked: IngestRequest | CategoriseRequest | WatchRequest) -> Command:
    """The arguments that do what was asked for.

    Raises:
        NotFound: no corpus of that name is served.
        Forbidden: a place is not below a root.
        Unprocessable: something does not go together.
    """
    if isinstance(asked, WatchRequest):
        name, words, kept = watch_command(console, asked)
        return Command("watch", name, name, tuple(words), kept)
    if asked.corpus not in console.corpora:
        raise NotFound(f"no corpus {asked.corpus[:100]!r} is served here")
    path = located(console.corpora[asked.corpus])
    if isinstance(asked, IngestRequest):
        title, arguments = _ingest(console, asked, path)
    else:
        title, arguments = _categorise(console, asked, path)
    return Command(asked.kind, title, path, tuple(arguments), asked.model_dump(exclude={"corpus"}))


def command_again(console: Console, asked: dict[str, Any], path: str) -> Command:
    """The command of a job that was begun before, perhaps by another console: checked by what this one may.

    Raises:
        Forbidden: this console does not serve its corpus, or its places are not below its roots.
        Unprocessable: its places are gone.
    """
    if asked.get("kind") == "watch":
        return Command("watch", path, path, tuple(watch_again(console, asked)), asked)
    name = next((name for name, one in console.corpora.items() if located(one) == path), None)
    if name is None:
        raise Forbidden("this console does not serve the corpus of this job: resume it from one that does")
    kinds: dict[str, type[IngestRequest | CategoriseRequest]] = {
        "ingest": IngestRequest,
        "categorise": CategoriseRequest,
    }
    kind = kinds.get(str(asked.get("kind")))
    if kind is None:
        raise Unprocessable("this job is of a kind that this console does not know")
    try:
        same = kind.model_validate({**asked, "corpus": name})
    except ValidationError as error:
        raise Unprocessable("this job was begun by another version of CompoundEye: begin it anew") from error
    return command(console, same)


def _ingest(console: Console, asked: IngestRequest, path: str) -> tuple[str, list[str]]:
    places = [source(one, console.served.roots) for one in asked.sources]
    options = ["--json", *_workers(asked), *(["--retry-failed"] if asked.retry_failed else [])]
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{places[0].partition('?')[0]}{more}", ["ingest", *options, "--", *places, path]


def _categorise(console: Console, asked: CategoriseRequest, path: str) -> tuple[str, list[str]]:
    card = catalogue().get(asked.model)
    if card is None:
        raise Unprocessable(f"the catalogue has no model {asked.model[:100]!r}; GET /api/v1/models lists them")
    if card.task == "detect":
        raise Unprocessable(f"{card.name} finds things: it cannot say what a picture is, choose another model")
    options = ["--json", *_workers(asked), f"--model={asked.model}", f"--name={asked.name}"]
    by_example = asked.way in ("examples", "corrections")
    if asked.way == "examples":
        if asked.examples is None:
            raise Unprocessable("examples: give a folder with one subfolder of pictures for each category")
        options.append(f"--examples={folder(asked.examples, console.served.roots)}")
    if asked.way == "corrections" or (asked.way == "examples" and asked.use_corrections):
        options.append("--use-corrections")
    if asked.way == "labels" and card.labels is None:
        raise Unprocessable(f"{asked.model} has no labels of its own: choose examples, corrections or another model")
    if asked.way == "words":
        options.append(f"--categories={_categories(asked, reads=card.text)}")
    if asked.calibrate:
        if by_example:
            raise Unprocessable("calibrate is for labels and words; examples are calibrated on themselves")
        options.append("--calibrate")
    if asked.precision is not None:
        options.append(f"--precision={asked.precision!r}")
    if asked.replace_embeddings:
        options.append("--replace-embeddings")
    return f"{asked.name}, by {asked.way} with {asked.model}", ["categorise", *options, "--", path]


def _categories(asked: CategoriseRequest, *, reads: bool) -> str:
    if not reads:
        raise Unprocessable(f"{asked.model} does not read text: choose a model that does for categories in words")
    if len({one.casefold() for one in asked.categories}) < 2:
        raise Unprocessable("categories: give at least two different ones")
    if any("," in one or not one.isprintable() for one in asked.categories):
        raise Unprocessable("categories: names without commas and control characters, one each")
    return ",".join(asked.categories)


def _workers(asked: _Request) -> list[str]:
    return [] if asked.workers is None else [f"--workers={asked.workers}"]
