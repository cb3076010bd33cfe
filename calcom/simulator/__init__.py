"""A simulator of Cal.com's API v2 for out-of-office entries.

`World` is the data, `Simulator` the API as an ASGI application, and `serve` a real HTTP server for it.
`Limits` sets the rate limits, and `Fault` scripts a fault.
"""

from calcom.simulator.accounts import (
    ACCESS_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    CUSTOM_LIMITS_KEY,
    EXPIRED_KEY,
    EXPIRED_TOKEN,
    MEMBER_KEY,
    NO_ADMIN_API_KEY,
    OTHER_ORGANIZATION_KEY,
    OWNER_KEY,
    Credentials,
    Limits,
    RateLimit,
)
from calcom.simulator.app import ServedRequest, Simulator
from calcom.simulator.faults import ABSENT, Fault
from calcom.simulator.server import RunningServer, run_forever, serve
from calcom.simulator.world import World

__all__ = [
    "ABSENT",
    "ACCESS_TOKEN",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "CUSTOM_LIMITS_KEY",
    "EXPIRED_KEY",
    "EXPIRED_TOKEN",
    "MEMBER_KEY",
    "NO_ADMIN_API_KEY",
    "OTHER_ORGANIZATION_KEY",
    "OWNER_KEY",
    "Credentials",
    "Fault",
    "Limits",
    "RateLimit",
    "RunningServer",
    "ServedRequest",
    "Simulator",
    "World",
    "run_forever",
    "serve",
]
