"""A thousand tenants' singular-value vectors in mixed batches: what they cost beside none.

SmolLM2, 64 leading directions of each MLP matrix and one factor for the rest; sixteen streams, each step with
other vectors. The error is that of one matrix in the factored form against the dense recomposition in float64.
"""

import numpy as np
import torch

from benchmarks import ours
from benchmarks.report import Figure, Report
from benchmarks.rounds import alternate
from secretariat.models.adapters.svf import make_basis
from secretariat.models.kernels.library import Program, Step, library
from secretariat.models.kernels.linear.packing import pack
from secretariat.models.kernels.svf.reference import dense
from secretariat.models.nets.adapters import AdapterPlan, SvfBasis, SvfVector
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.load import build_network
from secretariat.models.nets.native.adapters import NativeAdapters
from secretariat.models.nets.network import Network
from secretariat.models.nets.weights import Values, Weights

VECTORS, STREAMS, STEPS = 1000, 16, 40


def svf_figure(report: Report) -> Figure:
    checkpoint = open_checkpoint(ours.SMOLLM2)
    basis = make_basis(checkpoint.weights, checkpoint.config)
    draw = np.random.default_rng(3)
    vectors = [_vector(basis, draw) for _ in range(VECTORS)]
    report.add(
        Figure(
            "SVF: error against the dense form",
            _error(checkpoint.weights, basis, vectors[0]),
            1e-3,
            "",
            least=False,
        )
    )
    plan = AdapterPlan(rows=VECTORS, basis=basis)
    mixed = Mixed(build_network(checkpoint, backend="native", threads=ours.THREADS, adapters=plan))
    assert mixed.net.adapters is not None
    for row, vector in enumerate(vectors, 1):
        mixed.net.adapters.set(row, vector)
    plain = Mixed(build_network(checkpoint, backend="native", threads=ours.THREADS))
    rounds = alternate(5, {"mixed": lambda: mixed.rate(VECTORS), "plain": lambda: plain.rate(0)})
    report.note("SVF tok/s over 16 streams", rounds.summary())
    slower = 100 * (1 - rounds.ratio("mixed", "plain"))
    return Figure("SVF: 1,000 vectors in mixed batches, slower than none by", slower, 12, "%", least=False)


def _vector(basis: SvfBasis, draw: np.random.Generator) -> SvfVector:
    matrices = len(basis.directions)
    z = tuple(draw.normal(1, 0.1, len(p.sigma_R)).astype(np.float32) for p in basis.directions)
    rest = tuple(draw.normal(1, 0.05, matrices).tolist())
    return SvfVector("measured", "0" * 64, basis.digest, z, rest, (1.0,) * matrices)


class Mixed(ours.Streams):
    """Streams that take turns with the vectors."""

    def __init__(self, net: Network) -> None:
        super().__init__(net, STREAMS, 256)

    def rate(self, vectors: int) -> float:
        for stream in range(STREAMS):
            self.prefill(list(range(100, 132)), stream)
        if vectors:
            self.adapters = np.random.default_rng(5).integers(1, vectors + 1, STREAMS).tolist()
        return self.decode(STEPS)


def _error(weights: Weights, basis: SvfBasis, vector: SvfVector) -> float:
    """Of the first layer's last matrix, through the compiled operations: Frobenius norms, relative."""
    at = 2
    part = basis.directions[at]
    weight_OI = torch.from_numpy(weights[f"{part.matrix}.weight"].floats())
    u_OK, sigma_K, vt_KI = torch.linalg.svd(weight_OI.double(), full_matrices=False)
    z_K = torch.full_like(sigma_K, vector.rest[at])
    z_K[: len(part.sigma_R)] = torch.from_numpy(vector.z[at]).double()
    x_NI = torch.randn(64, weight_OI.shape[1], generator=torch.Generator().manual_seed(1))
    expected_NO = x_NI.double() @ dense(u_OK, sigma_K, vt_KI.T, z_K, vector.scale[at]).T
    found_NO = _through_operations(weight_OI, basis, vector, part.matrix, x_NI)
    return float((found_NO.double() - expected_NO).norm() / expected_NO.norm())


def _through_operations(
    weight_OI: torch.Tensor, basis: SvfBasis, vector: SvfVector, matrix: str, x_NI: torch.Tensor
) -> torch.Tensor:
    compiled = library()
    assert compiled is not None
    adapters = NativeAdapters(AdapterPlan(rows=1, basis=basis))
    adapters.set(1, vector)
    program = Program(compiled, ours.THREADS)
    y_NO = torch.zeros(len(x_NI), len(weight_OI))
    adapters.weigh(program, matrix, pack(Values(weight_OI.numpy()), "float32"), x_NI, y_NO)
    run_of, carried = np.zeros(len(x_NI), np.int32), np.ones(1, np.int32)
    program.run(
        Step(tokens=len(x_NI), runs=1, exact=1, run_of=run_of.ctypes.data, adapters=carried.ctypes.data)
    )
    return y_NO
