"""Only one process writes to a run folder; others report that, or wait."""

import signal

from interruption import (
    SHORT,
    begins,
    complete,
    differences,
    finish,
    held,
    start,
    state,
    suspended,
    the_error,
    wait_until,
)


def ended(folder, processes):
    """Returns what processes that started at once wrote to standard error, after all have ended.

    The one that has the folder is suspended until the others have seen so, however late they try.
    """
    lock = folder / "run.lock"

    def holders():
        text = lock.read_text() if lock.exists() else ""
        return [process for process in processes if text.startswith(f"process {process.pid} ")]

    assert wait_until(lambda: holders() != [], *processes)
    (holder,) = holders()
    with suspended(holder):
        errors = {process: process.communicate(timeout=300)[1] for process in processes if process is not holder}
    errors[holder] = holder.communicate(timeout=300)[1]
    return [errors[process] for process in processes]


def test_lock_names_its_owner_and_is_released_when_the_owner_ends(whole, run):
    holder = start(run, *SHORT)
    assert wait_until(lambda: begins(run) == 1, holder)
    with suspended(holder):
        line = the_error(finish(start(run, *SHORT), 2))
        assert holder.poll() is None
    assert f"is being written by another run: process {holder.pid} on " in line
    holder.kill()
    holder.communicate()
    complete(run)
    assert differences(whole, run) == []


def test_one_of_several_new_runs_gets_the_folder(whole, run):
    processes = [start(run, *SHORT) for _ in range(3)]
    errors = ended(run, processes)
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 2, 2]
    for code, err in zip(codes, errors, strict=True):
        if code:
            assert str(run) in the_error(err)
    assert differences(whole, run) == []


def test_waiting_run_resumes_when_the_lock_owner_dies(whole, run):
    holder = start(run, *SHORT)
    assert wait_until((run / "last.safetensors").exists, holder)
    begun = begins(run)
    with suspended(holder):
        waiting = start(run, *SHORT, "--wait-for-lock", "300")
        announcement = waiting.stderr.readline()
        holder.kill()
        holder.communicate()
    assert announcement.startswith("py-djl-resnet: warning: Waiting up to 300 s. ")
    assert f"run folder {run} is being written by another run: process {holder.pid} on " in announcement
    assert finish(waiting) == ""
    assert begins(run) == begun + 1
    assert differences(whole, run) == []


def test_waiting_can_be_interrupted_and_times_out(stopped):
    before = state(stopped)
    with held(stopped) as holder:
        for number, code, err in (
            (signal.SIGINT, 130, "py-djl-resnet: interrupted\n"),
            (signal.SIGTERM, -signal.SIGTERM, ""),
        ):
            waiting = start(stopped, *SHORT, "--wait-for-lock", "300")
            assert f"process {holder.pid} on " in waiting.stderr.readline()
            waiting.send_signal(number)
            assert finish(waiting, code) == err
        err = finish(start(stopped, *SHORT, "--wait-for-lock", "1"), 2)
    assert f"process {holder.pid} on " in the_error(err)
    assert err.startswith("py-djl-resnet: warning: Waiting up to 1 s. ")
    assert state(stopped) == before


def test_one_of_two_resumes_a_run(whole, stopped):
    processes = [start(stopped, *SHORT) for _ in range(2)]
    errors = ended(stopped, processes)
    assert sorted(process.returncode for process in processes) == [0, 2]
    (rejection,) = [err for err in errors if err]
    assert "is being written by another run: process " in the_error(rejection)
    assert differences(whole, stopped) == []
