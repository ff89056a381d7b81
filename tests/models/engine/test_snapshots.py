import pytest
import torch

from secretariat.models.engine.snapshots import Form, SnapshotPool, pack, unpack
from secretariat.models.nets.memory import Memory, MemorySize
from tests.models.engine.hybrid import HYBRID

ERROR: dict[Form, float] = {"float32": 0.0, "bfloat16": 2**-8, "int8": 0.5 / 127}


@pytest.mark.parametrize("form", ERROR)
def test_a_state_comes_back_as_precisely_as_its_form_says(form: Form):
    values = torch.randn(5, 7, 33) * torch.logspace(-6, 6, 7)[:, None]
    values[2, 3] = 0
    error = (unpack(pack(values, form)) - values).abs()
    bound = values.abs() if form == "bfloat16" else values.abs().amax(-1, keepdim=True)
    assert (error <= ERROR[form] * bound * 1.001).all()
    assert unpack(pack(values, form))[2, 3].abs().max() == 0


@pytest.mark.parametrize("form", ERROR)
def test_bytes_are_counted_as_they_are(form: Form):
    memory = Memory(HYBRID, MemorySize(4, 3))
    for part in (*memory.conv, *memory.recurrent):
        part.normal_()
    pool = SnapshotPool(memory, form)
    numbers = [pool.save(1, 9), pool.save(2, 9, exact=True)]
    assert pool.bytes == pool.size() + pool.size(exact=True) == sum(map(pool.bytes_of, numbers))
    assert pool.size(exact=True) == Memory.slot_bytes(HYBRID)
    for number in numbers:
        pool.release(number)
    assert (pool.bytes, len(pool)) == (0, 0)


def test_a_snapshot_is_a_copy_and_an_exact_one_has_the_very_bits():
    memory = Memory(HYBRID, MemorySize(4, 3))
    for part in (*memory.conv, *memory.recurrent):
        part.normal_()
    before = [part.clone() for part in memory.slot_arrays(1)]
    pool = SnapshotPool(memory, "int8")
    number = pool.save(1, 9, exact=True)
    memory.clear_slot(1)
    pool.load(number, 3)
    assert all(torch.equal(a, b) for a, b in zip(memory.slot_arrays(3), before, strict=True))
    assert all(not part.any() for part in memory.slot_arrays(1))
