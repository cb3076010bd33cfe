"""Run an erasure in a process that kills itself at a chosen step."""

import os
import signal
import sys
from itertools import count

from flows.privacy.erasure import erase_user
from flows.settings import Settings

_STEPS = frozenset({"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir"})


def erase_and_die(data_dir: str, user_id: int, step: int) -> None:
    """Erase the person, and kill the process at the `step`th rename, link, removal or new folder."""
    steps = count(1)

    def die(event: str, _: object) -> None:
        if event in _STEPS and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(die)
    erase_user(Settings(_env_file=None, OOO_DATA_DIR=data_dir), user_id)
