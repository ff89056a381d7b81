"""Reading a large checkpoint tensor by tensor leaves little of it in memory, and old views stay true."""

import numpy as np
import psutil

from secretariat.models.checkpoints.mapped_file import MappedFile

_MIB = 1 << 20


def test_only_what_was_asked_for_last_stays_resident(tmp_path):
    path = tmp_path / "large"
    data = np.random.default_rng(0).integers(0, 256, 64 * _MIB, dtype=np.uint8)
    data.tofile(path)
    mapped = MappedFile(path)
    before = psutil.Process().memory_info().rss
    first = mapped.view(0, 8 * _MIB)
    for at in range(0, 64, 8):
        part = mapped.view(at * _MIB, (at + 8) * _MIB)
        assert int(part.sum()) == int(data[at * _MIB : (at + 8) * _MIB].sum())
        assert psutil.Process().memory_info().rss - before < 24 * _MIB
    np.testing.assert_array_equal(first, data[: 8 * _MIB])


def test_writing_to_a_view_never_reaches_the_file(tmp_path):
    path = tmp_path / "small"
    path.write_bytes(b"weights")
    MappedFile(path).view(0, 7)[:] = 0
    assert path.read_bytes() == b"weights"
