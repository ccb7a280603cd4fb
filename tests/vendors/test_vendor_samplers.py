"""The vendors' own samplers, which use more of each protocol than our adapters do, work with the stand-ins."""

from pathlib import Path
from typing import Any

import dimod
import pytest

from quantum_scheduler.testing.port import VendorServer


@pytest.fixture
def model() -> dimod.BinaryQuadraticModel:
    model: dimod.BinaryQuadraticModel = dimod.generators.gnp_random_bqm(12, 0.6, "SPIN", random_state=1)
    return model


@pytest.fixture
def least(model: dimod.BinaryQuadraticModel) -> Any:
    solver = dimod.ExactSolver()  # type: ignore[no-untyped-call]  # dimod types half of itself
    return pytest.approx(solver.sample(model).first.energy)


def test_the_samplers_of_d_wave(
    servers: dict[str, VendorServer], model: dimod.BinaryQuadraticModel, least: Any
) -> None:
    from dwave.system import DWaveSampler, EmbeddingComposite, LeapHybridSampler  # noqa: PLC0415  collecting tests loads no SDK

    environment = servers["dwave"].environment()
    account = {
        "endpoint": environment["DWAVE_API_ENDPOINT"],
        "token": environment["DWAVE_API_TOKEN"],
        "config_file": False,
        "cache_home": "off",
    }
    with DWaveSampler(**account) as annealer:
        assert EmbeddingComposite(annealer).sample(model, num_reads=100).first.energy == least
    with LeapHybridSampler(**account) as hybrid:
        assert hybrid.sample(model, time_limit=3).first.energy == least


def test_the_sampler_of_dynex(
    servers: dict[str, VendorServer], model: dimod.BinaryQuadraticModel, least: Any, tmp_path: Path
) -> None:
    import dynex  # noqa: PLC0415

    environment = servers["dynex"].environment()
    config = dynex.DynexConfig(
        sdk_key=environment["DYNEX_SDK_KEY"],
        grpc_endpoint=environment["DYNEX_GRPC_ENDPOINT"],
        compute_backend="gpu",
        use_notebook_output=False,
        tmp_dir=str(tmp_path),
    )
    posed = dynex.BQM(model.change_vartype(dimod.BINARY, inplace=False), config=config)
    sampled = dynex.DynexSampler(posed, config=config, logging=False).sample(num_reads=32, preprocess=False)
    assert sampled.first.energy == least
