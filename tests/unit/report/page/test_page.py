from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import plotly.graph_objects as go
from made_pages import Page, multiplied, runs_table, write_results

from downlaw.report.page import write_page


def figures(page: Page) -> dict[str, dict]:
    return {id: json.loads(text) for id, text in page.scripts.items() if id.endswith("-data")}


def in_light(value):
    """A figure with the colours that the page's script puts in."""
    if isinstance(value, dict):
        return {name: in_light(each) for name, each in value.items()}
    if isinstance(value, list):
        return [in_light(each) for each in value]
    return "#123456" if isinstance(value, str) and value.startswith("@") else value


def test_the_question_and_the_answer_come_first(study: Path, read):
    text = read(study).text
    question = text.index("Which of 3 mixtures, read for Dp = 2.1M tokens, serves en-de best")
    assert (
        question
        < text.index("en+de: at Dp = 2.1M its laws lead in")
        < text.index("Laws and their points", question)
    )
    assert "clear for one seed" in text and "A second pretraining seed" in text


def test_everything_that_a_reader_needs_is_named(study: Path, read):
    text = read(study, config={"study": "mine", "track": "transfer"}).text
    for heading in (
        *("Verdicts", "Predictions", "BLEU against cross-entropy", "Degenerate output", "What was seen"),
        *("How each number was made", "The tables and their hashes", "The study file"),
    ):
        assert heading in text
    assert "study: mine" in text and "BLEU|tok:13a" in text


def test_ids_are_unique_and_every_label_and_anchor_has_its_element(study: Path, read):
    page = read(study)
    assert len(page.ids) == len(set(page.ids))
    anchors = {unquote(link[1:]) for link in page.links if link.startswith("#")}
    assert anchors and anchors <= set(page.ids) and set(page.labelled) <= set(page.ids)


def test_every_figure_has_a_text_a_table_and_what_plotly_can_draw(study: Path, read):
    page = read(study)
    found = figures(page)
    assert len(found) == page.tags.count("figure") == len(page.alts) > 5
    assert all(len(alt) > 60 for alt in page.alts)
    for id, figure in found.items():
        assert f"{id.removesuffix('-data')}-points" in page.ids
        go.Figure(in_light(figure))


def test_links_to_files_beside_the_page_resolve(study: Path, tmp_path: Path):
    written = write_page(study, tmp_path / "elsewhere/report.html")
    page = Page(written.page.read_text())
    files = [link for link in page.links if not link.startswith("#")]
    assert files and all((written.page.parent / unquote(link)).is_file() for link in files)
    endings = [Path(link).suffix for link in files]
    assert endings.count(".png") == endings.count(".svg") == page.tags.count("figure")
    assert len(written.tables) == len({path.name for path in written.tables})
    scores = pd.read_csv(next(path for path in written.tables if path.name.startswith("scores")))
    assert len(scores) == 16 and "cross_entropy" in scores


def test_the_same_tables_give_the_same_bytes(study: Path, tmp_path: Path):
    pages = [tmp_path / "report.html" for _ in range(2)]
    first, second = (write_page(study, page, draw=False).page.read_bytes() for page in pages)
    assert first == second


def test_nothing_is_asked_of_a_network(study: Path, read, tmp_path: Path):
    page = read(study)
    assert not [link for link in page.links if "//" in link]
    text = (tmp_path / "out/report.html").read_text()
    assert (
        "default-src 'none'" in text
        and "<img" not in text
        and " src=" not in text.split("</style>")[1][:9000]
    )


def test_names_are_text_wherever_they_stand(tmp_path: Path, read):
    evil = "<script>alert(1)</script>"
    runs = runs_table([evil, "a\"b'c&d", "</script><b>"], tasks=("<i>x</i>/../y",))
    page = read(write_results(tmp_path / "results", runs), draw=True)
    # Two scripts have no id: plotly and the page's own.
    assert page.tags.count("script") == len(page.scripts) + 1 and "b" not in page.tags
    assert "i" not in page.tags and evil in page.text
    assert len(page.ids) == len(set(page.ids))
    hovers = [
        text for figure in figures(page).values() for t in figure["data"] for text in t.get("hovertext", [])
    ]
    assert hovers and not any("<" in text for text in hovers)
    written = list((tmp_path / "out").rglob("*.png"))
    assert written and all(path.parent.name == "report_figures" for path in written)


def test_names_of_any_script(tmp_path: Path, read):
    mixtures, task = ["日本語+ドイツ語", "عربي", "ελληνικά $x_1$"], "日本-독일"
    page = read(write_results(tmp_path / "results", runs_table(mixtures, tasks=(task,))), draw=True)
    assert all(name in page.text for name in [*mixtures, task])
    assert len(page.ids) == len(set(page.ids)) and any("日本" in id for id in page.ids)
    assert list((tmp_path / "out/report_figures").glob("日本-독일*.svg"))


def test_two_hundred_curves_stay_below_15_mb(study: Path, tmp_path: Path, read):
    page = read(multiplied(study, tmp_path / "results", tasks=5, copies=20))
    assert (tmp_path / "out/report.html").stat().st_size < 15e6
    first = figures(page)["curve-task-0-8000-bleu-data"]
    assert len({trace["meta"] for trace in first["data"]}) == 40
    assert len({trace["meta"] for trace in first["data"] if trace.get("visible", True)}) == 10
    assert page.text.count("Show all") > 5


def test_figures_of_an_earlier_page_are_drawn_anew(study: Path, tmp_path: Path):
    first = write_page(study, tmp_path / "report.html")
    before = {path: path.read_bytes() for path in first.figures}
    for path in first.figures:
        path.write_bytes(b"of other tables")
    again = write_page(study, tmp_path / "report.html")
    assert {path: path.read_bytes() for path in again.figures} == before
