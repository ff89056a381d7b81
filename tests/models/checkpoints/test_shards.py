"""A checkpoint in several files: what its index says and what the files hold must be the same."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from secretariat.models.checkpoints.digest import file_sha256, weights_sha256
from secretariat.models.checkpoints.shards import open_shards
from secretariat.models.errors import ModelError


@pytest.fixture
def folder(tmp_path):
    for number in range(2):
        save_file({f"t{number}": torch.full((2, 2), float(number))}, tmp_path / f"part-{number}.safetensors")
    place(tmp_path, {"t0": "part-0.safetensors", "t1": "part-1.safetensors"})
    return tmp_path


def place(folder, weight_map: object) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_tensors_come_from_the_file_that_the_index_names(folder):
    shards = open_shards(folder)
    assert [path.name for path in shards.paths] == ["part-0.safetensors", "part-1.safetensors"]
    np.testing.assert_array_equal(shards.tensors["t1"].floats(), np.ones((2, 2)))


@pytest.mark.parametrize(
    ("weight_map", "place_named"),
    [
        ({}, "no weight_map"),
        ([], "no weight_map"),
        ({"t0": "part-0.safetensors"}, None),
        ({"t0": "part-0.safetensors", "t1": "part-0.safetensors"}, "places tensor t1 in part-0"),
        ({"t0": "../part-0.safetensors"}, "no file of this directory"),
        ({"t0": "/etc/passwd"}, "no file of this directory"),
        ({"t0": 5}, "no file of this directory"),
    ],
)
def test_an_index_that_lies_is_refused(folder, weight_map, place_named):
    place(folder, weight_map)
    if place_named is None:
        assert open_shards(folder).tensors.keys() == {"t0"}
        return
    with pytest.raises(ModelError, match=place_named) as caught:
        open_shards(folder)
    assert caught.value.code == "checkpoint_invalid"


def test_a_tensor_that_the_index_forgot_is_refused(folder):
    save_file({"t0": torch.zeros(1), "more": torch.zeros(1)}, folder / "part-0.safetensors")
    with pytest.raises(ModelError, match="leaves out tensor more of part-0"):
        open_shards(folder)


def test_an_absent_shard_is_missing_weights(folder):
    (folder / "part-1.safetensors").unlink()
    with pytest.raises(ModelError) as caught:
        open_shards(folder)
    assert caught.value.code == "weights_missing"


def test_the_digest_of_several_files_changes_with_any_of_them(folder):
    paths = sorted(folder.glob("*.safetensors"))
    before = weights_sha256(paths)
    assert before != weights_sha256(paths[::-1])
    assert weights_sha256(paths[:1]) == file_sha256(paths[0])
    save_file({"t1": torch.full((2, 2), 7.0)}, paths[1])
    assert weights_sha256(paths) != before
