"""docs/config.md: every key of a study file with its values, default and meaning, written from the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from .base import Language, Name, Sha256
from .config import Study
from .lm import LmStudy
from .sources import debian, huggingface, mtdata

Schema = Mapping[str, Any]

INTRODUCTION = """\
# The study file, key by key

Written by `downlaw schema --markdown` from the models that check a study file; do not edit. `downlaw schema`
and `downlaw schema --track lm` give the same as JSON schema, with which an editor completes and checks a
file. [study.md](study.md) says how the sections work together; `config.yaml` and `studies/` are whole
examples.

* Headings are paths of keys, as errors name them. `NAME` stands for a name that you choose, `[]` for each
  entry of a list.
* A section that is left out has the defaults of its keys. A default of `null` is a key that is not set. A key
  that is not listed here is refused.
* A *name* begins with a letter or digit and goes on with these, `_`, `+` and `-`. A *language code* is two or
  three small letters. A *path* starts where Snakemake runs, unless it is absolute.
"""

_KINDS = {
    Name: "name",
    Language: "language code",
    Sha256: "SHA-256",
    debian.PackageName: "package name",
    debian.Version: "version",
    debian.Archive: "URL",
    debian.Keyring: "absolute path",
    huggingface.Dataset: "owner/name",
    huggingface.Commit: "commit",
    huggingface.Pattern: "path with `*` and `?`",
    mtdata.MtdataId: "mtdata id",
}
PATTERNS = {get_args(kind)[1].pattern: words for kind, words in _KINDS.items()}
"""What strings of a pattern are called; those of any other pattern are text."""

TRANSFER_PART, LM_PART = "The transfer track", "The over-training track"
PARTS = {
    "The study": ("study", "results", "seed"),
    "Text": ("corpora", "cleaning", "split", "decontaminate", "tokenizer", "mixtures"),
    TRANSFER_PART: (
        "track",
        "languages",
        "tasks",
        "model",
        "pretrain",
        "finetune",
        "evaluate",
        "laws",
        "resources",
    ),
    LM_PART: ("track", "languages", "overtrain", "evaluate", "laws", "resources"),
    "Hardware, figures, archive": ("compute", "figures", "archive"),
}
"""Keys of the top of a file in the order of the page; what is in no track's part is the same in both."""


def config_reference() -> str:
    """The page, in Markdown."""
    page = _Page()
    for title, keys in PARTS.items():
        page.part(title, (LmStudy if title == LM_PART else Study).model_json_schema(), keys)
    return "\n".join([INTRODUCTION, *page.contents, "", *page.lines]).rstrip() + "\n"


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading, the first of its name."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _linked(text: str) -> str:
    """A description with links to the pages that it names."""
    return re.sub(r"docs/([\w-]+\.md)", r"[\1](\1)", text)


@dataclass
class _Page:
    """What is written so far.

    Attributes:
        headings: of every model that has its section, by name; each is described once.
    """

    lines: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    headings: dict[str, str] = field(default_factory=dict)
    models: dict[str, Schema] = field(default_factory=dict)

    def part(self, title: str, study: Schema, keys: tuple[str, ...]) -> None:
        """Some keys of the top of a study, and every mapping below them."""
        self.models = study["$defs"]
        self.lines += [f"## {title}", ""]
        self._keys("", "", {**study, "properties": {key: study["properties"][key] for key in keys}}, level=3)
        sections = [self._link(f"`{key}`", *_references(study["properties"][key])) for key in keys]
        self.contents.append(f"* [{title}](#{anchor(title)}): {', '.join(sections)}")

    def _link(self, text: str, *references: str) -> str:
        """Text that leads to the section of the first of some models, where there is any."""
        return f"[{text}](#{anchor(self.headings[references[0]])})" if references else text

    def _keys(self, path: str, form: str, model: Schema, level: int) -> None:
        """The table of a mapping's keys, then a section for each mapping that they hold.

        Args:
            form: what tells this form of the mapping from others at the same path.
        """
        required, properties = model.get("required", ()), model["properties"]
        first = [key for key in ("source", "kind") if key in properties]
        rest = sorted(properties.keys() - set(first), key=list(properties).index)
        rest.sort(key=lambda key: key not in required and bool(path))
        new = list(self._name_sections(path, form, properties))
        self.lines += ["| key | value | default | meaning |", "| --- | --- | --- | --- |"]
        for key in [*first, *rest]:
            default = "**required**" if key in required else self._default(properties[key])
            cells = (f"`{key}`", self._value(properties[key]), default, self._meaning(properties[key]))
            self.lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        self.lines.append("")
        for below, told, reference in new:
            self.lines += [f"{'#' * level} {self.headings[reference]}", ""]
            self.lines += [_linked(self.models[reference]["description"]), ""]
            self._keys(below, told, self.models[reference], min(level + 1, 5))

    def _name_sections(self, path: str, form: str, properties: Schema) -> Iterator[tuple[str, str, str]]:
        """Give a heading to each model that has none yet: (path, form, model)."""
        for key, schema in properties.items():
            references = _references(schema)
            for reference in references:
                if reference in self.headings:
                    continue
                below = f"{path}.{key}".lstrip(".") + _steps(schema)
                alike = [other for other in properties if _references(properties[other]) == [reference]]
                told = f", {self._told_by(reference, references)}" if len(references) > 1 else form
                heading = ", ".join([f"`{below}`", *(f"`{other}`" for other in alike[1:])]) + told
                if heading in self.headings.values():
                    heading += ", over-training"
                self.headings[reference] = heading
                yield below, told, reference

    def _told_by(self, reference: str, references: list[str]) -> str:
        """The keys that tell one form of a mapping from the others."""
        forms = {name: self.models[name]["properties"] for name in references}
        key = "source" if all("const" in form.get("source", ()) for form in forms.values()) else "kind"
        told = [key]
        if [form[key] for form in forms.values()].count(forms[reference][key]) > 1:
            told.append("kind")
        return ", ".join(f"`{each}: {self._value(forms[reference][each])[1:]}" for each in told)

    def _meaning(self, schema: Schema) -> str:
        """What a key's description says, else the first sentence of what it holds."""
        if "description" in schema:
            return _linked(schema["description"])
        said = self.models[_references(schema)[0]]["description"].split("\n\n")[0].replace("\n", " ")
        first = re.split(r"[.;] ", said)[0].rstrip(".")
        return first[0].lower() + first[1:] if first[1].islower() or first[1] == " " else first

    def _default(self, schema: Schema) -> str:
        default = schema.get("default")
        if isinstance(default, dict) and "$ref" in schema:
            own = self.models[_references(schema)[0]]["properties"]
            if all(key in own and own[key].get("default") == value for key, value in default.items()):
                return "its keys' own"
            return ", ".join(f"`{key}: {value}`" for key, value in default.items() if len(str(value)) < 20)
        return f"`{json.dumps(default)}`".replace('"', "")

    def _value(self, schema: Schema, each: bool = False) -> str:
        """What may stand there, in words; `each` in the plural."""
        if "$ref" in schema:
            return self._link("keys", *_references(schema))
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self._one_of(schema[several], each, schema.get("default", ""))
        if "enum" in schema or "const" in schema:
            *others, last = (f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
            return f"{', '.join(others)} or {last}" if others else last
        if schema["type"] == "array":
            return self._list(schema)
        if schema["type"] == "object":
            return self._mapping(schema)
        return _scalar(schema, each)

    def _one_of(self, forms: list[Schema], each: bool, default: Any) -> str:
        references = [name for form in forms for name in _references(form)]
        if len(references) > 1:
            told = {name: self._told_by(name, references) for name in references}
            return "the keys of " + " or ".join(self._link(told[name], name) for name in references)
        words = dict.fromkeys(self._value(form, each) for form in forms if form.get("type") != "null")
        null = any(form.get("type") == "null" for form in forms) and default is not None
        return " or ".join([*words, *(["`null`"] if null else [])])

    def _list(self, schema: Schema) -> str:
        if "prefixItems" in schema:
            return f"list of two {self._value(schema['prefixItems'][0], each=True)}"
        words = f"list of {self._value(schema['items'], each=True)}"
        return words + (f", at least {least}" if (least := schema.get("minItems", 0)) > 1 else "")

    def _mapping(self, schema: Schema) -> str:
        if "patternProperties" in schema:
            return f"names, each with {self._value(*schema['patternProperties'].values())}"
        keys = self._value(schema["propertyNames"]) if "propertyNames" in schema else "keys"
        return f"{keys}, each with {self._value(schema['additionalProperties'])}"


def _scalar(schema: Schema, each: bool) -> str:
    plural = "s" if each else ""
    if schema["type"] == "boolean":
        return "`true` or `false`"
    if schema["type"] == "string":
        if schema.get("format") == "path":
            return f"path{plural}"
        words = PATTERNS.get(schema.get("pattern", ""), "text")
        return words + (plural if words[-1].isalpha() else "")
    words = f"{'whole ' if schema['type'] == 'integer' else ''}number{plural}"
    bounds = {
        "exclusiveMinimum": "above",
        "minimum": "at least",
        "exclusiveMaximum": "below",
        "maximum": "at most",
    }
    said = [f"{word} {schema[key]:g}" for key, word in bounds.items() if key in schema]
    return " ".join([words, ", ".join(said)]).rstrip()


def _references(schema: Schema) -> list[str]:
    """The models that a key can hold, directly, by name or in a list."""
    if "$ref" in schema:
        return [schema["$ref"].rsplit("/", 1)[1]]
    inner = [
        *schema.get("anyOf", ()),
        *schema.get("oneOf", ()),
        *schema.get("patternProperties", {}).values(),
    ]
    if isinstance(schema.get("items"), dict):
        inner.append(schema["items"])
    return list(dict.fromkeys(name for form in inner for name in _references(form)))


def _steps(schema: Schema) -> str:
    """How the path of a key goes on to the mappings in it."""
    if "patternProperties" in schema:
        return ".NAME"
    return "[]" if schema.get("type") == "array" else ""
