"""Videos of a web server, from a listing to what is published."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from building import clips, ledger, published
from commanding import clipmill, refused
from footage import write_film
from listed import Listed, write
from web_server import web_server


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    for frames in (5, 6, 7):
        name = f"wa%lk é/{frames} x.avi"
        (folder / name).parent.mkdir(exist_ok=True)
        write_film(folder / name, frames, codec="mpeg4")
    return folder


@pytest.fixture
def server(films):
    with web_server() as server:
        server.files = {f"/set/{path.relative_to(films)}": path.read_bytes() for path in films.rglob("*.avi")}
        yield server


def build(out, *words):
    ran = clipmill("build", *words, "--out", out, "--workers", 1, "--max-missing", 9, "--max-failures", 9)
    assert ran.code == 0, ran
    return clipmill("failures", out, "--json").json


@pytest.mark.slow
def test_a_build_is_that_of_local_files(films, server, tmp_path):
    """By relative paths as files are called, and by URLs as they are typed; from a server that cuts connections."""
    names = [str(path.relative_to(films)) for path in sorted(films.rglob("*.avi"))]
    rows = [names[0], names[1], f"{server.url}/set/wa%25lk%20%C3%A9/7%20x.avi"]
    server.cut = min(map(len, server.files.values())) // 2
    web = write(tmp_path / "w.csv", "path,label\n" + "".join(f"{row},walk\n" for row in rows))
    local = write(tmp_path / "l.csv", "path,label\n" + "".join(f"{row},walk\n" for row in names))
    build(tmp_path / "web", web, "--videos", f"{server.url}/set")
    build(tmp_path / "local", local, "--videos", films)
    assert [row["frames"] for row in clips(tmp_path / "web")] == [5, 6, 7]
    assert published(tmp_path / "web") == published(tmp_path / "local")


def test_each_row_that_is_no_clip_has_its_reason(server, tmp_path):
    good = "wa%lk é/5 x.avi"
    with web_server() as other:
        other.files = server.files
        server.redirects = {
            "/set/elsewhere.avi": f"{other.url}/set/x.avi?signature=secret",
            "/set/here.avi": quote(f"/set/{good}"),
        }
        server.files["/set/page.avi"] = b"<html>" * 100
        server.files["/set/nothing.avi"] = b""
        rows = [
            "here.avi",
            "gone.avi",
            "elsewhere.avi",
            "page.avi",
            "nothing.avi",
            f"{server.url}/other/x.avi",
            f"{server.url}/set/%2e%2e/other/x.avi",
            f"{server.url}/set/a.avi?signature=secret",
            "b.avi?signature=secret",
            f"{other.url}/set/x.avi",
            "../x.avi",
        ]
        listing = write(tmp_path / "l.csv", "path,label\n" + "".join(f"{row},walk\n" for row in rows))
        found = build(tmp_path / "out", listing, "--videos", f"{server.url}/set")
        assert not other.asked
    assert [row["clip_id"] for row in clips(tmp_path / "out")] == ["here"]
    assert "secret" not in str(found)
    assert ledger(found) == {
        "gone.avi": "missing",
        "elsewhere.avi": "storage",
        "page.avi": "not_a_video",
        "nothing.avi": "empty",
        f"{server.url}/other/x.avi": "bad_row",
        f"{server.url}/set/%2e%2e/other/x.avi": "bad_row",
        f"{server.url}/set/a.avi": "bad_row",
        "b.avi": "bad_row",
        f"{other.url}/set/x.avi": "bad_row",
        "../x.avi": "bad_row",
    }
    assert {each.path.partition("?")[0] for each in server.asked if "other" in each.path} == set()


def test_a_listing_on_a_server(server, tmp_path):
    """Its relative paths start in its folder, or as far above as it says; it reaches nothing above its host."""
    server.files["/set/lists/l.csv"] = "path,label\n../wa%lk é/6 x.avi,walk\n5.avi,walk\n".encode()
    server.files["/set/lists/h.csv"] = b"path,label\n../../../x.avi,walk\n"
    read = Listed(f"{server.url}/set/lists/l.csv")
    assert read.options.videos == f"{server.url}/set"
    assert [clip.video for clip in read.clips] == ["wa%lk é/6 x.avi", "lists/5.avi"]
    (failure,) = Listed(f"{server.url}/set/lists/h.csv").failures
    assert failure.reason == "bad_row" and "leaves the root" in failure.message
    assert "there is no such file" in refused("build", f"{server.url}/set/lists/none.csv", "--out", tmp_path / "none")


def test_without_a_root_there_no_listing_reaches_the_network(server, tmp_path):
    listing = write(tmp_path / "l.csv", f"path,label\n{server.url}/set/5.avi,walk\n")
    for outside in (False, True):
        (failure,) = Listed(listing, allow_outside=outside).failures
        assert failure.reason == "bad_row" and "give the folder that holds it as --videos" in failure.message
    assert not server.asked


def test_what_is_refused_at_once(server, tmp_path):
    listing = write(tmp_path / "l.csv", "path,label\nx.avi,walk\n")
    assert "only read from" in refused("build", listing, "--out", f"{server.url}/out")
    signed = f"{server.url}/set?signature=secret"
    said = refused("build", listing, "--videos", signed, "--out", tmp_path / "out")
    assert "not taken" in said and "secret" not in said
