from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import plotly.graph_objects as go
from made_pages import Page, multiplied, runs_table, write_results

from downlaw.report.page import write_page
from downlaw.report.page.blocks import Names


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
    for path in written.tables:
        table = pd.read_csv(path)
        texts = [name for name in table if table[name].astype(str).str.contains(r"\d \[").any()]
        assert not texts, f"{path.name} holds {texts} as text"


def test_the_same_tables_and_study_give_the_same_bytes_wherever_they_lie(study: Path, tmp_path: Path):
    """Also of a folder whose path is in the study, as the workflow gives it."""
    pages = []
    for place in ("one", "an/other place"):
        folder = tmp_path / place / "results"
        shutil.copytree(study, folder)
        for config in (None, {"study": "mine", "results": str(folder)}):
            pages.append(write_page(folder, folder / "report/report.html", config=config, draw=False).page)
            pages[-1] = pages[-1].read_bytes()
            assert str(tmp_path).encode() not in pages[-1]
    assert pages[0] == pages[2] and pages[1] == pages[3] and pages[0] != pages[1]


def test_a_renamed_folder_gives_the_same_bytes_with_its_study(study: Path, tmp_path: Path):
    config = {"study": "mine", "results": "results"}
    shutil.copytree(study, tmp_path / "copy")
    pages = [
        write_page(f, f / "report/report.html", config=config, draw=False).page for f in (tmp_path / "copy",)
    ]
    shutil.copytree(study, tmp_path / "results")
    folder = tmp_path / "results"
    pages.append(write_page(folder, folder / "report/report.html", config=config, draw=False).page)
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_the_study_is_kept_beside_the_page_and_found_again(study: Path, tmp_path: Path, read):
    folder = tmp_path / "results"
    shutil.copytree(study, folder)
    first = write_page(folder, folder / "report/report.html", config={"study": "mine", "track": "transfer"},
                       draw=False).page.read_bytes()  # fmt: skip
    again = write_page(folder, folder / "report/report.html", draw=False).page
    assert again.read_bytes() == first and "study: mine" in read(folder).text
    (folder / "report/report_tables/study.yaml").write_text(": [")
    assert "The study file was not given" in read(folder).text


def test_tables_of_an_earlier_page_are_cleared_and_no_others(study: Path, tmp_path: Path):
    page = tmp_path / "report.html"
    write_page(study, page, draw=False)
    tables = tmp_path / "report_tables"
    (tables / "my own.csv").write_text("a\n")
    runs_table(["en"]).to_csv(tmp_path / "runs.csv", index=False)
    again = write_page(tmp_path, page, draw=False)
    left = {path.name for path in tables.glob("*.csv")}
    assert left == {"my own.csv", *(path.name for path in again.tables)} and len(left) < 12


def test_figures_older_than_the_tables_are_not_linked(study: Path, tmp_path: Path):
    folder = tmp_path / "results"
    shutil.copytree(study, folder)
    figures_there = folder / "report/figures"
    figures_there.mkdir(parents=True)
    old = figures_there / "en-de_8000_bleu.png"
    old.write_bytes(b"of the report")
    said: list[str] = []
    page = folder / "report/report.html"
    assert 'href="figures/en-de_8000_bleu.png"' in write_page(folder, page, draw=False).page.read_text()
    os.utime(old, (1e9, 1e9))
    text = write_page(folder, page, draw=False, say=said.append).page.read_text()
    assert "figures/en-de_8000_bleu.png" not in text
    assert said == [f"1 figures in {figures_there} are older than the tables: the page links none of them"]


def test_nothing_is_asked_of_a_network(study: Path, read, tmp_path: Path):
    page = read(study)
    assert not [link for link in page.links if "//" in link]
    assert {"img", "iframe", "object", "embed", "audio", "video", "base"}.isdisjoint(page.tags)
    text = (tmp_path / "out/report.html").read_text()
    assert "default-src 'none'" in text
    outside = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert "</html>" in outside and len(outside) > 20_000
    assert not re.search(r"""(?<![\w-])(src|srcset|poster|action|background)\s*=|@import|url\(""", outside)
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "@import" not in style and "url(" not in style
    assert not re.search(r"<script[^>]*\bsrc\b", text)


def test_all_runs_together_have_their_note(study: Path, read):
    assert "All runs together: " in read(study).text


def test_long_names_and_names_that_files_cannot_tell_apart(tmp_path: Path, read):
    long = "x" * 130
    page = read(write_results(tmp_path / "results", runs_table([long + "1", long + "2"], tasks=(long,))))
    assert len(page.ids) == len(set(page.ids)) and max(len(id.encode()) for id in page.ids) < 150
    names = Names()
    found = [names.unused("é" * 80, metric) for metric in ("bleu", "chrf", "bleu")]
    assert len(set(found)) == 3 and all(len(name.encode()) <= 120 for name in found)


def test_two_tasks_with_one_stem_have_figures_of_their_own(tmp_path: Path):
    folder = write_results(tmp_path / "results", runs_table(["en"], tasks=("a/b", "a-b"), points=2))
    there = folder / "report/figures"
    there.mkdir(parents=True)
    (there / "a-b_8000_bleu.png").write_bytes(b"of either task")
    written = write_page(folder, tmp_path / "report.html")
    links = [unquote(link) for link in Page(written.page.read_text()).links if link.endswith("_bleu.png")]
    links += [path.name for path in written.figures if "_bleu_" in path.name and path.suffix == ".png"]
    assert sorted(links) == ["a-b_8000_bleu_1-of-2.png", "a-b_8000_bleu_2-of-2.png"]
    page = Page(written.page.read_text())
    pngs = [link for link in page.links if link.endswith(".png")]
    assert len(pngs) == len(set(pngs)) == page.tags.count("figure")


def test_a_mixture_without_a_law_is_said_beside_the_chart_of_budgets(study: Path, tmp_path: Path, read):
    folder = tmp_path / "results"
    shutil.copytree(study, folder)
    valued = pd.read_csv(folder / "valuations.csv")
    gone = (valued["metric"] == "bleu") & (valued["mixture"] == "en+de")
    valued.loc[gone, ["answer", "predicted", "predicted_low", "predicted_high"]] = [
        "no law",
        None,
        None,
        None,
    ]
    valued.loc[valued["metric"] == "bleu", "best_mixture"] = "en"
    valued.to_csv(folder / "valuations.csv", index=False)
    alts = read(folder).alts
    assert any(
        "Of those with a law, en is ahead at Dp" in alt and "en+de has no law there." in alt for alt in alts
    )


def test_the_words_of_the_answer_are_explained_with_the_levels_of_intervals(study: Path, read):
    text = read(study).text
    assert "of laws and predictions 90%, of scores and of measured differences 95%" in text
    assert text.index("draws of the noise") < text.index(
        "Laws and their points", text.index("serves en-de best")
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
