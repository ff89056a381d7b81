"""A training process ends with its worker, and never works in a folder beside another."""

import fcntl
import os
import signal
import subprocess
import sys
import time

import psutil

from secretariat.platform.training.folder import TrainingFolder

WORKER = (
    "import asyncio, pathlib, sys\n"
    "from secretariat.platform.training.child import TrainingChild\n"
    "async def main():\n"
    "    child = await TrainingChild.start(pathlib.Path(sys.argv[1]), 1)\n"
    "    print(child.process.pid, flush=True)\n"
    "    await asyncio.sleep(60)\n"
    "asyncio.run(main())\n"
)


def until(seconds, happened):
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends
        time.sleep(0.02)


def free(lock):
    handle = os.open(lock, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def test_a_killed_worker_takes_its_training_process_along(tmp_path):
    folder = TrainingFolder(tmp_path / "job")
    folder.prepare({"recipe": "sft", "model": "nowhere"}, [{"text": "a"}], [{"text": "b"}])
    (folder.path / "job.json").unlink()
    os.mkfifo(folder.path / "job.json")  # it waits there for as long as nobody tells it anything
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder.path)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    with worker.stdout as told:
        child = int(told.readline())
    until(30, lambda: (folder.path / "lock").exists() and not free(folder.path / "lock"))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    until(10, lambda: free(folder.path / "lock"))
    until(10, lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_words_lie_in_a_folder_only_while_they_are_learnt_from(tmp_path):
    folder = TrainingFolder(tmp_path / "job")
    assert folder.prepare({"steps": 1}, [{"text": "secret"}], [{"text": "held"}]) is False
    assert {path.stat().st_mode & 0o077 for path in [folder.path, *folder.path.iterdir()]} == {0}
    (folder.path / "state").mkdir()
    folder.without_words()
    assert not any(b"secret" in path.read_bytes() for path in folder.path.iterdir() if path.is_file())
    assert folder.prepare({"steps": 1}, [{"text": "secret"}], [{"text": "held"}]) is True
    assert (folder.path / "state").is_dir()
    assert folder.prepare({"steps": 1}, [{"text": "other"}], [{"text": "held"}]) is False
    assert not (folder.path / "state").exists()  # it has learnt from what is gone
