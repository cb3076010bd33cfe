"""Run `ooo sync` per user, with a clock that runs faster by the factor in the first argument."""

import asyncio
import sys
import time
from dataclasses import replace

from calcom.strategy import Strategy
from flows.run import stages as pipeline
from flows.run.progress import SilentListener
from flows.settings import load_settings

SPEED = float(sys.argv[1])


def clock() -> float:
    """Return the seconds of the fast clock."""
    return time.monotonic() * SPEED


async def sleep(seconds: float) -> None:
    """Sleep for `seconds` of the fast clock."""
    await asyncio.sleep(seconds / SPEED)


settings = load_settings()
connection = replace(settings.connection(), clock=clock, sleep=sleep)
pipeline.sync(settings, strategy=Strategy.PER_USER, listener=SilentListener(), connection=connection)
